package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"golang.org/x/oauth2"

	"github.com/patrolhq/patrol/api"
)

// browserTimeout is how long a person may take in the browser.
const browserTimeout = 5 * time.Minute

// method is a way to sign in. It returns credentials without Server and SignIn,
// which its caller knows.
type method interface {
	// browser shows the sign-in page by open and waits for the person there.
	browser(ctx context.Context, open func(address string) error) (credentials, error)
	// device tells the person by show where to enter which code, and waits.
	device(ctx context.Context, show func(deviceCode) error) (credentials, error)
	// refresh renews credentials without a person.
	refresh(ctx context.Context, c credentials) (credentials, error)
}

// deviceCode is what a person who signs in on another device needs.
type deviceCode struct {
	address, code string
}

// newMethod is Microsoft's library for Entra, which needs one, and OpenID
// Connect for everybody else.
func newMethod(s api.SignIn, hc *http.Client) (method, error) {
	if _, err := webAddress(s.Authority); err != nil {
		return nil, fail(exitFailed, "the server names an authority that nobody should sign in at: %w", err).
			with("an administrator of the server can correct that")
	}
	hc = securely(hc)
	switch s.Kind {
	case api.SignInEntra:
		return entra{s, hc}, nil
	case api.SignInOIDC:
		return openID{s, hc}, nil
	}
	return nil, fail(exitFailed, "the server asks to sign in by %q, which this version of patrol cannot", s.Kind).with("use a newer patrol, or PATROL_TOKEN")
}

// signInError says in one line why nobody is signed in.
func signInError(doing string, err error) error {
	if _, ok := errors.AsType[*failure](err); ok {
		return err // ours, through the library
	}
	code, hint := exitAuthentication, "try again, or use --device-code"
	if _, ok := errors.AsType[net.Error](err); ok {
		code, hint = exitUnavailable, transportHint(err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fail(exitAuthentication, "%s: nobody signed in in time", doing).with("%s", hint)
	}
	if reason := refusalOf(err); reason != "" {
		return fail(code, "%s: %w", doing, refusal(reason)).with("%s", hint)
	}
	return fail(code, "%s: %w", doing, plainError(err)).with("%s", hint)
}

// refusal is the identity provider's own sentence.
type refusal string

func (r refusal) Error() string { return string(r) }

// browserError says why nobody signed in with the browser before ctx ended.
func browserError(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fail(exitAuthentication, "nobody signed in within %.0f minutes", browserTimeout.Minutes()).
			with("run \"patrol login\" again, or use --device-code")
	}
	return signInError("signing in", err)
}

// refusalOf is what the identity provider said, where it said something: the
// error of an OAuth answer (RFC 6749 section 5.2).
func refusalOf(err error) string {
	if r, ok := errors.AsType[refusal](err); ok {
		return string(r)
	}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return firstLine(e.ErrorDescription, e.ErrorCode)
	}
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	e, ok := errors.AsType[msal.CallErr](err)
	if !ok || e.Resp == nil {
		// The libraries put answers to discovery into their messages.
		_, after, found := strings.Cut(err.Error(), "{")
		if !found || json.NewDecoder(strings.NewReader("{"+after)).Decode(&answer) != nil {
			return ""
		}
		return firstLine(answer.Description, answer.Error)
	}
	body, readErr := io.ReadAll(io.LimitReader(e.Resp.Body, 1<<20))
	if readErr != nil || len(body) == 0 {
		// The library has read the body already, and put it into its message.
		_, after, _ := strings.Cut(e.Err.Error(), "\n")
		body = []byte(after)
	}
	if json.Unmarshal(body, &answer) != nil {
		return fmt.Sprintf("the identity provider answered with status %d", e.Resp.StatusCode)
	}
	return firstLine(answer.Description, answer.Error)
}

// firstLine is that of the first text with one, without the ids that Entra
// appends for its support.
func firstLine(texts ...string) string {
	for _, text := range texts {
		line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		line, _, _ = strings.Cut(line, "Trace ID:")
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}

// plainError takes the address out of errors of HTTP: it can carry codes.
func plainError(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		host := e.URL
		if u, parseErr := url.Parse(e.URL); parseErr == nil {
			host = u.Host
		}
		return fmt.Errorf("asking %s: %w", host, e.Err)
	}
	return err
}

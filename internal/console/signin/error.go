package signin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Reason is what a page is chosen by.
type Reason int

// Reasons of errors.
const (
	ReasonOther             Reason = iota
	ReasonCancelled                // the person declined
	ReasonAdminApproval            // an administrator has to consent first
	ReasonConditionalAccess        // a policy of their organization keeps them out
	ReasonAssignment               // they are not assigned to the application
	ReasonCredential               // the application's own secret or certificate is refused
	ReasonRedirect                 // the redirect address is not registered
	ReasonInteraction              // the person has to sign in again, with Claims where there are any
	ReasonForged                   // the answer does not belong to this attempt, or is not the provider's
	ReasonUnreachable              // the provider does not answer, or not as one
)

// Error is every error of a Provider. No field of it holds a secret. What the
// provider said is in each field but Reason and Err, on one line of plain text,
// and anyone in front of the browser can have said it instead.
type Error struct {
	Reason        Reason
	Code          string // such as AADSTS53003, or access_denied where there is no such number
	Suberror      string // Entra's finer word, such as basic_action
	Description   string // one line in the provider's words
	TraceID       string // for the provider's administrator, as is the next
	CorrelationID string
	Claims        string // JSON of a challenge to satisfy at the next attempt
	Err           error  // what was being done and what went wrong, in our words
}

// Error says what went wrong, for a log.
func (e *Error) Error() string {
	text := "signing in"
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return text
}

// Unwrap returns the error of this side.
func (e *Error) Unwrap() error { return e.Err }

// call is a call under way, for its errors.
type call struct {
	doing    string
	renewing bool
	secrets  secrets
}

func (c Config) call(doing string, renewing bool, values ...string) call {
	return call{doing, renewing, secretsOf(append(values, c.Secret)...)}
}

func (c call) errorf(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Err: fmt.Errorf(c.doing+": "+format, args...)}
}

// failed makes an Error of what a library or the network returned. Nothing of
// the text of a library is kept: it can be that of an answer, and hold tokens.
func (c call) failed(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*answerError](err); ok {
		return c.refused(e.status, refusalIn(e.body))
	}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		r := refusalIn(e.Body)
		if r.Code == "" { // some answer with a form instead of JSON
			r.Code, r.Description = e.ErrorCode, e.ErrorDescription
		}
		return c.refused(e.Response.StatusCode, r)
	}
	if e, ok := errors.AsType[msal.CallErr](err); ok && e.Resp != nil {
		body, _ := io.ReadAll(e.Resp.Body) // from memory
		return c.refused(e.Resp.StatusCode, refusalIn(body))
	}
	if e, ok := errors.AsType[*oidc.IssuerMismatchError](err); ok {
		return c.errorf(ReasonOther, "the issuer calls itself %q: configure it by that name", c.secrets.describe(e.Discovered))
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(e.URL); parseErr == nil {
			return c.errorf(ReasonUnreachable, "asking %s: %w", u.Host, c.network(err))
		}
	}
	return c.errorf(ReasonUnreachable, "%w", c.network(err))
}

// network is what can be said of an error that is no answer.
func (c call) network(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, errTooLong, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	for _, said := range []error{
		as[*net.OpError](err), as[*net.DNSError](err),
		as[*tls.CertificateVerificationError](err), as[tls.AlertError](err), as[x509.UnknownAuthorityError](err), as[x509.HostnameError](err),
	} {
		if said != nil {
			return errors.New(c.secrets.describe(said.Error()))
		}
	}
	return errors.New("the provider does not answer as one")
}

// as is the error of that type in err, or nil.
func as[E error](err error) error {
	if e, ok := errors.AsType[E](err); ok {
		return e
	}
	return nil
}

// refused makes an Error of what the provider said.
func (c call) refused(status int, r refusal) *Error {
	e := &Error{
		Reason: r.reason(status), Code: c.secrets.without(r.code()), Suberror: c.secrets.without(word(r.Suberror)),
		Description: c.secrets.describe(r.sentence()), Claims: c.secrets.without(challenge(r.Claims)),
		TraceID: c.secrets.without(r.id(r.TraceID, traceID)), CorrelationID: c.secrets.without(r.id(r.CorrelationID, correlationID)),
	}
	e.Err = fmt.Errorf("%s: the provider refused with status %d", c.doing, status)
	if status == http.StatusOK {
		e.Err = fmt.Errorf("%s: the provider refused", c.doing)
	}
	if c.renewing && r.needsPerson() {
		e.Reason = ReasonInteraction
	}
	return e
}

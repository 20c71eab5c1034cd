package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/patrolhq/patrol/client"
)

// visit is one request on its way to a page.
type visit struct {
	*http.Request
	w       http.ResponseWriter
	console *Console
	route   route
	started time.Time
	status  int
	// err is why the page could not be served.
	err error
	// who is the visitor, nil where nobody is signed in.
	who *person
	// organization is that of the page, "" where the page has none.
	organization string
	// to is the page that a sign-in leads to, "" where this is none.
	to string
	// renewal lets one of the calls of this visit look after the access token.
	renewal sync.Mutex
}

// answer finds out who asks, and serves the page to whom it is for.
func (v *visit) answer() error {
	if err := v.console.origins.Check(v.Request); err != nil {
		return errCrossOrigin
	}
	if err := v.recognize(v.Context()); err != nil {
		return err
	}
	if err := v.dropSecrets(); err != nil {
		return err
	}
	if v.route.access >= signedIn && v.who == nil {
		return v.signInFirst()
	}
	if v.route.access == member {
		if v.organization = v.who.organization(v.PathValue("organization")); v.organization == "" {
			return errNoPage
		}
	}
	return v.route.serve(v)
}

// api is the API as the visitor.
func (v *visit) api() *client.Client { return v.console.api(v.organization, v.accessToken) }

// api is the API as the person whose access tokens token returns.
func (c *Console) api(organization string, token func(context.Context) (string, error)) *client.Client {
	return &client.Client{
		BaseURL: c.API, Organization: organization, HTTP: c.HTTP, UserAgent: "patrol-console", Attempts: 2, Token: token,
	}
}

// redirect sends the browser to a page of this console, with GET.
func (v *visit) redirect(path string) error {
	v.w.Header().Set("Location", path)
	v.w.Header().Set("Cache-Control", "no-store")
	v.status = http.StatusSeeOther
	v.w.WriteHeader(v.status)
	return nil
}

// finish ends a request, in a panic too: nothing of a panic reaches the
// browser, and its value, which may hold anything, stays out of the log.
func (v *visit) finish() {
	if fault := recover(); fault != nil {
		if fault == http.ErrAbortHandler { //nolint:errorlint // a recovered value, which net/http compares so too
			panic(fault)
		}
		v.console.Log.Error("panic", "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
		v.err = errPanic
		v.fail(v.err)
	}
	if v.console.Observe != nil {
		v.console.Observe(v.observation())
	}
	level := slog.LevelInfo
	if v.Context().Err() != nil {
		level = slog.LevelDebug
	}
	attributes := []slog.Attr{
		slog.String("method", v.Method), slog.String("page", v.route.path), slog.Int("status", v.status),
		slog.Float64("duration_ms", float64(time.Since(v.started).Microseconds())/1000),
		slog.String("address", v.console.ClientAddress(v.Request)),
	}
	if v.who != nil {
		attributes = append(attributes, slog.String("user", v.who.User.ID))
	}
	v.console.Log.LogAttrs(v.Context(), level, "page", attributes...)
}

// Package console is the web console of Patrol: people sign in, see their
// tokens, and create, change, rotate and revoke them. It renders its pages on
// the server, and all of them work without JavaScript.
//
// It is a client of the API like any other, of Patrol's or of Azure DevOps', so
// that it can do nothing that curl could not: [Config] says where the API is and
// how people sign in for it. routes.go lists the pages; each has a file for what
// it does, one for its looks in templates, and a typed struct between them.
//
// An access token never leaves the server: the browser holds the secret of a
// session, and what belongs to the session is in the store, sealed.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// Config is what a console works with. All fields are needed but those that
// say otherwise.
type Config struct {
	// PublicURL is how browsers reach the console: scheme and host, no path.
	// With http, cookies go without the protection that only https gives.
	PublicURL string
	// API is the base URL of the API, without an organization.
	API string
	// HTTP carries calls to the API; [Local] does so within the process. Nil
	// means the network.
	HTTP *http.Client
	// Organizations are those that people are offered where the API does not
	// list them, as that of Azure DevOps does not.
	Organizations []string
	// Provider signs people in.
	Provider signin.Provider
	// RedirectPath is where the provider sends browsers back to, "/getAToken"
	// where empty.
	RedirectPath string
	// Sessions are those of all who are signed in.
	Sessions *session.Manager
	// Unavailable reports whether an error of Sessions means that their store
	// does not answer at the moment; nil means that none does.
	Unavailable func(error) bool
	// Sealer seals what browsers carry for the console.
	Sealer *session.Sealer
	// ClientAddress is the IP address of a request's client.
	ClientAddress func(*http.Request) string
	// Now is the time; nil means the clock's.
	Now func() time.Time
	// Observe, where not nil, is told of every page once it is answered.
	Observe func(Observation)
	// Log receives one line a request; nil discards.
	Log *slog.Logger
}

// Console is the console as an [http.Handler].
type Console struct {
	Config
	mux     *http.ServeMux
	pages   pages
	assets  assets
	headers http.Header
	origins *http.CrossOriginProtection
	cookies cookies
	renewal renewals
}

// New makes a console. It fails where the configuration makes none.
func New(config Config) (*Console, error) {
	public, err := url.Parse(config.PublicURL)
	if err != nil || public.Host == "" || public.Scheme != "http" && public.Scheme != "https" {
		return nil, fmt.Errorf("%q is no web address: say how browsers reach the console", config.PublicURL)
	}
	if config.RedirectPath == "" {
		config.RedirectPath = DefaultRedirectPath
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c := &Console{
		Config: config, cookies: newCookies(public), headers: safeHeaders(public), origins: http.NewCrossOriginProtection(),
	}
	if err := c.origins.AddTrustedOrigin(config.PublicURL); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	if c.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if c.pages, err = c.parsePages(); err != nil {
		return nil, err
	}
	c.mux = c.newMux()
	return c, nil
}

// requestTimeout bounds the work for one request.
const requestTimeout = 30 * time.Second

// maxForm bounds the body of a request.
const maxForm = 64 << 10

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), c.headers)
	c.mux.ServeHTTP(w, r)
}

// serve takes a request to its page, and logs it once.
func (c *Console) serve(w http.ResponseWriter, r *http.Request, rt route) {
	ctx := r.Context()
	if r.Method == http.MethodPost {
		ctx = context.WithoutCancel(ctx) // what is begun is finished, whether or not the browser waits
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	v := &visit{Request: r.WithContext(withAddress(ctx, c.ClientAddress(r))), w: w, console: c, route: rt, started: time.Now()}
	v.Body = http.MaxBytesReader(w, r.Body, maxForm)
	defer v.finish()
	if v.err = v.answer(); v.err != nil {
		v.fail(v.err)
	}
}

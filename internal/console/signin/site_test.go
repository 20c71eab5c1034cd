package signin_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

const (
	tenant   = "6f1c2b8e-3d4a-4f5b-9c6d-7e8f90a1b2c3"
	clientID = "3c1f0d2e-7b6a-4859-8a9b-0c1d2e3f4a5b"
	secret   = "s3cret+with/odd=chars &<>\"'%"
	scope    = devidp.DefaultAudience + "/.default"
	redirect = "http://localhost:5000/getAToken"
	after    = "http://localhost:5000/signed-out"
)

var (
	alice = devidp.User{ObjectID: "a0000000-0000-4000-8000-00000000000a", Username: "alice@contoso.example", Name: "Alice Example"}
	carol = devidp.User{ObjectID: "c0000000-0000-4000-8000-00000000000c", Username: "carol@contoso.example", Name: "Carol <b>Admin</b>"}
)

// testKey is made once, because making one takes a while.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func rsaKey(tb testing.TB) *rsa.PrivateKey {
	tb.Helper()
	key, err := testKey()
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// clock is real time, shifted.
type clock struct {
	mu    sync.Mutex
	shift time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}

// site is the development provider, listening.
type site struct {
	URL       string
	transport *http.Transport
	clock     *clock
}

func startSite(tb testing.TB, scheme string, edits ...func(*devidp.Config)) *site {
	tb.Helper()
	s := &site{clock: &clock{}}
	var provider http.Handler
	s.URL, s.transport = serve(tb, scheme, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	cfg := devidp.Config{
		BaseURL: s.URL, Tenant: tenant, Domain: "contoso.example", Users: []devidp.User{alice, carol},
		Clients:    []devidp.Client{{ID: clientID, Secret: secret, Name: "Web app", RedirectURIs: []string{redirect}}},
		SigningKey: rsaKey(tb), SealKey: bytes.Repeat([]byte{7}, 32), Now: s.clock.now,
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	made, err := devidp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	provider = made
	return s
}

// serve listens for a handler and returns its address and a transport that
// trusts it.
func serve(tb testing.TB, scheme string, handler http.Handler) (string, *http.Transport) {
	tb.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // clients that hang up are meant to
	transport := &http.Transport{}
	if scheme == "https" {
		server.StartTLS()
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	} else {
		server.Start()
	}
	tb.Cleanup(server.Close)
	tb.Cleanup(transport.CloseIdleConnections)
	return server.URL, transport
}

// config is that of a console at the site.
func (s *site) config(kind string) signin.Config {
	c := signin.Config{
		Kind: kind, Authority: s.URL + "/" + tenant, ClientID: clientID, Secret: secret, Scopes: []string{scope},
		RedirectURI: redirect, HTTP: &http.Client{Transport: s.transport}, Now: s.clock.now,
	}
	if kind == signin.KindOIDC {
		c.Authority += "/v2.0"
	}
	return c
}

func newProvider(tb testing.TB, c signin.Config) signin.Provider {
	tb.Helper()
	p, err := signin.New(c)
	if err != nil {
		tb.Fatalf("New = %v, want a provider", err)
	}
	return p
}

func newAttempt() signin.Attempt {
	a := signin.NewAttempt()
	a.State = "s+t/a=te &<>\"'"
	return a
}

// browse goes where Begin leads, as that user, and returns what the browser
// comes back with.
func (s *site) browse(t *testing.T, p signin.Provider, a signin.Attempt, user devidp.User) url.Values {
	t.Helper()
	address, err := p.Begin(t.Context(), a)
	if err != nil {
		t.Fatalf("Begin = %v, want an address", err)
	}
	answer, err := devidptest.NewBrowser(s.transport).SignIn(t.Context(), address, user.Username)
	if err != nil {
		t.Fatalf("SignIn = %v, want an answer", err)
	}
	values := answer.Values()
	if got := values.Get("state"); got != a.State {
		t.Errorf("state = %q, want %q", got, a.State)
	}
	return values
}

// signIn does all of it.
func (s *site) signIn(t *testing.T, p signin.Provider, user devidp.User) (signin.User, signin.Credentials) {
	t.Helper()
	a := newAttempt()
	signedIn, credentials, err := p.Finish(t.Context(), a, s.browse(t, p, a, user))
	if err != nil {
		t.Fatalf("Finish = %v, want %s signed in", err, user.Username)
	}
	return signedIn, credentials
}

// refused is err as an Error with that reason.
func refused(t *testing.T, err error, want signin.Reason) *signin.Error {
	t.Helper()
	e, ok := errors.AsType[*signin.Error](err)
	if !ok {
		t.Fatalf("error = %v (%T), want an *Error", err, err)
	}
	if e.Reason != want {
		t.Errorf("reason = %d (%v), want %d", e.Reason, e, want)
	}
	return e
}

// newCertificate makes a self-signed certificate for key.
func newCertificate(t *testing.T, key *rsa.PrivateKey, edits ...func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Patrol"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	for _, edit := range edits {
		edit(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// contains reports whether text has any form of a secret.
func contains(text, secret string) bool {
	return strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) || strings.Contains(text, url.PathEscape(secret))
}

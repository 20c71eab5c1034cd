package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/identity"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// epoch is when the clock of every site starts.
var epoch = time.Date(2026, 12, 1, 8, 15, 30, 123456000, time.UTC)

const (
	tenant      = "2ce1d18c-a94c-4bd3-b5b9-ce7d94b1d9f8"
	otherTenant = "7f3c1c0a-6a0c-4b0f-9d55-0d3a54b0e1aa"
	contosoID   = "38aaa865-2c70-4bf7-a308-0c6539c38c1a"
	fabrikamID  = "0b6a8f52-7b43-4a0e-93a4-2f3a27c6c5e2"
	closedID    = "5d7e3b19-7e0b-49a8-8c63-9f0f4f2f7a11"
	aliceID     = "bb5bb6c8-7a5c-4e9e-a7a7-7a7a2a8a2a6a"
	bobID       = "1c9f0f1e-55d0-4f57-bd0e-8e8cb4f7c0d3"
	zoeID       = "e2a7d7b4-3c55-4a39-8a1e-6f2b1c9d0e33"
	cliID       = "872cd9fa-d31f-45e0-9eab-6e460a02d1f1"
	robotID     = "c0ffee00-1111-4222-8333-444444444444"
	password    = "correct horse battery staple"
)

// site is the whole API on loopback: a SQLite file, the domain with a clock
// that tests set, and the development identity provider. Contoso and fabrikam
// are open to the tenant, closed to bob alone.
type site struct {
	// URL is the API's.
	URL   string
	Clock *clock
	// Logs is all that was logged, at debug level.
	Logs *buffer
	// Database is the file that tokens are kept in.
	Database string
	Handler  *server.Server
	Service  *pat.Service
	idp      *devidp.Provider
	idpURL   string
	http     *http.Client
}

// options change a site. The zero value is usable.
type options struct {
	Policy func(pat.Organization) (pat.Policy, error)
	Limits pat.Limits
	// Change is the last word on what the server gets.
	Change func(*server.Config)
}

func start(t testing.TB, o options) *site {
	t.Helper()
	s := &site{Clock: &clock{now: epoch}, Logs: new(buffer), Database: filepath.Join(t.TempDir(), "patrol.db")}
	log := slog.New(slog.NewTextHandler(s.Logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.startIDP(t)
	db, err := store.OpenSQLite(t.Context(), s.Database, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keys, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	organizations := directory(t)
	s.Service = &pat.Service{
		Store: db, Keys: keys, Scopes: catalogue(t), Limits: o.Limits, Now: s.Clock.Now, Neighbours: organizations.Neighbours,
		Policy: func(_ context.Context, at pat.Organization) (pat.Policy, error) {
			if o.Policy == nil {
				return pat.Policy{}, nil
			}
			return o.Policy(at)
		},
	}
	plain := httptest.NewUnstartedServer(nil)
	s.URL = "http://" + plain.Listener.Addr().String()
	config := server.Config{
		Service: s.Service, Auth: s.verifier(t, log), Organizations: organizations,
		PublicURL: s.URL, AuthorizationURI: s.idpURL + "/" + tenant,
		SignIn:  api.SignIn{Kind: api.SignInOIDC, Authority: s.idp.Issuer(), Scope: devidp.DefaultAudience + "/.default", ClientID: cliID},
		Scopes:  api.AzureDevOpsScopes(),
		PageKey: bytes.Repeat([]byte{9}, 32), Ready: db.Ping, Log: log,
	}
	if o.Change != nil {
		o.Change(&config)
	}
	if s.Handler, err = server.New(config); err != nil {
		t.Fatal(err)
	}
	plain.Config = &http.Server{Handler: s.Handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	plain.Start()
	t.Cleanup(plain.Close)
	s.http = client(t, validating{description(t), plain.Client().Transport})
	return s
}

// client follows no redirects and leaves no connections.
func client(t testing.TB, transport http.RoundTripper) *http.Client {
	c := &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// startIDP serves the keys of the identity providers of both tenants.
func (s *site) startIDP(t testing.TB) {
	t.Helper()
	var other *devidp.Provider
	plain := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/"+otherTenant) {
			other.ServeHTTP(w, r)
			return
		}
		s.idp.ServeHTTP(w, r)
	}))
	s.idpURL = "http://" + plain.Listener.Addr().String()
	s.idp, other = s.provider(t, devidp.Config{}), s.provider(t, devidp.Config{Tenant: otherTenant})
	plain.Start()
	t.Cleanup(plain.Close)
}

// provider is an identity provider like the site's but for what c says.
func (s *site) provider(t testing.TB, c devidp.Config) *devidp.Provider {
	t.Helper()
	key, err := signingKey()
	if err != nil {
		t.Fatal(err)
	}
	if c.Tenant == "" {
		c.Tenant = tenant
	}
	if c.BaseURL == "" {
		c.BaseURL = s.idpURL
	}
	c.Domain, c.SigningKey, c.SealKey = "contoso.example", key, bytes.Repeat([]byte{5}, 32)
	c.Users = []devidp.User{
		{ObjectID: aliceID, Username: "alice@contoso.example", Password: password, Name: "Alice Example"},
		{ObjectID: bobID, Username: "bob@contoso.example", Password: password, Name: "Bob Example"},
		{ObjectID: zoeID, Username: "zoë@contoso.example", Password: password, Name: "Zoë 例"},
	}
	c.Clients = []devidp.Client{{ID: cliID, Name: "CLI"}, {ID: robotID, Secret: password, Name: "robot"}}
	p, err := devidp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *site) verifier(t testing.TB, log *slog.Logger) *identity.Verifier {
	t.Helper()
	v, err := identity.New(identity.Config{
		Issuers: []identity.Issuer{{Kind: identity.KindEntra, URL: s.idpURL, Tenants: []string{tenant, otherTenant}, Development: true}},
		HTTP:    client(t, &http.Transport{}), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func directory(t testing.TB) *pat.Directory {
	t.Helper()
	home := uuid(t, tenant)
	d, err := pat.NewDirectory([]pat.Organization{
		{ID: uuid(t, contosoID), Name: "Contoso", Tenant: home},
		{ID: uuid(t, fabrikamID), Name: "fabrikam", Tenant: home},
		{ID: uuid(t, closedID), Name: "closed", Tenant: home, Members: []string{bobID}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func catalogue(t testing.TB) *pat.Catalogue {
	t.Helper()
	var definitions []pat.ScopeDefinition
	for _, scope := range api.AzureDevOpsScopes() {
		if scope.Name != string(pat.FullScope) {
			definitions = append(definitions, pat.ScopeDefinition{Name: scope.Name, Includes: scope.Includes})
		}
	}
	c, err := pat.NewCatalogue(definitions)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func uuid(t testing.TB, text string) pat.UUID {
	t.Helper()
	id, err := pat.ParseUUID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// accessToken is a user's, from p, with a delegated scope.
func accessToken(t testing.TB, p http.Handler, tenant, user, scope string) string {
	t.Helper()
	return grant(t, p, tenant, url.Values{
		"grant_type": {"password"}, "client_id": {cliID}, "scope": {devidp.DefaultAudience + "/" + scope},
		"username": {user + "@contoso.example"}, "password": {password},
	})
}

// robotToken is an access token without a user.
func (s *site) robotToken(t testing.TB) string {
	t.Helper()
	return grant(t, s.idp, tenant, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {robotID}, "client_secret": {password},
		"scope": {devidp.DefaultAudience + "/.default"},
	})
}

func grant(t testing.TB, p http.Handler, tenant string, form url.Values) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.AccessToken == "" {
		t.Fatalf("asking for an access token: status %d: %s", w.Code, w.Body)
	}
	return body.AccessToken
}

// dump is everything in the tables of tokens and events.
func (s *site) dump(t testing.TB) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.Database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var dump strings.Builder
	for _, table := range []string{"token", "event"} {
		rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" ORDER BY bucket, id")
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&dump, "%s %v\n", table, values)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	return dump.String()
}

// clock is a clock that stands still until it is told to move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// buffer is a bytes.Buffer for many writers.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
	// more is closed by the next write, where it is not nil.
	more chan struct{}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
	return b.b.Write(p)
}

// Await blocks until text has been written, and fails the test after a
// minute.
func (b *buffer) Await(t testing.TB, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		b.mu.Lock()
		if b.more == nil {
			b.more = make(chan struct{})
		}
		found, more := bytes.Contains(b.b.Bytes(), []byte(text)), b.more
		b.mu.Unlock()
		if found {
			return
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("%q was not logged within a minute", text)
		}
	}
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

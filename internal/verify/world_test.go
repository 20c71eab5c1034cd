package verify

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgrestest.Tests{M: m}) }

// noon is when every world begins.
var noon = time.Date(2026, time.December, 1, 12, 0, 0, 123456000, time.UTC)

// world is verification over a SQLite file that the domain fills. Contoso,
// fabrikam and closed are of one tenant, elsewhere of another; alice is a
// member of all that the tenant has but closed.
type world struct {
	Verifier *Verifier
	Front    *Front
	Service  *pat.Service
	DB       *store.DB
	Database string
	Source   *source
	Lease    *lease
	Cache    *Cache
	Uses     *Uses
	Logs     *buffer
	Policies *policies

	contoso, fabrikam, closed, elsewhere pat.Organization
	alice                                pat.Actor
}

const (
	clientID, clientSecret = "registry", "registry's secret/+%"
	boundID, boundSecret   = "fabrikam-only", "another secret, longer"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	tenant := pat.RandomUUID()
	w := &world{
		Database: filepath.Join(t.TempDir(), "patrol.db"), Logs: new(buffer), Policies: new(policies),
		contoso:   pat.Organization{ID: pat.RandomUUID(), Name: "contoso", Tenant: tenant},
		fabrikam:  pat.Organization{ID: pat.RandomUUID(), Name: "fabrikam", Tenant: tenant},
		closed:    pat.Organization{ID: pat.RandomUUID(), Name: "closed", Tenant: tenant, Members: []string{pat.RandomUUID().String()}},
		elsewhere: pat.Organization{ID: pat.RandomUUID(), Name: "elsewhere", Tenant: pat.RandomUUID()},
		alice:     pat.Actor{ID: pat.RandomUUID(), Tenant: tenant, Username: "alice@contoso.example", Permissions: pat.ReadTokens | pat.ManageTokens},
		Lease:     &lease{epoch: 7, held: true}, Cache: NewCache(MinCacheSize),
	}
	w.Lease.set(noon)
	log := slog.New(slog.NewTextHandler(w.Logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if w.DB, err = store.OpenSQLite(t.Context(), w.Database, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.DB.Close() })
	w.DB.OnChange(w.Cache.Invalidate)
	directory, err := pat.NewDirectory([]pat.Organization{w.contoso, w.fabrikam, w.closed, w.elsewhere})
	if err != nil {
		t.Fatal(err)
	}
	w.Source = &source{DB: w.DB}
	w.Service = &pat.Service{Store: w.DB, Keys: keyring(t), Scopes: catalogue(t), Policy: w.Policies.of, Now: w.Lease.time}
	w.Verifier = &Verifier{
		Keys: w.Service.Keys, Scopes: w.Service.Scopes, Source: w.Source, Lease: w.Lease, Cache: w.Cache, Log: log,
		Judge: &pat.Judge{Organizations: directory.ByID, Policy: w.Policies.of},
	}
	w.Uses = &Uses{Cache: w.Cache, Store: w.DB, Scopes: w.Service.Scopes, Log: log}
	w.Front = NewFront(Config{
		Verifier: w.Verifier, Organizations: directory, Log: log, Rest: http.NotFoundHandler(),
		Clients: []Client{NewClient(clientID, clientSecret), NewClient(boundID, boundSecret, w.fabrikam)},
		Address: func(r *http.Request) string { return strings.TrimSuffix(r.RemoteAddr, ":1234") },
	})
	return w
}

func keyring(t testing.TB) *pat.Keyring {
	t.Helper()
	keys, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return keys
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

// caller is alice in contoso.
func (w *world) caller() pat.Caller { return pat.Caller{Actor: w.alice, Organization: w.contoso} }

// token makes a token of alice's that is managed in contoso.
func (w *world) token(t testing.TB, scope string, allOrgs bool) (pat.Token, string) {
	t.Helper()
	token, secret, err := w.Service.Create(t.Context(), w.caller(), pat.Creation{DisplayName: "t", Scope: scope, AllOrgs: allOrgs})
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	return token, secret.Reveal()
}

func (w *world) revoke(t testing.TB, token pat.Token) {
	t.Helper()
	if err := w.Service.Revoke(t.Context(), w.caller(), token.ID); err != nil {
		t.Fatalf("Revoke = %v", err)
	}
}

// demand asks for a token that is good in o for scopes.
func (w *world) demand(t testing.TB, o pat.Organization, scopes ...string) *pat.Demand {
	t.Helper()
	d := &pat.Demand{Organization: o}
	for _, name := range scopes {
		index, ok := w.Service.Scopes.Index(name)
		if !ok {
			t.Fatalf("no scope %q", name)
		}
		d.Scopes = d.Scopes.With(index)
	}
	return d
}

// verify is the verdict on secret, which must be known.
func (w *world) verify(t testing.TB, secret string, demand *pat.Demand) pat.Verdict {
	t.Helper()
	verdict, err := w.Verifier.Verify(t.Context(), secret, demand, new(Found))
	if err != nil {
		t.Errorf("Verify = %v", err)
	}
	return verdict
}

// get asks for a target as it stands, by HTTP.
func (w *world) get(t testing.TB, target string, header ...string) *http.Response {
	t.Helper()
	r := request(http.MethodGet, target, "", header...)
	return w.do(r)
}

func (w *world) do(r *http.Request) *http.Response {
	recorder := httptest.NewRecorder()
	w.Front.ServeHTTP(recorder, r)
	return recorder.Result()
}

// request is one as net/http's server would hand it over.
func request(method, target, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	var err error
	if r.URL, err = url.ParseRequestURI(target); err != nil {
		panic(fmt.Sprintf("target %q: %v", target, err))
	}
	r.RequestURI = target
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func body(t testing.TB, r *http.Response) string {
	t.Helper()
	all, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// lease is one whose time and epoch tests set.
type lease struct {
	mu     sync.Mutex
	micros int64
	epoch  uint64
	held   bool
	// regained is what Hold does; nil means that it fails.
	regained func()
	// asked is called by Now before it answers.
	asked func()
}

func (l *lease) Hold(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.regained != nil {
		l.regained()
	}
	if !l.held {
		return 0, pat.ErrUnavailable
	}
	return l.epoch, nil
}

func (l *lease) Now() (int64, uint64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked != nil {
		l.asked()
	}
	return l.micros, l.epoch, l.held
}

func (l *lease) set(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.micros = now.UnixMicro()
}

func (l *lease) time() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.UnixMicro(l.micros).UTC()
}

// change changes the lease under its lock.
func (l *lease) change(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// source counts look-ups, and lets tests come between.
type source struct {
	*store.DB
	lookups atomic.Int64
	// before and after are called around a look-up; an error of before is its
	// answer. altered is the last word on the answer.
	before  func() error
	after   func()
	altered func(*pat.Token)
}

func (s *source) Lookup(ctx context.Context, bucket pat.Bucket, digest pat.Digest) (pat.Token, error) {
	s.lookups.Add(1)
	if s.before != nil {
		if err := s.before(); err != nil {
			return pat.Token{}, err
		}
	}
	t, err := s.DB.Lookup(ctx, bucket, digest)
	if s.after != nil {
		s.after()
	}
	if s.altered != nil && err == nil {
		s.altered(&t)
	}
	return t, err
}

// policies are those of organizations, which tests set.
type policies struct {
	mu     sync.Mutex
	by     map[pat.UUID]pat.Policy
	broken error
}

func (p *policies) of(_ context.Context, o pat.Organization) (pat.Policy, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[o.ID], p.broken
}

func (p *policies) set(o pat.Organization, policy pat.Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by = map[pat.UUID]pat.Policy{o.ID: policy}
}

// buffer is a bytes.Buffer for many goroutines.
type buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

package console_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store"
)

// stage is a console before the API of a patrold, of which a test can change
// what it answers, for what a real one cannot be brought to do. alice visits
// it; she is signed in without being asked.
type stage struct {
	*visitor
	sessions *session.Manager
	log      *safeBuffer
	ahead    atomic.Int64
	meddle   atomic.Pointer[meddling]
}

// meddling may answer a call to the API, and reports whether it did. pass is
// the API.
type meddling func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool

func newStage(t testing.TB) *stage {
	t.Helper()
	site := *patroltest.Start(t, patroltest.Options{})
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "sessions.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	keys, err := session.NewKeys(session.Key{ID: 'A', Secret: []byte(strings.Repeat("A", 32))})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{log: &safeBuffer{}}
	s.sessions = &session.Manager{Store: db, Keys: keys, Now: s.now}
	served := httptest.NewUnstartedServer(nil)
	public := "http://" + served.Listener.Addr().String()
	c, err := console.New(console.Config{
		PublicURL: public, API: site.API, HTTP: &http.Client{Transport: console.Local{Handler: s.api(t, site.API)}},
		Organizations: []string{"contoso", "fabrikam"},
		Provider:      instant{back: public + "/getAToken", token: site.Token(t, "alice")},
		Sessions:      s.sessions, Sealer: &session.Sealer{Keys: keys, Now: s.now}, Now: s.now,
		ClientAddress: func(*http.Request) string { return "192.0.2.1" },
		Log:           slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	served.Config.Handler = c
	served.Start()
	t.Cleanup(served.Close)
	site.Console = public + "/"
	s.visitor = newVisitor(t, &site, "alice")
	s.get(s.get(s.get("/sign-in").location).location)
	return s
}

func (s *stage) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// wait lets time go by.
func (s *stage) wait(d time.Duration) { s.ahead.Add(int64(d)) }

// meddled has the API meddled with from now on.
func (s *stage) meddled(m meddling) { s.meddle.Store(&m) }

func (s *stage) api(t testing.TB, address string) http.Handler {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	pass := httputil.NewSingleHostReverseProxy(base)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := s.meddle.Load(); m == nil || !(*m)(w, r, pass) {
			pass.ServeHTTP(w, r)
		}
	})
}

// instant signs in without asking anybody.
type instant struct{ back, token string }

func (i instant) Begin(_ context.Context, a signin.Attempt) (string, error) {
	return i.back + "?code=code&state=" + url.QueryEscape(a.State), nil
}

func (i instant) Finish(context.Context, signin.Attempt, url.Values) (signin.User, signin.Credentials, error) {
	return signin.User{Key: "alice", ID: "alice", Name: "Alice Example", Username: "alice@contoso.example"}, i.credentials(), nil
}

func (i instant) Renew(context.Context, signin.Credentials) (signin.Credentials, error) {
	return i.credentials(), nil
}

func (i instant) credentials() signin.Credentials {
	return signin.Credentials{AccessToken: i.token, Expires: time.Now().Add(time.Hour)}
}

func (instant) SignOutURL(context.Context, string, signin.Credentials) string { return "" }

func (instant) Application() signin.Application { return signin.Application{} }

// safeBuffer takes what many write at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
)

// authenticate is an [server.Authenticator] that does what a test says.
type authenticate func(context.Context) (pat.Actor, error)

func (f authenticate) Authenticate(ctx context.Context, _ string) (pat.Actor, error) { return f(ctx) }

// TestFaults: what goes wrong inside is an answer that tells nothing but the
// activity id, by which the log has the rest.
func TestFaults(t *testing.T) {
	t.Parallel()
	const detail = "password of the database"
	tests := []struct {
		name    string
		fail    func(context.Context) (pat.Actor, error)
		want    fault
		message string
		retry   string
		logged  string
	}{
		{
			"any error", func(context.Context) (pat.Actor, error) { return pat.Actor{}, errors.New(detail) },
			fault{500, "InternalErrorException"},
			"TF400898: An Internal Error Occurred. Activity Id: ", "", detail,
		},
		{
			"panic", func(context.Context) (pat.Actor, error) { panic(detail) },
			fault{500, "InternalErrorException"},
			"TF400898: An Internal Error Occurred. Activity Id: ", "", "type=string",
		},
		{"unavailable", func(context.Context) (pat.Actor, error) {
			return pat.Actor{}, errors.Join(pat.ErrUnavailable, errors.New(detail))
		}, fault{503, "ServiceUnavailableException"}, "The service cannot answer now: try again in a moment.", "1", detail},
		{
			"timeout", func(context.Context) (pat.Actor, error) { return pat.Actor{}, context.DeadlineExceeded },
			fault{503, "ServiceUnavailableException"},
			"The service cannot answer now: try again in a moment.", "1", "deadline",
		},
		{"unknown outcome", func(context.Context) (pat.Actor, error) {
			return pat.Actor{}, errors.Join(pat.ErrUnknown, context.Canceled, errors.New(detail))
		}, fault{503, "OutcomeUnknownException"}, "It is not known whether the change was made: list your tokens before you try again.", "1", detail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{Change: func(c *server.Config) { c.Auth = authenticate(tt.fail) }})
			for _, op := range operations("11111111-2222-4333-8444-555555555555") {
				c := caller{s, "Bearer x", "contoso"}
				a := c.do(t, op.method, c.pats(op.query), op.body)
				if got := faultOf(t, a); got != tt.want || a.Header.Get("Retry-After") != tt.retry {
					t.Errorf("%s = %v, Retry-After %q, want %v, %q", op.name, got, a.Header.Get("Retry-After"), tt.want, tt.retry)
				}
				if got := message(t, a); !strings.HasPrefix(got, tt.message) || strings.Contains(a.Body, detail) {
					t.Errorf("%s says %q, want %q", op.name, got, tt.message)
				}
				activity := "activity=" + a.Header.Get("ActivityId")
				found := false
				for line := range strings.Lines(s.Logs.String()) {
					found = found || strings.Contains(line, "level=ERROR") && strings.Contains(line, activity) && strings.Contains(line, tt.logged)
				}
				if !found {
					t.Errorf("%s: the log has no error with %s and %q", op.name, activity, tt.logged)
				}
			}
			if tt.name == "panic" && strings.Contains(s.Logs.String(), detail) {
				t.Error("the log has the value of a panic, which may hold anything")
			}
		})
	}
}

// failing is a store whose writes fail.
type failing struct {
	pat.Store
	err error
}

func (f failing) Create(context.Context, pat.Token, pat.Event) error { return f.err }

// TestStoreFaults: an error of the store is not taken for a refusal, and a
// creation that failed leaves no secret in the answer.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]fault{
		pat.ErrUnavailable: {503, "ServiceUnavailableException"}, pat.ErrUnknown: {503, "OutcomeUnknownException"},
		errors.New("disk full"): {500, "InternalErrorException"},
	} {
		s := start(t, options{Change: func(c *server.Config) { c.Service.Store = failing{c.Service.Store, err} }})
		alice := s.as(t, "alice")
		a := alice.do(t, http.MethodPost, alice.pats(), `{"displayName":"t","scope":"vso.code"}`)
		if got := faultOf(t, a); got != want || strings.Contains(a.Body, "PTRL") {
			t.Errorf("Create where the store says %v = %v %s, want %v", err, got, a.Body, want)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	s := start(t, options{Change: func(c *server.Config) {
		c.Ready = func(context.Context) error { return errors.New("the database does not answer") }
	}})
	a := caller{site: s}.do(t, http.MethodGet, "/readyz", "")
	if a.Status != http.StatusServiceUnavailable || a.Body != "not ready\n" {
		t.Errorf("GET /readyz = %d %q, want 503 and not ready", a.Status, a.Body)
	}
	if a := (caller{site: s}).do(t, http.MethodGet, "/healthz", ""); a.Status != http.StatusOK {
		t.Errorf("GET /healthz = %d, want 200", a.Status)
	}
}

func TestPageKey(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := server.New(server.Config{PageKey: make([]byte, n)}); err == nil {
			t.Errorf("New with a page key of %d bytes = nil, want an error", n)
		}
	}
}

// TestClientAddress: the address in logs and events is the peer's, or, behind
// a proxy that is configured, the one that the proxy adds last.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ trusted, sent, want string }{
		{"", "203.0.113.7", "127.0.0.1"},
		{"X-Forwarded-For", "198.51.100.1, 203.0.113.7", "203.0.113.7"},
		{"X-Forwarded-For", "2001:db8::7", "2001:db8::7"},
		{"X-Forwarded-For", "203.0.113.7, junk", "127.0.0.1"},
		{"X-Forwarded-For", "", "127.0.0.1"},
	} {
		s := start(t, options{Change: func(c *server.Config) { c.ClientAddressHeader = tt.trusted }})
		alice := s.as(t, "alice")
		alice.do(t, http.MethodPost, alice.pats(), `{"displayName":"t","scope":"vso.code"}`, "X-Forwarded-For", tt.sent)
		if dump := s.dump(t); !strings.Contains(dump, " "+tt.want+" ") {
			t.Errorf("%q with %q: the event does not name %s", tt.trusted, tt.sent, tt.want)
		}
		if !strings.Contains(s.Logs.String(), "address="+tt.want) {
			t.Errorf("%q with %q: the log does not name %s", tt.trusted, tt.sent, tt.want)
		}
	}
}

// TestCallInProcess: who calls the handler without a connection says for which
// address, with a port or without, and no proxy's header is needed for it.
func TestCallInProcess(t *testing.T) {
	t.Parallel()
	s := start(t, options{Change: func(c *server.Config) { c.ClientAddressHeader = "X-Forwarded-For" }})
	alice := s.as(t, "alice")
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "192.0.2.8": "192.0.2.8", "[2001:db8::7]:1234": "2001:db8::7", "2001:db8::8": "2001:db8::8",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, alice.pats(), strings.NewReader(`{"displayName":"t","scope":"vso.code"}`))
		r.RemoteAddr = remote
		r.Header.Set("Authorization", alice.Authorization)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("User-Agent", "console/"+remote)
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("Create = %d %s, want 200", w.Code, w.Body)
		}
		if dump := s.dump(t); !strings.Contains(dump, " "+want+" ") || !strings.Contains(dump, "console/"+remote) {
			t.Errorf("%s: the event does not name %s and its program", remote, want)
		}
	}
}

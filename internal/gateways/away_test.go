package gateways_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/patrolhq/patrol/api"
)

// answering is a stand-in for Patrol with one answer for everything.
func answering(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// TestNoYes: whatever comes in the place of a yes lets nobody in.
func TestNoYes(t *testing.T) {
	t.Parallel()
	open := newBackend(t) // where redirects lead
	tests := map[string]struct {
		answer http.HandlerFunc
		// caddy is the status that Caddy answers. nginx hands on 401 and 403, and
		// answers 503 to all others.
		caddy int
	}{
		"503":                     {answering(503, "Retry-After", "1"), 503},
		"500":                     {answering(500), 500},
		"502":                     {answering(502), 502},
		"400":                     {answering(400), 400},
		"404":                     {answering(404), 404},
		"429":                     {answering(429), 429},
		"301":                     {answering(301, "Location", open.URL), 301},
		"302":                     {answering(302, "Location", open.URL), 302},
		"303":                     {answering(303, "Location", open.URL), 303},
		"307":                     {answering(307, "Location", open.URL), 307},
		"308":                     {answering(308, "Location", open.URL), 308},
		"304":                     {answering(304), 304},
		"no answer":               {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 504},
		"a connection that ends":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
		"an internal redirect":    {answering(403, "X-Accel-Redirect", "/x"), 403},
		"401 without a challenge": {answering(401), 401},
		"403 with an identity":    {answering(403, "X-Patrol-User", "admin", "X-Patrol-Subject", "a"), 403},
	}
	var current atomic.Pointer[http.HandlerFunc]
	s := newSurroundings(t, standIn(t, func(w http.ResponseWriter, r *http.Request) { (*current.Load())(w, r) }))
	s.timeout = "1s"
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				current.Store(&test.answer)
				want := test.caddy
				if g.name == "nginx" && want != 401 && want != 403 {
					want = 503
				}
				checkRefused(t, s, g, want)
			})
		}
	})
	if reached := open.take(); len(reached) > 0 {
		t.Errorf("redirects were followed %d times", len(reached))
	}
}

// checkRefused makes requests and looks that none gets through.
func checkRefused(t *testing.T, s *surroundings, g *gateway, want int) {
	t.Helper()
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		response := g.do(t, method, "/x", basic("any", "a-token"), nil)
		if response.StatusCode != want {
			t.Errorf("%s: status %d, want %d", method, response.StatusCode, want)
		}
		if want == 503 && response.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if reached := s.backend.take(); len(reached) > 0 {
		t.Errorf("%d requests reached the service", len(reached))
	}
}

// TestNotPatrol: a gateway asks nobody whose certificate is not Patrol's.
func TestNotPatrol(t *testing.T) {
	t.Parallel()
	yes := answering(200, "X-Patrol-User", "admin")
	anyone, patrol := standIn(t, yes), httptest.NewTLSServer(http.NotFoundHandler())
	patrol.Close()
	_, real := startPatrol(t)
	unknown := anyone
	unknown.authority = real.authority
	misnamed := anyone
	misnamed.name = "patrol.example"
	nobody := anyone
	nobody.address = patrol.Listener.Addr().String()
	for name, asked := range map[string]question{"another authority": unknown, "another name": misnamed, "nobody": nobody} {
		t.Run(name, func(t *testing.T) {
			s := newSurroundings(t, asked)
			eachGateway(t, s, func(t *testing.T, g *gateway) { checkRefused(t, s, g, g.unanswered) })
		})
	}
}

// TestPatrolStops: a token that was good a moment ago is refused once Patrol
// is away, over connections that were kept.
func TestPatrolStops(t *testing.T) {
	t.Parallel()
	for name := range gateways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var g *gateway
			var s *surroundings
			t.Run("before", func(inner *testing.T) {
				p, patrol := startPatrol(inner)
				s = newSurroundings(t, patrol)
				g = gateways[name](t, s)
				secret, _ := create(inner, clientOf(inner, p, "contoso"), api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
				if got := g.get(inner, basic("any", secret)); got != 200 {
					inner.Fatalf("status %d while Patrol is there, want 200", got)
				}
				s.backend.take()
			})
			if g == nil {
				t.FailNow()
			}
			checkRefused(t, s, g, g.unanswered)
		})
	}
}

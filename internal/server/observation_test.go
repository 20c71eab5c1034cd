package server_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
)

// TestObserve: every request is observed once, in words of the server's own,
// however it ends and whatever the client wrote.
func TestObserve(t *testing.T) {
	t.Parallel()
	var seen []server.Observation
	s := start(t, options{Change: func(c *server.Config) {
		c.Observe = func(_ context.Context, o server.Observation) { seen = append(seen, o) }
		auth := c.Auth
		c.Auth = authenticate(func(ctx context.Context) (pat.Actor, error) {
			if ctx.Value(panics{}) != nil {
				panic("of the test")
			}
			return auth.Authenticate(ctx, "no access token")
		})
	}})
	tests := []struct {
		name, method, path string
		ctx                context.Context
		want               server.Observation
	}{
		{"health", http.MethodGet, "/healthz", t.Context(), server.Observation{Route: "/healthz", Method: "GET", Status: 200}},
		{"other case", http.MethodGet, "/Contoso/_APIS/Tokens/Pats/?x=secret", t.Context(), server.Observation{Route: "/{organization}/_apis/tokens/pats", Method: "GET", Status: 401}},
		{"no organization", http.MethodGet, "/nowhere/_apis/tokens/pats", t.Context(), server.Observation{Route: "/{organization}/_apis/tokens/pats", Method: "GET", Status: 404}},
		{"no route", http.MethodGet, "/contoso/_apis/invented", t.Context(), server.Observation{Route: "none", Method: "GET", Status: 404}},
		{"broken path", http.MethodPut, "/contoso//_apis", t.Context(), server.Observation{Route: "none", Method: "PUT", Status: 404}},
		{"invented method", "REVOKE", "/readyz", t.Context(), server.Observation{Route: "/readyz", Method: "other", Status: 405}},
		{"method in lower case", "get", "/readyz", t.Context(), server.Observation{Route: "/readyz", Method: "other", Status: 405}},
		{"panic", http.MethodGet, "/contoso/_apis/tokens/pats", context.WithValue(t.Context(), panics{}, true), server.Observation{Route: "/{organization}/_apis/tokens/pats", Method: "GET", Status: 500}},
	}
	for i, tt := range tests {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(tt.ctx, tt.method, tt.path, nil)
		r.Header.Set("Authorization", "Bearer x")
		s.Handler.ServeHTTP(w, r)
		if len(seen) != i+1 {
			t.Fatalf("%s: %d observations of %d requests", tt.name, len(seen), i+1)
		}
		got := seen[i]
		if got.Took <= 0 || got.Activity.String() != w.Header().Get("ActivityId") {
			t.Errorf("%s: observed %v and activity %s, want a time and that of the answer", tt.name, got.Took, got.Activity)
		}
		got.Took, got.Activity = 0, pat.UUID{}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// panics marks the context of a request that is to panic.
type panics struct{}

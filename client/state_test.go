package client_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestState(t *testing.T) {
	t.Parallel()
	// old is a version of Patrol that tells no state, and of the second token
	// nothing at all.
	old := func(s *service) {
		s.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has("authorizationIds") {
				return false
			}
			usages := []api.TokenUsage{}
			if r.URL.Query().Get("authorizationIds") == idOf(1) {
				usages = append(usages, api.TokenUsage{AuthorizationID: idOf(1), LastUsed: new(api.Time{Time: time.Now()})})
			}
			write(w, http.StatusOK, api.Collect(usages))
			return true
		}
	}
	patrol := func(*service) {}
	bare := func(s *service) { s.bare = true }
	type is struct{ revoked, expired bool }
	tests := []struct {
		name    string
		service func(*service)
		azure   bool
		token   is
		want    api.TokenState
		paths   []string
	}{
		{"active", patrol, false, is{}, api.StateActive, []string{"usage"}},
		{"expired", patrol, false, is{expired: true}, api.StateExpired, []string{"usage"}},
		{"revoked", patrol, false, is{revoked: true}, api.StateRevoked, []string{"usage"}},
		{"revoked, then expired", patrol, false, is{revoked: true, expired: true}, api.StateRevoked, []string{"usage"}},

		{"active on an older Patrol", old, false, is{}, api.StateActive, []string{"usage", "list"}},
		{"expired on an older Patrol", old, false, is{expired: true}, api.StateExpired, []string{"usage"}},
		{"revoked on an older Patrol", old, false, is{revoked: true}, api.StateRevoked, []string{"usage", "list"}},
		{"revoked, then expired, on an older Patrol", old, false, is{revoked: true, expired: true}, api.StateExpired, []string{"usage"}},

		{"active elsewhere", bare, false, is{}, api.StateActive, []string{"usage", "list"}},
		{"revoked elsewhere", bare, false, is{revoked: true}, api.StateRevoked, []string{"usage", "list"}},

		{"active on Azure DevOps", bare, true, is{}, api.StateActive, []string{"list"}},
		{"expired on Azure DevOps", bare, true, is{expired: true}, api.StateExpired, nil},
		{"revoked on Azure DevOps", bare, true, is{revoked: true}, api.StateRevoked, []string{"list"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for i := range 2 {
				s := newService()
				s.add(s.tokens[0])
				token := &s.tokens[i]
				if tt.token.expired {
					token.ValidTo = token.ValidFrom
				}
				s.revoked[token.AuthorizationID] = tt.token.revoked
				tt.service(s)
				var paths []string
				c := newClient(roundTrip(func(r *http.Request) (*http.Response, error) {
					kind := "list"
					if r.URL.Query().Has("authorizationIds") {
						kind = "usage"
					}
					paths = append(paths, kind)
					return s.RoundTrip(r)
				}))
				if tt.azure {
					c.BaseURL = "https://vssps.dev.azure.com"
				}
				got, err := c.State(t.Context(), *token)
				if got != tt.want || err != nil {
					t.Errorf("State of token %d = %q, %v, want %q", i+1, got, err, tt.want)
				}
				if diff := cmp.Diff(tt.paths, paths); diff != "" {
					t.Errorf("asked for token %d (-want +got):\n%s", i+1, diff)
				}
			}
		})
	}
}

// TestStateIsNotGuessed: a service that fails says nothing of a token.
func TestStateIsNotGuessed(t *testing.T) {
	t.Parallel()
	for _, parameter := range []string{"authorizationIds", "displayFilterOption"} {
		s := newService()
		s.bare = parameter != "authorizationIds"
		s.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !r.URL.Query().Has(parameter) {
				return false
			}
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		if got, err := newClient(s).State(t.Context(), s.tokens[0]); got != "" || client.KindOf(err) != client.KindUnavailable {
			t.Errorf("State where %s fails = %q, %v, want an error of kind unavailable", parameter, got, err)
		}
	}
	if _, err := newClient(newService()).State(t.Context(), api.PatToken{}); client.KindOf(err) != client.KindRequest {
		t.Errorf("State of no token = %v, want an error of kind request", err)
	}
}

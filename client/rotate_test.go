package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

const day = 24 * time.Hour

var errFull = errors.New("disk full")

func TestRotate(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) api.Time { return api.Time{Time: time.Now().UTC().Add(d)} }
	tests := []struct {
		name    string
		prepare func(*service)
		options func() client.RotateOptions
		want    func() api.PatToken // but for id, secret and validFrom
		calls   []string
	}{
		{"like the old one", func(*service) {}, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(30 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"for all organizations", func(s *service) { s.tokens[0].TargetAccounts = nil }, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(30 * day)}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"with changes", func(*service) {}, func() client.RotateOptions {
			return client.RotateOptions{ValidTo: new(in(7 * day)), DisplayName: new("other"), Scope: new("vso.code")}
		}, func() api.PatToken {
			return api.PatToken{DisplayName: "other", Scope: "vso.code", ValidTo: in(7 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"keeping the old one", func(*service) {}, func() client.RotateOptions { return client.RotateOptions{KeepOld: true} }, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(30 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST"}},
		{"half used", func(s *service) {
			s.tokens[0].ValidFrom, s.tokens[0].ValidTo = in(-5*day), in(5*day)
		}, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(10 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"expired", func(s *service) {
			s.tokens[0].ValidFrom, s.tokens[0].ValidTo = in(-5*day), in(-2*day)
		}, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(3 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"of unknown age", func(s *service) { s.tokens[0].ValidFrom = api.Time{} }, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(30 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "POST", "DELETE"}},
		{"on another service", func(s *service) { s.bare = true }, nil, func() api.PatToken {
			return api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidTo: in(30 * day), TargetAccounts: []string{organization}}
		}, []string{"GET", "GET", "GET", "POST", "DELETE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newService()
				tt.prepare(s)
				var o client.RotateOptions
				if tt.options != nil {
					o = tt.options()
				}
				var kept api.PatToken
				got, err := newClient(s).Rotate(t.Context(), idOf(1), o, func(_ context.Context, token api.PatToken) error {
					if s.revoked[idOf(1)] {
						t.Error("the old token is revoked before the new one is kept")
					}
					kept = token
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want(), got, cmpopts.IgnoreFields(api.PatToken{}, "ValidFrom", "AuthorizationID", "Token")); diff != "" {
					t.Errorf("token (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(got, kept); diff != "" || *kept.Token != "secret-2" || kept.AuthorizationID != idOf(2) {
					t.Errorf("kept another token than returned (-returned +kept):\n%s", diff)
				}
				if diff := cmp.Diff(tt.calls, s.calls); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if want := map[string]bool{idOf(1): true}; !o.KeepOld && !cmp.Equal(want, s.revoked) || o.KeepOld && len(s.revoked) > 0 {
					t.Errorf("revoked = %v", s.revoked)
				}
			})
		})
	}
}

// TestRotateFails: whatever fails, one known token works, and the error tells
// which ones live.
func TestRotateFails(t *testing.T) {
	t.Parallel()
	on := func(method, id string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method || id != "" && r.URL.Query().Get("authorizationId") != id {
				return false
			}
			w.WriteHeader(http.StatusInternalServerError)
			return true
		}
	}
	keeping := func(context.Context, api.PatToken) error { return nil }
	failing := func(context.Context, api.PatToken) error { return errFull }
	tests := []struct {
		name     string
		id       string
		prepare  func(*service)
		keep     func(context.Context, api.PatToken) error
		kind     client.Kind
		cause    error
		text     string
		returned bool     // the new token
		calls    []string // nil: none
		alive    []string
	}{
		{"no keep", idOf(1), func(*service) {}, nil, client.KindRequest, nil, "needs a function", false, nil, []string{idOf(1)}},
		{"no id", "", func(*service) {}, keeping, client.KindRequest, nil, "is empty", false, nil, []string{idOf(1)}},
		{"unknown", idOf(9), func(*service) {}, keeping, client.KindNotFound, nil, "reading the old token", false, []string{"GET"}, []string{idOf(1)}},
		{"revoked", idOf(1), func(s *service) { s.revoked[idOf(1)] = true }, keeping, client.KindRefusal, nil, "is revoked", false, []string{"GET", "GET"}, nil},
		{"revoked and expired", idOf(1), func(s *service) {
			s.revoked[idOf(1)], s.tokens[0].ValidTo = true, s.tokens[0].ValidFrom
		}, keeping, client.KindRefusal, nil, "is revoked", false, []string{"GET", "GET"}, nil},
		{"revoked on another service", idOf(1), func(s *service) { s.bare, s.revoked[idOf(1)] = true, true }, keeping, client.KindRefusal, nil, "is revoked", false, []string{"GET", "GET", "GET"}, nil},
		{"state fails", idOf(1), func(s *service) {
			s.fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Has("authorizationIds") {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			}
		}, keeping, client.KindForbidden, nil, "whether the old token is revoked", false, []string{"GET", "GET"}, []string{idOf(1)}},
		{"refused", idOf(1), func(s *service) { s.tokens[0].Scope = "app_token" }, keeping, client.KindPolicy, nil, "creating the new token", false, []string{"GET", "GET", "POST"}, []string{idOf(1)}},
		{"create fails", idOf(1), func(s *service) { s.fault = on("POST", "") }, keeping, client.KindUnavailable, nil, `look for "deploy"`, false, []string{"GET", "GET", "POST"}, []string{idOf(1)}},
		{"keep fails", idOf(1), func(*service) {}, failing, "", errFull, "the old one is unchanged", false, []string{"GET", "GET", "POST", "DELETE"}, []string{idOf(1)}},
		{"keep and cleanup fail", idOf(1), func(s *service) { s.fault = on("DELETE", idOf(2)) }, failing, client.KindUnavailable, errFull, "the new token " + idOf(2) + " is still alive", false, []string{"GET", "GET", "POST", "DELETE"}, []string{idOf(1), idOf(2)}},
		{"revoking the old one fails", idOf(1), func(s *service) { s.fault = on("DELETE", idOf(1)) }, keeping, client.KindUnavailable, nil, "the old token " + idOf(1) + " is still alive", true, []string{"GET", "GET", "POST", "DELETE"}, []string{idOf(1), idOf(2)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newService()
			tt.prepare(s)
			got, err := newClient(s).Rotate(t.Context(), tt.id, client.RotateOptions{}, tt.keep)
			if err == nil || client.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Rotate = %v of kind %q, want kind %q and %q", err, client.KindOf(err), tt.kind, tt.text)
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("Rotate = %v, want %v in it", err, tt.cause)
			}
			if strings.Contains(err.Error(), "secret-2") {
				t.Errorf("the error has the secret: %v", err)
			}
			if returned := got.AuthorizationID != ""; returned != tt.returned || returned && *got.Token != "secret-2" {
				t.Errorf("token = %v, want one: %t", got, tt.returned)
			}
			if diff := cmp.Diff(tt.calls, s.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
			var alive []string
			for _, token := range s.list("active").PatTokens {
				alive = append(alive, token.AuthorizationID)
			}
			if diff := cmp.Diff(tt.alive, alive); diff != "" {
				t.Errorf("tokens alive (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRotateCancelled: who interrupts the keeping leaves no stray token.
func TestRotateCancelled(t *testing.T) {
	t.Parallel()
	s := newService()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := newClient(s).Rotate(ctx, idOf(1), client.RotateOptions{}, func(ctx context.Context, _ api.PatToken) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Rotate = %v, want context.Canceled", err)
	}
	if want := map[string]bool{idOf(2): true}; !cmp.Equal(want, s.revoked) {
		t.Errorf("revoked = %v, want %v", s.revoked, want)
	}
}

// TestRotateCleanupIsBounded: a service that fell silent does not hold up the
// error of keep for ever.
func TestRotateCleanupIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		c := newClient(roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodDelete {
				return s.RoundTrip(r)
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		c.Attempts = 10
		start := time.Now()
		_, err := c.Rotate(t.Context(), idOf(1), client.RotateOptions{}, func(context.Context, api.PatToken) error { return errFull })
		if !errors.Is(err, errFull) || client.KindOf(err) != client.KindTransport || time.Since(start) > 30*time.Second {
			t.Errorf("Rotate = %v after %v, want both errors within 30s", err, time.Since(start))
		}
	})
}

package walkthrough_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
)

// clipboard is held by who uses it: all tabs have the same.
var clipboard sync.Mutex

// verified is what the service answers to those who ask whether a token is
// good for a scope in contoso.
func (s *site) verified(t testing.TB, secret, scope string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Verify.URL+"?"+url.Values{"org": {"contoso"}, "scope": {scope}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("", secret)
	answer, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatalf("asking whether a token is good: %v", err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (s *site) accepts(t testing.TB, secret, scope string) {
	t.Helper()
	if got := s.verified(t, secret, scope); got != http.StatusOK {
		t.Errorf("the token is answered %d for %s, want 200", got, scope)
	}
}

// refuses fails where the token is good for the scope.
func (s *site) refuses(t testing.TB, secret, scope string) {
	t.Helper()
	if got := s.verified(t, secret, scope); got != http.StatusUnauthorized && got != http.StatusForbidden {
		t.Errorf("the token is answered %d for %s, want 401 or 403", got, scope)
	}
}

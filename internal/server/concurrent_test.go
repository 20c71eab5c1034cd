package server_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// TestSideBySide: many clients at once, each sees its own changes at once and
// loses none.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice, bob := s.as(t, "alice"), s.as(t, "bob")
	var work sync.WaitGroup
	for i := range 16 {
		c := []caller{alice, bob}[i%2]
		work.Go(func() {
			for j := range 5 {
				name := fmt.Sprintf("%02d-%d", i, j)
				id := c.named(t, name).AuthorizationID
				if got := c.get(t, id).DisplayName; got != name {
					t.Errorf("Get after Create = %q, want %q", got, name)
				}
				c.update(t, `{"authorizationId":"`+id+`","displayName":"`+name+` changed"}`)
				if got := c.get(t, id).DisplayName; got != name+" changed" {
					t.Errorf("Get after Update = %q, want it changed", got)
				}
				if j%2 == 0 {
					c.revoke(t, id)
					if slices.Contains(ids(c.page(t).PatTokens), id) {
						t.Error("List after Revoke shows the token as active")
					}
				}
			}
		})
	}
	work.Wait()
	for name, c := range map[string]caller{"alice": alice, "bob": bob} {
		active, revoked := len(c.page(t).PatTokens), len(c.page(t, "displayFilterOption=revoked").PatTokens)
		if active != 16 || revoked != 24 {
			t.Errorf("%s has %d active and %d revoked tokens, want 16 and 24", name, active, revoked)
		}
	}
}

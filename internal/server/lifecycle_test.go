package server_test

import (
	"net/http"
	"testing"
)

func TestLife(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	made := alice.named(t, "first")
	if made.Token == nil || len(*made.Token) != 84 {
		t.Fatalf("Create answered the secret %v, want 84 characters", made.Token)
	}
	got := alice.get(t, made.AuthorizationID)
	_ = got
	alice.update(t, `{"authorizationId":"`+made.AuthorizationID+`","allOrgs":true}`)
	alice.page(t)
	alice.revoke(t, made.AuthorizationID)
	alice.do(t, http.MethodHead, alice.pats(), "")
}

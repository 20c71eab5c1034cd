package devidp_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

// TestGoOIDC signs in with the Go libraries for any OpenID Connect provider, over
// plain http, as a public client with PKCE and as a confidential one.
func TestGoOIDC(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	ctx := oidc.ClientContext(t.Context(), s.HTTP)
	provider, err := oidc.NewProvider(ctx, s.authority()+"/v2.0")
	if err != nil {
		t.Fatalf("NewProvider = %v, want a provider", err)
	}
	for _, mode := range []string{"", "query", "fragment", "form_post"} {
		for _, client := range []struct{ name, id, secret, redirect string }{
			{"public", publicID, "", "http://127.0.0.1:41234/callback"},
			{"confidential", confidentialID, secret, "http://localhost:5000/getAToken"},
		} {
			t.Run(client.name+" "+mode, func(t *testing.T) {
				config := &oauth2.Config{
					ClientID: client.id, ClientSecret: client.secret, RedirectURL: client.redirect,
					Endpoint: provider.Endpoint(),
					Scopes:   []string{oidc.ScopeOpenID, "profile", "email", oidc.ScopeOfflineAccess, adoScope},
				}
				verifier := oauth2.GenerateVerifier()
				options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce("n-0nce")}
				if mode != "" {
					options = append(options, oauth2.SetAuthURLParam("response_mode", mode))
				}
				answer := signIn(t, s.browser(), config.AuthCodeURL(oddState, options...))
				if got := answer.Get("state"); got != oddState {
					t.Errorf("state = %q, want %q", got, oddState)
				}
				token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
				if err != nil {
					t.Fatalf("Exchange = %v, want tokens", err)
				}
				checkIDToken(ctx, t, provider, client.id, token)

				info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
				if err != nil {
					t.Fatalf("UserInfo = %v, want the user", err)
				}
				if info.Email != alice.Username {
					t.Errorf("email = %q, want %q", info.Email, alice.Username)
				}
				token.Expiry = s.clock.now().Add(-1)
				refreshed, err := config.TokenSource(ctx, token).Token()
				if err != nil {
					t.Fatalf("refreshing = %v, want a token", err)
				}
				if refreshed.AccessToken == token.AccessToken || refreshed.RefreshToken == token.RefreshToken {
					t.Error("refreshing returned the same tokens, want new ones")
				}
			})
		}
	}
}

func checkIDToken(ctx context.Context, t *testing.T, provider *oidc.Provider, clientID string, token *oauth2.Token) {
	t.Helper()
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		t.Fatal("the response has no id_token")
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: clientID}).Verify(ctx, raw)
	if err != nil {
		t.Fatalf("Verify = %v, want a good ID token", err)
	}
	var claims struct {
		ObjectID string `json:"oid"`
		TenantID string `json:"tid"`
		Name     string `json:"name"`
		Username string `json:"preferred_username"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Nonce != "n-0nce" || claims.ObjectID != alice.ObjectID || claims.TenantID != tenant ||
		claims.Name != alice.Name || claims.Username != alice.Username {
		t.Errorf("claims = %+v with nonce %q, want those of alice", claims, id.Nonce)
	}
}

// signIn picks alice and returns the parameters of the answer.
func signIn(t *testing.T, b *devidptest.Browser, address string) url.Values {
	t.Helper()
	answer, err := b.SignIn(t.Context(), address, alice.Username)
	if err != nil {
		t.Fatalf("SignIn = %v, want an answer", err)
	}
	return answer.Values()
}

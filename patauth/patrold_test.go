package patauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/patauth"
)

// TestPatrold asks a whole patrold, over TLS.
func TestPatrold(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{TLS: true})
	access := s.Token(t, "alice")
	contoso := &client.Client{
		BaseURL: s.API, Organization: "contoso", HTTP: s.HTTP,
		Token: func(context.Context) (string, error) { return access, nil },
	}
	token, err := contoso.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.packaging_write vso.code"})
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	config := patauth.Config{
		IntrospectionURL: s.Verify.Introspect, ClientID: s.Verify.Client.ID, ClientSecret: s.Verify.Client.Secret,
		Organization: "contoso", HTTP: s.HTTP,
	}
	auth := newAuthenticator(t, config)

	identity, err := auth.Check(t.Context(), *token.Token, "vso.packaging", "vso.packaging_write")
	if err != nil {
		t.Fatalf("Check = %v", err)
	}
	data, err := contoso.ConnectionData(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := patauth.Identity{
		Subject: data.AuthenticatedUser.ID, Username: "alice@contoso.example", Organization: "contoso", Tenant: s.Tenant,
		Scopes: []string{"vso.code", "vso.packaging_write"}, AuthorizationID: token.AuthorizationID,
		Issued: token.ValidFrom.Truncate(time.Second), Expires: token.ValidTo.Truncate(time.Second),
	}
	if diff := cmp.Diff(want, identity); diff != "" {
		t.Errorf("Check (-want +got):\n%s", diff)
	}

	stranger := config
	stranger.ClientSecret = "the secret of another/client"
	kinds := map[string]struct {
		auth   *patauth.Authenticator
		pat    string
		scopes []string
		want   patauth.Kind
	}{
		"any scope":            {auth, *token.Token, nil, ""},
		"too little scope":     {auth, *token.Token, []string{"vso.packaging", "vso.code_write"}, patauth.KindForbidden},
		"no such scope":        {auth, *token.Token, []string{"vso.nothing"}, patauth.KindForbidden},
		"another organization": {auth.In("fabrikam"), *token.Token, nil, patauth.KindForbidden},
		"no such organization": {auth.In("nowhere"), *token.Token, nil, patauth.KindForbidden},
		"no organization":      {auth.In(""), *token.Token, nil, patauth.KindForbidden},
		"noise":                {auth, "noise", nil, patauth.KindInvalid},
		"a wrong client":       {newAuthenticator(t, stranger), *token.Token, nil, patauth.KindUnavailable},
	}
	for name, test := range kinds {
		if _, err := test.auth.Check(t.Context(), test.pat, test.scopes...); patauth.KindOf(err) != test.want || (err == nil) != (test.want == "") {
			t.Errorf("%s: Check = %v, want kind %q", name, err, test.want)
		}
	}

	handler := auth.Require("vso.code")(whoami)
	status := func() int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.SetBasicAuth("any", *token.Token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	if got := status(); got != 200 {
		t.Errorf("status %d before the revocation, want 200", got)
	}
	if err := contoso.Revoke(t.Context(), token.AuthorizationID); err != nil {
		t.Fatalf("Revoke = %v", err)
	}
	if got := status(); got != 401 {
		t.Errorf("status %d after the revocation, want 401", got)
	}
}

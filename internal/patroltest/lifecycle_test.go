package patroltest_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestLifecycle takes a token through its life with the SDK, against a whole
// service, with an access token from its own identity provider.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{TLS: true})
	access := s.Token(t, "alice")
	c := &client.Client{
		BaseURL: s.API, Organization: "contoso", HTTP: s.HTTP,
		Token: func(context.Context) (string, error) { return access, nil },
	}
	organizations, err := c.Organizations(t.Context())
	if diff := cmp.Diff([]api.Organization{{ID: s.Organizations[0].ID, Name: "contoso"}, {ID: s.Organizations[1].ID, Name: "fabrikam"}}, organizations); err != nil || diff != "" {
		t.Errorf("Organizations = %v (-want +got):\n%s", err, diff)
	}
	created, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "VSO.Code vso.build"})
	if err != nil || created.Token == nil || len(*created.Token) != 84 || created.Scope != "vso.build vso.code" {
		t.Fatalf("Create = %+v, %v, want a token with its secret and its scopes in order", withoutSecret(created), err)
	}
	created.Token = nil
	got, err := c.Get(t.Context(), created.AuthorizationID)
	if diff := cmp.Diff(created, got); err != nil || diff != "" {
		t.Errorf("Get = %v (-created +got):\n%s", err, diff)
	}
	updated, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: created.AuthorizationID, DisplayName: new("ci main"), AllOrgs: new(true)})
	want := created
	want.DisplayName, want.TargetAccounts = "ci main", nil
	if diff := cmp.Diff(want, updated); err != nil || diff != "" {
		t.Errorf("Update = %v (-want +got):\n%s", err, diff)
	}
	var kept *string
	rotated, err := c.Rotate(t.Context(), created.AuthorizationID, client.RotateOptions{}, func(ctx context.Context, token api.PatToken) error {
		kept = token.Token
		_, err := c.Get(ctx, created.AuthorizationID) // the old one is still there
		return err
	})
	if err != nil || kept == nil || rotated.DisplayName != "ci main" || rotated.AuthorizationID == created.AuthorizationID {
		t.Errorf("Rotate = %+v, %v, want a new token that was kept", withoutSecret(rotated), err)
	}
	if got := listed(t, c, api.FilterRevoked); !cmp.Equal(got, []string{created.AuthorizationID}) {
		t.Errorf("revoked tokens = %v, want the old one", got)
	}
	for state, token := range map[api.TokenState]api.PatToken{api.StateActive: rotated, api.StateRevoked: created} {
		if got, err := c.State(t.Context(), token); got != state || err != nil {
			t.Errorf("State = %q, %v, want %q", got, err, state)
		}
	}
	for range 2 { // the second time changes nothing
		if err := c.Revoke(t.Context(), rotated.AuthorizationID); err != nil {
			t.Errorf("Revoke = %v", err)
		}
	}
	if got := listed(t, c, api.FilterActive); len(got) != 0 {
		t.Errorf("active tokens = %v, want none", got)
	}
	if _, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: rotated.AuthorizationID, DisplayName: new("again")}); client.KindOf(err) != client.KindRefusal {
		t.Errorf("Update of a revoked token = %v, want a refusal", err)
	}

	access = s.AppToken(t)
	if _, err := c.Get(t.Context(), created.AuthorizationID); client.KindOf(err) != client.KindForbidden {
		t.Errorf("Get by a service principal = %v, want it forbidden", err)
	}
	access = s.TokenFor(t, "alice", s.Audience+"/vso.pats")
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "x", Scope: "vso.code"}); client.KindOf(err) != client.KindAuthentication {
		t.Errorf("Create with permission to read = %v, want it refused", err)
	}
}

func listed(t *testing.T, c *client.Client, filter api.DisplayFilterOption) (ids []string) {
	t.Helper()
	for token, err := range c.List(t.Context(), client.ListOptions{Filter: filter}) {
		if err != nil {
			t.Fatalf("List = %v", err)
		}
		ids = append(ids, token.AuthorizationID)
	}
	return ids
}

// withoutSecret is token as a message may show it.
func withoutSecret(token api.PatToken) api.PatToken {
	token.Token = nil
	return token
}

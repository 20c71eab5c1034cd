package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

func TestLifecycle(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")

	made := alice.create(t, `{"displayName":"new_token","scope":"vso.packaging vso.code","validTo":"2026-12-24T23:46:23.319Z","allOrgs":false}`)
	if made.Token == nil || len(*made.Token) != 84 || !strings.Contains(*made.Token, "PTRL") {
		t.Fatal("Create answered no secret of 84 characters with the signature PTRL")
	}
	want := api.PatToken{
		DisplayName: "new_token", Scope: "vso.code vso.packaging", TargetAccounts: []string{contosoID},
		ValidFrom: api.Time{Time: epoch}, ValidTo: api.Time{Time: time.Date(2026, 12, 24, 23, 46, 23, 319e6, time.UTC)},
		AuthorizationID: made.AuthorizationID, Token: made.Token,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("Create (-want +got):\n%s", diff)
	}
	want.Token = nil
	if diff := cmp.Diff(want, alice.get(t, made.AuthorizationID)); diff != "" {
		t.Errorf("Get (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]api.PatToken{want}, alice.page(t).PatTokens); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}

	s.Clock.Advance(time.Hour)
	want.DisplayName, want.TargetAccounts = "renamed", nil
	changed := alice.update(t, `{"authorizationId":"`+made.AuthorizationID+`","displayName":"renamed","allOrgs":true}`)
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("Update (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, alice.in("fabrikam").get(t, made.AuthorizationID)); diff != "" {
		t.Errorf("Get of a global token elsewhere (-want +got):\n%s", diff)
	}

	alice.revoke(t, made.AuthorizationID)
	after := s.dump(t)
	alice.revoke(t, made.AuthorizationID)
	if diff := cmp.Diff(after, s.dump(t)); diff != "" {
		t.Errorf("the second Revoke changed (-before +after):\n%s", diff)
	}
	if got := names(alice.page(t).PatTokens); len(got) > 0 {
		t.Errorf("active tokens = %q, want none", got)
	}
	if diff := cmp.Diff([]api.PatToken{want}, alice.page(t, "displayFilterOption=revoked").PatTokens); diff != "" {
		t.Errorf("revoked tokens (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, alice.get(t, made.AuthorizationID)); diff != "" {
		t.Errorf("Get of a revoked token (-want +got):\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	made := alice.create(t, `{"displayName":"  spaces around  ","scope":" VSO.Code\tvso.build vso.code "}`)
	want := api.PatToken{
		DisplayName: "spaces around", Scope: "vso.build vso.code", TargetAccounts: []string{contosoID},
		ValidFrom: api.Time{Time: epoch}, ValidTo: api.Time{Time: epoch.AddDate(0, 0, 30)},
		AuthorizationID: made.AuthorizationID, Token: made.Token,
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("Create (-want +got):\n%s", diff)
	}
	twin := alice.create(t, `{"displayName":"spaces around","scope":"vso.code"}`)
	if twin.AuthorizationID == made.AuthorizationID || *twin.Token == *made.Token {
		t.Error("two tokens share their id or secret")
	}
}

// TestUpdate changes one member at a time; the others must stay.
func TestUpdate(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	before := alice.create(t, `{"displayName":"t","scope":"vso.code","validTo":"2027-01-01T00:00:00Z"}`)
	before.Token = nil
	tests := []struct {
		name, members string
		change        func(*api.PatToken)
	}{
		{"nothing", ``, func(*api.PatToken) {}},
		{"nulls", `,"displayName":null,"scope":null,"validTo":null,"allOrgs":null`, func(*api.PatToken) {}},
		{"the same", `,"displayName":"t","scope":"vso.code","validTo":"2027-01-01T00:00:00Z","allOrgs":false`, func(*api.PatToken) {}},
		{"name", `,"displayName":"other"`, func(p *api.PatToken) { p.DisplayName = "other" }},
		{"scope", `,"scope":"app_token"`, func(p *api.PatToken) { p.Scope = "app_token" }},
		{"later end", `,"validTo":"2027-06-01T00:00:00Z"`, func(p *api.PatToken) { p.ValidTo.Time = time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC) }},
		{"earlier end", `,"validTo":"2026-12-02T00:00:00Z"`, func(p *api.PatToken) { p.ValidTo.Time = time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC) }},
		{"global", `,"allOrgs":true`, func(p *api.PatToken) { p.TargetAccounts = nil }},
		{"no longer global", `,"allOrgs":false`, func(p *api.PatToken) { p.TargetAccounts = []string{contosoID} }},
	}
	for _, tt := range tests {
		s.Clock.Advance(time.Minute)
		want := before
		tt.change(&want)
		dump := s.dump(t)
		got := alice.update(t, `{"authorizationId":"`+before.AuthorizationID+`"`+tt.members+`}`)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Update of %s (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(want, alice.get(t, before.AuthorizationID)); diff != "" {
			t.Errorf("Get after Update of %s (-want +got):\n%s", tt.name, diff)
		}
		if changed := dump != s.dump(t); changed != !cmp.Equal(before, want) {
			t.Errorf("Update of %s: the database changed: %v", tt.name, changed)
		}
		before = want
	}
}

// TestMovingBack: a global token that stops being one belongs to where that
// was asked.
func TestMovingBack(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	made := alice.create(t, `{"displayName":"t","scope":"vso.code","allOrgs":true}`)
	moved := alice.in("fabrikam").update(t, `{"authorizationId":"`+made.AuthorizationID+`","allOrgs":false}`)
	if diff := cmp.Diff([]string{fabrikamID}, moved.TargetAccounts); diff != "" {
		t.Errorf("targetAccounts (-want +got):\n%s", diff)
	}
	if got := refusal(t, alice.do(t, http.MethodGet, alice.pats("authorizationId="+made.AuthorizationID), "")); got != "tokenNotFound" {
		t.Errorf("Get where it was = %s, want tokenNotFound", got)
	}
}

// TestApart: nobody reaches a token but its owner, and nobody in another
// organization than its own.
func TestApart(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice, bob := s.as(t, "alice"), s.as(t, "bob")
	id := alice.named(t, "hers").AuthorizationID
	before := s.dump(t)
	for name, stranger := range map[string]caller{"bob": bob, "alice in fabrikam": alice.in("fabrikam")} {
		unknown := "11111111-2222-4333-8444-555555555555"
		for _, id := range []string{id, strings.ToUpper(id), unknown} {
			if got := refusal(t, stranger.do(t, http.MethodGet, stranger.pats("authorizationId="+id), "")); got != "tokenNotFound" {
				t.Errorf("Get by %s = %s, want tokenNotFound", name, got)
			}
			body := `{"authorizationId":"` + id + `","displayName":"theirs","allOrgs":true}`
			if got := refusal(t, stranger.do(t, http.MethodPut, stranger.pats(), body)); got != "tokenNotFound" {
				t.Errorf("Update by %s = %s, want tokenNotFound", name, got)
			}
			want := fault{http.StatusNotFound, "TokenNotFoundException"}
			if got := faultOf(t, stranger.do(t, http.MethodDelete, stranger.pats("authorizationId="+id), "")); got != want {
				t.Errorf("Revoke by %s = %v, want %v", name, got, want)
			}
		}
		if got := names(stranger.page(t, "displayFilterOption=all").PatTokens); len(got) > 0 {
			t.Errorf("List by %s = %q, want nothing", name, got)
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("strangers changed (-before +after):\n%s", diff)
	}
}

func TestGetWins(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	made := alice.named(t, "t")
	a := alice.do(t, http.MethodGet, alice.pats("displayFilterOption=revoked", "$top=1", "authorizationId="+made.AuthorizationID), "")
	if got := token(t, a).DisplayName; got != "t" {
		t.Errorf("Get beside list options = %q, want the token", got)
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	expired, revoked := alice.named(t, "expired").AuthorizationID, alice.named(t, "revoked").AuthorizationID
	alice.revoke(t, revoked)
	s.Clock.Advance(31 * 24 * time.Hour)
	tests := []struct{ id, members, want string }{
		{expired, `"validTo":"2027-02-01T00:00:00Z"`, "expiredPatCannotBeExtended"},
		{expired, `"validTo":"2026-12-15T00:00:00Z"`, "expiredPatCannotBeExtended"},
		{revoked, `"validTo":"2027-02-01T00:00:00Z"`, "invalidToken"},
		{revoked, `"displayName":"risen"`, "invalidToken"},
		{revoked, `"allOrgs":false`, "invalidToken"},
	}
	before := s.dump(t)
	for _, tt := range tests {
		a := alice.do(t, http.MethodPut, alice.pats(), `{"authorizationId":"`+tt.id+`",`+tt.members+`}`)
		if got := refusal(t, a); got != tt.want {
			t.Errorf("Update of %s = %s, want %s", tt.members, got, tt.want)
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("refused updates changed (-before +after):\n%s", diff)
	}
	if got := alice.update(t, `{"authorizationId":"`+expired+`","displayName":"renamed"}`).DisplayName; got != "renamed" {
		t.Errorf("Update of an expired token's name = %q, want it renamed", got)
	}
	alice.revoke(t, expired)
}

func TestHead(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	alice.named(t, "t")
	for _, target := range []string{
		alice.pats(), alice.pats("authorizationId=11111111-2222-4333-8444-555555555555"), "/contoso/_apis/patrol/scopes?" + version, alice.usage("11111111-2222-4333-8444-555555555555"),
		"/contoso/_apis/connectiondata", "/contoso/_apis/resourceareas", "/contoso/_apis/resourceareas/55967393-20ef-45c6-a96c-b5d5d5986a9a",
		organizationsPath, "/_apis/patrol/signin", "/openapi.yaml", "/healthz", "/readyz",
	} {
		get, head := alice.do(t, http.MethodGet, target, ""), alice.do(t, http.MethodHead, target, "")
		for _, a := range []answer{get, head} {
			for _, name := range []string{"Activityid", "X-Vss-E2eid", "Date"} {
				a.Header.Del(name)
			}
		}
		if diff := cmp.Diff(answer{get.Status, get.Header, ""}, head); diff != "" {
			t.Errorf("HEAD %s (-GET without its body +HEAD):\n%s", target, diff)
		}
	}
	if a := alice.wrong(t, http.MethodHead, "/contoso/_apis/tokens/pats", ""); a.Status != http.StatusBadRequest || a.Body != "" {
		t.Errorf("HEAD without a version = %d %q, want 400 without a body", a.Status, a.Body)
	}
}

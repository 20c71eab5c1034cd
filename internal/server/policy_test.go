package server_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

const day = 24 * time.Hour

func always(p pat.Policy) func(pat.Organization) (pat.Policy, error) {
	return func(pat.Organization) (pat.Policy, error) { return p, nil }
}

// TestPolicies: each policy refuses what it forbids, at creation and change,
// and admits who is exempt.
func TestPolicies(t *testing.T) {
	t.Parallel()
	on := pat.Restriction{On: true, Exempt: []string{bobID}}
	const full, global, plain, packaging = `{"displayName":"t","scope":"app_token"}`, `{"displayName":"t","scope":"vso.code","allOrgs":true}`,
		`{"displayName":"t","scope":"vso.code"}`, `{"displayName":"t","scope":"vso.packaging_write vso.packaging"}`
	tests := []struct {
		name    string
		options options
		body    string
		want    string
		// exempt is what bob gets.
		exempt string
	}{
		{"full scope", options{Policy: always(pat.Policy{FullScope: on})}, full, "fullScopePatPolicyViolation", "none"},
		{"full scope, other scope", options{Policy: always(pat.Policy{FullScope: on})}, plain, "none", "none"},
		{"global", options{Policy: always(pat.Policy{Global: on})}, global, "globalPatPolicyViolation", "none"},
		{"global, not asked", options{Policy: always(pat.Policy{Global: on})}, plain, "none", "none"},
		{"creation", options{Policy: always(pat.Policy{Creation: pat.CreationRestriction{Restriction: on}})}, plain, "disablePatCreationPolicyViolation", "none"},
		{"creation, packaging", options{Policy: always(pat.Policy{Creation: pat.CreationRestriction{Restriction: on}})}, packaging, "disablePatCreationPolicyViolation", "none"},
		{"creation but packaging", options{Policy: always(pat.Policy{Creation: pat.CreationRestriction{Restriction: on, PackagingAllowed: true}})}, packaging, "none", "none"},
		{"global blocked", options{Limits: pat.Limits{Global: pat.GlobalBlocked}}, global, "globalPATCreationBlocked", "globalPATCreationBlocked"},
		{"global retired", options{Limits: pat.Limits{Global: pat.GlobalRetired}}, global, "globalPATCreationBlocked", "globalPATCreationBlocked"},
		{"unreadable", options{Policy: func(pat.Organization) (pat.Policy, error) { return pat.Policy{}, errors.New("disk on fire") }}, plain, "failedToReadTenantPolicy", "failedToReadTenantPolicy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.options)
			for user, want := range map[string]string{"alice": tt.want, "bob": tt.exempt} {
				c := s.as(t, user)
				before := s.dump(t)
				a := c.do(t, http.MethodPost, c.pats(), tt.body)
				result := decode[api.PatTokenResult](t, a.Body)
				if string(result.PatTokenError) != want {
					t.Errorf("Create by %s = %s, want %s", user, a.Body, want)
				}
				if want != "none" && s.dump(t) != before {
					t.Errorf("Create by %s was refused but changed the database", user)
				}
			}
			if strings.Contains(s.Logs.String(), "disk on fire") != (tt.name == "unreadable") {
				t.Error("the log does not say why policies cannot be read, or says so for nothing")
			}
		})
	}
}

// TestPolicyOnChange: a policy that comes later forbids what an update asks
// anew, and takes nothing away.
func TestPolicyOnChange(t *testing.T) {
	t.Parallel()
	var policy pat.Policy
	s := start(t, options{Policy: func(pat.Organization) (pat.Policy, error) { return policy, nil }})
	alice := s.as(t, "alice")
	small := alice.named(t, "small").AuthorizationID
	big := alice.create(t, `{"displayName":"big","scope":"app_token","allOrgs":true,"validTo":"2027-06-01T00:00:00Z"}`).AuthorizationID
	policy.FullScope.On, policy.Global.On, policy.Lifespan.Max = true, true, 7*day
	for members, want := range map[string]string{
		`"scope":"app_token"`: "fullScopePatPolicyViolation", `"allOrgs":true`: "globalPatPolicyViolation",
	} {
		before := s.dump(t)
		if got := refusal(t, alice.do(t, http.MethodPut, alice.pats(), `{"authorizationId":"`+small+`",`+members+`}`)); got != want {
			t.Errorf("Update of %s = %s, want %s", members, got, want)
		}
		if diff := cmp.Diff(before, s.dump(t)); diff != "" {
			t.Errorf("a refused update changed (-before +after):\n%s", diff)
		}
	}
	kept := alice.update(t, `{"authorizationId":"`+big+`","displayName":"kept","scope":"app_token","allOrgs":true}`)
	want := api.PatToken{
		DisplayName: "kept", Scope: "app_token", AuthorizationID: big,
		ValidFrom: api.Time{Time: epoch}, ValidTo: api.Time{Time: time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, kept); diff != "" {
		t.Errorf("Update of what is held (-want +got):\n%s", diff)
	}
	policy = pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true}}}
	if got := alice.update(t, `{"authorizationId":"`+small+`","displayName":"renamed"}`).DisplayName; got != "renamed" {
		t.Errorf("Update where creation is restricted = %q, want it renamed", got)
	}
	if got := refusal(t, alice.do(t, http.MethodPut, alice.pats(), `{"authorizationId":"`+small+`","scope":"vso.code vso.build"}`)); got != "disablePatCreationPolicyViolation" {
		t.Errorf("Update that adds a scope where creation is restricted = %s, want disablePatCreationPolicyViolation", got)
	}
	alice.revoke(t, small)
}

// TestNeighboursPolicy: a token for all organizations must suit those elsewhere
// too; one for here only need not.
func TestNeighboursPolicy(t *testing.T) {
	t.Parallel()
	s := start(t, options{Policy: func(o pat.Organization) (pat.Policy, error) {
		return pat.Policy{FullScope: pat.Restriction{On: o.Name == "fabrikam"}}, nil
	}})
	alice := s.as(t, "alice")
	here := alice.create(t, `{"displayName":"here","scope":"app_token"}`).AuthorizationID
	before := s.dump(t)
	for method, body := range map[string]string{
		http.MethodPost: `{"displayName":"everywhere","scope":"app_token","allOrgs":true}`,
		http.MethodPut:  `{"authorizationId":"` + here + `","allOrgs":true}`,
	} {
		if got := refusal(t, alice.do(t, method, alice.pats(), body)); got != "fullScopePatPolicyViolation" {
			t.Errorf("%s %s = %s, want fullScopePatPolicyViolation", method, body, got)
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("refused requests changed (-before +after):\n%s", diff)
	}
}

// TestLifespan: beyond the policy an end is brought forward, counted from
// creation; beyond the service's own ceiling it is refused.
func TestLifespan(t *testing.T) {
	t.Parallel()
	limited := start(t, options{Policy: always(pat.Policy{Lifespan: pat.LifespanRestriction{Max: 7 * day, Exempt: []string{bobID}}})})
	alice, bob := limited.as(t, "alice"), limited.as(t, "bob")
	const asked = `{"displayName":"t","scope":"vso.code","validTo":"2027-03-01T00:00:00Z"}`
	made := alice.create(t, asked)
	if got, want := made.ValidTo.Time, epoch.Add(7*day); !got.Equal(want) {
		t.Errorf("Create = valid to %v, want %v", got, want)
	}
	if got, want := alice.named(t, "default").ValidTo.Time, epoch.Add(7*day); !got.Equal(want) {
		t.Errorf("Create without validTo = valid to %v, want %v", got, want)
	}
	if got, want := bob.create(t, asked).ValidTo.Time, time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("Create by who is exempt = valid to %v, want %v", got, want)
	}
	limited.Clock.Advance(3 * day)
	changed := alice.update(t, `{"authorizationId":"`+made.AuthorizationID+`","validTo":"2027-03-01T00:00:00Z"}`)
	if got, want := changed.ValidTo.Time, epoch.Add(7*day); !got.Equal(want) {
		t.Errorf("Update = valid to %v, want %v, counted from creation", got, want)
	}

	ceiling := start(t, options{Limits: pat.Limits{DefaultLifetime: 2 * day, MaxLifetime: 10 * day}}).as(t, "alice")
	if got, want := ceiling.named(t, "default").ValidTo.Time, epoch.Add(2*day); !got.Equal(want) {
		t.Errorf("Create without validTo = valid to %v, want %v", got, want)
	}
	id := ceiling.named(t, "t").AuthorizationID
	if got := refusal(t, ceiling.do(t, http.MethodPost, ceiling.pats(), asked)); got != "invalidValidTo" {
		t.Errorf("Create beyond the ceiling = %s, want invalidValidTo", got)
	}
	if got := refusal(t, ceiling.do(t, http.MethodPut, ceiling.pats(), `{"authorizationId":"`+id+`","validTo":"2027-03-01T00:00:00Z"}`)); got != "invalidValidTo" {
		t.Errorf("Update beyond the ceiling = %s, want invalidValidTo", got)
	}
}

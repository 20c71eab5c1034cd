package pat_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// court is a judge over two organizations of one tenant, one of another, and
// one that has members.
type court struct {
	*pat.Judge
	catalogue                            *pat.Catalogue
	contoso, fabrikam, elsewhere, closed pat.Organization
	owner                                pat.UUID
	policies                             map[pat.UUID]pat.Policy
	broken                               error
}

func newCourt(t *testing.T) *court {
	t.Helper()
	tenant := pat.RandomUUID()
	c := &court{
		catalogue: azureDevOps(t), owner: pat.RandomUUID(), policies: map[pat.UUID]pat.Policy{},
		contoso:   pat.Organization{ID: pat.RandomUUID(), Name: "contoso", Tenant: tenant},
		fabrikam:  pat.Organization{ID: pat.RandomUUID(), Name: "fabrikam", Tenant: tenant},
		elsewhere: pat.Organization{ID: pat.RandomUUID(), Name: "elsewhere", Tenant: pat.RandomUUID()},
		closed:    pat.Organization{ID: pat.RandomUUID(), Name: "closed", Tenant: tenant, Members: []string{pat.RandomUUID().String()}},
	}
	directory, err := pat.NewDirectory([]pat.Organization{c.contoso, c.fabrikam, c.elsewhere, c.closed})
	if err != nil {
		t.Fatal(err)
	}
	c.Judge = &pat.Judge{
		Organizations: func(id pat.UUID) (pat.Organization, bool) { return directory.Organization(id.String()) },
		Policy: func(_ context.Context, o pat.Organization) (pat.Policy, error) {
			return c.policies[o.ID], c.broken
		},
	}
	return c
}

// token is one of contoso's, with scope vso.code_write, good for a day.
func (c *court) token() pat.Token {
	return pat.Token{
		ID: pat.RandomUUID(), Owner: c.owner, Tenant: c.contoso.Tenant, Organization: c.contoso.ID, Scope: "vso.code_write vso.work",
		ValidFrom: judgement.Add(-time.Hour), ValidTo: judgement.Add(24 * time.Hour),
	}
}

// demand asks for a token that is good in o for scopes.
func (c *court) demand(t *testing.T, o pat.Organization, scopes ...string) pat.Demand {
	t.Helper()
	d := pat.Demand{Organization: o}
	for _, name := range scopes {
		index, ok := c.catalogue.Index(name)
		if !ok {
			t.Fatalf("no scope %s", name)
		}
		d.Scopes = d.Scopes.With(index)
	}
	return d
}

var judgement = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func TestDecide(t *testing.T) {
	t.Parallel()
	global := func(token *pat.Token) { token.AllOrgs = true }
	tests := []struct {
		name   string
		change func(*court, *pat.Token)
		in     func(*court) pat.Organization // nil asks for none
		scopes []string
		want   pat.Verdict
	}{
		{name: "nothing is asked", want: pat.Good},
		{name: "its organization", in: func(c *court) pat.Organization { return c.contoso }, want: pat.Good},
		{name: "another organization", in: func(c *court) pat.Organization { return c.fabrikam }, want: pat.WrongOrganization},
		{name: "its scopes", scopes: []string{"vso.code_write", "vso.work"}, want: pat.Good},
		{name: "an included scope", scopes: []string{"vso.code"}, want: pat.Good},
		{name: "a wider scope", scopes: []string{"vso.code_manage"}, want: pat.MissingScope},
		{name: "one scope of two", scopes: []string{"vso.code", "vso.build"}, want: pat.MissingScope},
		{name: "full access", change: func(_ *court, token *pat.Token) { token.Scope = pat.FullScope }, scopes: []string{"vso.code", "app_token"}, want: pat.Good},
		{name: "full access is asked", scopes: []string{"app_token"}, want: pat.MissingScope},
		{name: "a scope that is gone", change: func(_ *court, token *pat.Token) { token.Scope = "acme.old" }, scopes: []string{"vso.code"}, want: pat.MissingScope},
		{name: "revoked", change: func(_ *court, token *pat.Token) { token.RevokedAt = judgement.Add(-time.Second) }, want: pat.Dead},
		{name: "revoked in times to come", change: func(_ *court, token *pat.Token) { token.RevokedAt = judgement.Add(time.Hour) }, want: pat.Dead},
		{name: "ends now", change: func(_ *court, token *pat.Token) { token.ValidTo = judgement }, want: pat.Dead},
		{name: "ends in a microsecond", change: func(_ *court, token *pat.Token) { token.ValidTo = judgement.Add(time.Microsecond) }, want: pat.Good},
		{name: "expired beats scope", change: func(_ *court, token *pat.Token) { token.ValidTo = judgement }, scopes: []string{"app_token"}, want: pat.Dead},
		{
			name: "its organization is gone", change: func(_ *court, token *pat.Token) { token.Organization = pat.RandomUUID() },
			want: pat.WrongOrganization,
		},
		{
			name: "its organization moved to another tenant", change: func(c *court, token *pat.Token) { token.Tenant = c.elsewhere.Tenant },
			in: func(c *court) pat.Organization { return c.contoso }, want: pat.WrongOrganization,
		},

		{name: "global, nothing is asked", change: func(_ *court, token *pat.Token) { global(token) }, want: pat.Good},
		{name: "global, elsewhere in the tenant", change: func(_ *court, token *pat.Token) { global(token) }, in: func(c *court) pat.Organization { return c.fabrikam }, want: pat.Good},
		{name: "global, another tenant", change: func(_ *court, token *pat.Token) { global(token) }, in: func(c *court) pat.Organization { return c.elsewhere }, want: pat.WrongOrganization},
		{name: "global, no member", change: func(_ *court, token *pat.Token) { global(token) }, in: func(c *court) pat.Organization { return c.closed }, want: pat.WrongOrganization},
		{
			name: "global, a member", change: func(c *court, token *pat.Token) {
				global(token)
				c.closed.Members = append(c.closed.Members, c.owner.String())
			},
			in: func(c *court) pat.Organization { return c.closed }, want: pat.Good,
		},
		{
			name: "global, where creation is restricted", change: func(c *court, token *pat.Token) {
				global(token)
				c.policies[c.fabrikam.ID] = pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true}}}
			},
			in: func(c *court) pat.Organization { return c.fabrikam }, want: pat.WrongOrganization,
		},
		{
			name: "global, where creation is restricted for others", change: func(c *court, token *pat.Token) {
				global(token)
				c.policies[c.fabrikam.ID] = pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true, Exempt: []string{c.owner.String()}}}}
			},
			in: func(c *court) pat.Organization { return c.fabrikam }, want: pat.Good,
		},
		{
			name: "of an organization where creation is restricted", change: func(c *court, _ *pat.Token) {
				c.policies[c.contoso.ID] = pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true}}}
			},
			in: func(c *court) pat.Organization { return c.contoso }, want: pat.Good,
		},
		{
			name: "global, retired", change: func(c *court, token *pat.Token) {
				global(token)
				c.Limits.Global = pat.GlobalRetired
			},
			want: pat.Dead,
		},
		{
			name: "global, no longer made", change: func(c *court, token *pat.Token) {
				global(token)
				c.Limits.Global = pat.GlobalBlocked
			},
			want: pat.Good,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCourt(t)
			token := c.token()
			if tt.change != nil {
				tt.change(c, &token)
			}
			var asked, wantAt pat.Organization
			if tt.in != nil {
				asked = tt.in(c)
				wantAt = asked
			} else if tt.want == pat.Good {
				wantAt = c.contoso
			}
			claim, demand := c.catalogue.ClaimOf(token), c.demand(t, asked, tt.scopes...)
			got, at, err := c.Decide(t.Context(), &claim, &demand, judgement.UnixMicro())
			if err != nil || got != tt.want {
				t.Fatalf("Decide = %v, %v, want %v", got, err, tt.want)
			}
			if got == pat.Good && at.ID != wantAt.ID {
				t.Errorf("judged for %q, want %q", at.Name, wantAt.Name)
			}
		})
	}
}

// A policy that cannot be read is no reason to let anyone in.
func TestDecideWithoutPolicy(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	c.broken = errors.New("no policy")
	token := c.token()
	token.AllOrgs = true
	claim, demand := c.catalogue.ClaimOf(token), c.demand(t, c.fabrikam)
	if got, _, err := c.Decide(t.Context(), &claim, &demand, judgement.UnixMicro()); err == nil || got == pat.Good {
		t.Errorf("Decide = %v, %v, want an error", got, err)
	}
}

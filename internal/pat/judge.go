package pat

import "context"

// Claim is what a token says when it is presented: all that decides what it is
// good for. It holds no pointers.
type Claim struct {
	// ID is the token, Owner in Tenant whose it is.
	ID, Owner, Tenant UUID
	// Organization is where the token is managed, and, unless AllOrgs, the
	// only one where it is good.
	Organization UUID
	AllOrgs      bool
	Revoked      bool
	// ValidFrom and ValidTo are in microseconds since 1970. The token is good
	// before ValidTo.
	ValidFrom, ValidTo int64
	// Grants is all that the token's scope grants.
	Grants ScopeSet
}

// ClaimOf is what t claims.
func (c *Catalogue) ClaimOf(t Token) Claim {
	return Claim{
		ID: t.ID, Owner: t.Owner, Tenant: t.Tenant, Organization: t.Organization, AllOrgs: t.AllOrgs,
		Revoked: !t.RevokedAt.IsZero(), ValidFrom: t.ValidFrom.UnixMicro(), ValidTo: t.ValidTo.UnixMicro(),
		Grants: c.Granted(t.Scope),
	}
}

// Demand is what is asked of a presented token.
type Demand struct {
	// Organization is where it is to be good; the zero one asks for none in
	// particular.
	Organization Organization
	// Scopes must all be granted.
	Scopes ScopeSet
}

// Verdict is what a presented token is good for.
type Verdict uint8

// The verdicts. A dead token is unknown, revoked or expired; who presents it
// is never told which.
const (
	Dead Verdict = iota
	Good
	// WrongOrganization is a good token that does not reach the organization.
	WrongOrganization
	// MissingScope is a good token whose scope does not grant what is asked.
	MissingScope
)

func (v Verdict) String() string {
	return [...]string{"dead", "good", "wrong organization", "missing scope"}[v]
}

// Judge decides what presented tokens are good for.
type Judge struct {
	// Organizations finds an organization by its id.
	Organizations func(UUID) (Organization, bool)
	// Policy is what an organization allows now.
	Policy func(context.Context, Organization) (Policy, error)
	Limits Limits
}

// Decide judges claim by demand at a moment, in microseconds since 1970. at is
// the organization for which it was judged: the one demanded, or else the one
// where the token is managed. For a token of one organization it allocates
// nothing.
func (j *Judge) Decide(ctx context.Context, claim *Claim, demand *Demand, now int64) (v Verdict, at Organization, err error) {
	if claim.Revoked || now >= claim.ValidTo || claim.AllOrgs && j.Limits.Global == GlobalRetired {
		return Dead, Organization{}, nil
	}
	at = demand.Organization
	if at.ID.IsZero() {
		var ok bool
		if at, ok = j.Organizations(claim.Organization); !ok {
			return WrongOrganization, at, nil
		}
	}
	reaches, err := j.reaches(ctx, claim, &at)
	switch {
	case err != nil:
		return Dead, at, err
	case !reaches:
		return WrongOrganization, at, nil
	case !claim.Grants.Contains(demand.Scopes):
		return MissingScope, at, nil
	}
	return Good, at, nil
}

// reaches reports whether a token is good in an organization. One for all
// organizations is so where its owner is a member by name (groups are known
// only while a user is signed in), unless a restriction of creation binds the
// owner there: Azure DevOps extends that one to the use of such tokens.
func (j *Judge) reaches(ctx context.Context, claim *Claim, o *Organization) (bool, error) {
	if claim.Tenant != o.Tenant {
		return false, nil
	}
	if !claim.AllOrgs {
		return claim.Organization == o.ID, nil
	}
	owner := Actor{ID: claim.Owner, Tenant: claim.Tenant}
	if !o.Has(owner) {
		return false, nil
	}
	policy, err := j.Policy(ctx, *o)
	if err != nil {
		return false, unreadable(err)
	}
	return !policy.Creation.binds(owner), nil
}

package pat

import (
	"slices"
	"strings"
	"time"
)

// Policy is what an organization allows. The zero Policy allows everything.
// Each restriction has its own list of exempt users and groups (object ids).
// Tokens that exist keep working: only what a request asks anew is judged.
type Policy struct {
	// Creation blocks new tokens.
	Creation CreationRestriction
	// Global blocks tokens for all organizations, FullScope those with
	// [FullScope].
	Global, FullScope Restriction
	// Lifespan shortens tokens that would live too long.
	Lifespan LifespanRestriction
}

// Restriction is a policy that is on or off.
type Restriction struct {
	On     bool
	Exempt []string
}

func (r Restriction) binds(a Actor) bool { return r.On && !a.listed(r.Exempt) }

// CreationRestriction blocks creation, but for packaging scopes where
// PackagingAllowed.
type CreationRestriction struct {
	Restriction
	PackagingAllowed bool
}

// LifespanRestriction caps a token's life, counted from its creation. It
// binds where Max is above zero.
type LifespanRestriction struct {
	Max    time.Duration
	Exempt []string
}

// Terms are what a policy judges of a token.
type Terms struct {
	Scope   Scope
	ValidTo time.Time
	AllOrgs bool
}

// AdmitNew answers the terms on which actor may have a new token: those asked
// for, its end brought forward where the lifespan policy says so (Azure DevOps
// clamps since March 2024, it does not refuse), or a refusal.
func (p Policy) AdmitNew(actor Actor, asked Terms, now time.Time) (Terms, error) {
	if p.Creation.binds(actor) && !(p.Creation.PackagingAllowed && packagingOnly(asked.Scope)) {
		return Terms{}, refuse(CodeCreationPolicy, "your organization restricts the creation of tokens: ask an administrator to add you to the policy's allow list")
	}
	return p.admit(actor, Terms{}, asked, now)
}

// AdmitChange is AdmitNew for a token that exists since created and holds
// the terms held. Where creation is restricted a token may only lose scopes:
// gaining them would be a new token by another name.
func (p Policy) AdmitChange(actor Actor, held, asked Terms, created time.Time) (Terms, error) {
	if p.Creation.binds(actor) && !asked.Scope.within(held.Scope) && !(p.Creation.PackagingAllowed && packagingOnly(asked.Scope)) {
		return Terms{}, refuse(CodeCreationPolicy, "your organization restricts the creation of tokens, and so the adding of scopes: ask an administrator to add you to the policy's allow list")
	}
	return p.admit(actor, held, asked, created)
}

// admit judges by all restrictions but the one on creation.
func (p Policy) admit(actor Actor, held, asked Terms, created time.Time) (Terms, error) {
	if asked.AllOrgs && !held.AllOrgs && p.Global.binds(actor) {
		return Terms{}, refuse(CodeGlobalPolicy, "your administrator forbids tokens for all organizations: ask for this organization only")
	}
	if asked.Scope == FullScope && held.Scope != FullScope && p.FullScope.binds(actor) {
		return Terms{}, refuse(CodeFullScopePolicy, "your administrator forbids tokens with full access: name the scopes that you need")
	}
	if p.Lifespan.binds(actor) {
		asked.ValidTo = p.Lifespan.clamp(held.ValidTo, asked.ValidTo, created)
	}
	return asked, nil
}

func (l LifespanRestriction) binds(a Actor) bool { return l.Max > 0 && !a.listed(l.Exempt) }

// clamp brings asked forward to the end of the longest life that began at
// created, but never takes away what is held already.
func (l LifespanRestriction) clamp(held, asked, created time.Time) time.Time {
	limit := created.Add(l.Max)
	switch {
	case !asked.After(limit) || !asked.After(held):
		return asked
	case held.After(limit):
		return held
	}
	return limit
}

// within reports whether every name of s stands in other too.
func (s Scope) within(other Scope) bool {
	if other == FullScope {
		return true
	}
	names := other.Names()
	return !slices.ContainsFunc(s.Names(), func(name string) bool { return !slices.Contains(names, name) })
}

func packagingOnly(scope Scope) bool {
	for _, name := range scope.Names() {
		if name != "vso.packaging" && !strings.HasPrefix(name, "vso.packaging_") {
			return false
		}
	}
	return true
}

package pat

import (
	"testing"
	"time"
)

// TestPolicies shows that the most lenient organization decides for itself
// alone.
func TestPolicies(t *testing.T) {
	t.Parallel()
	on := Restriction{On: true}
	strict := Policy{
		Creation: CreationRestriction{Restriction: on, PackagingAllowed: true},
		Global:   on, FullScope: on, Lifespan: LifespanRestriction{Max: 7 * day},
	}
	lenient := Policy{}
	long, short := testTime.Add(300*day), testTime.Add(7*day)
	global := func(scope Scope, end time.Time) Terms { return Terms{Scope: scope, ValidTo: end, AllOrgs: true} }
	own := func(scope Scope, end time.Time) Terms { return Terms{Scope: scope, ValidTo: end} }
	tests := []struct {
		name        string
		policies    Policies
		held, asked Terms
		want        Terms
		code        Code
	}{
		{"widening where only packaging is created", Policies{Here: strict}, own("vso.packaging", short), own("vso.code_full", short), Terms{}, CodeCreationPolicy},
		{"widening packaging", Policies{Here: strict}, own("vso.packaging", short), own("vso.packaging_write", short), own("vso.packaging_write", short), ""},
		{"narrowing", Policies{Here: strict}, own("vso.build vso.code", short), own("vso.code", short), own("vso.code", short), ""},
		{"narrowing full access", Policies{Here: strict}, own(FullScope, short), own("vso.code", short), own("vso.code", short), ""},
		{"keeping", Policies{Here: strict}, own(FullScope, long), own(FullScope, long), own(FullScope, long), ""},
		{"moving a global token home", Policies{Here: strict}, global(FullScope, long), own(FullScope, long), Terms{}, CodeCreationPolicy},
		{"moving a global packaging token home", Policies{Here: strict}, global("vso.packaging", long), own("vso.packaging", long), own("vso.packaging", short), ""},
		{"making a token global by a lenient organization", Policies{Here: lenient, Elsewhere: []Policy{strict}}, own("vso.code", long), global("vso.code", long), Terms{}, CodeGlobalPolicy},
		{"widening a global token by a lenient organization", Policies{Here: lenient, Elsewhere: []Policy{strict}}, global("vso.code", short), global(FullScope, short), Terms{}, CodeFullScopePolicy},
		{"extending a global token by a lenient organization", Policies{Here: lenient, Elsewhere: []Policy{strict}}, global("vso.code", short), global("vso.code", long), global("vso.code", short), ""},
		{"own token of a lenient organization", Policies{Here: lenient, Elsewhere: []Policy{strict}}, own("vso.code", short), own(FullScope, long), own(FullScope, long), ""},
	}
	for _, tt := range tests {
		got, err := tt.policies.AdmitChange(Actor{}, tt.held, tt.asked, testTime)
		if got != tt.want || CodeOf(err) != tt.code {
			t.Errorf("%s: AdmitChange = %+v, %v, want %+v, %q", tt.name, got, err, tt.want, tt.code)
		}
	}
	if _, err := (Policies{Here: lenient, Elsewhere: []Policy{strict}}).AdmitNew(Actor{}, global("vso.code", long), testTime); CodeOf(err) != CodeGlobalPolicy {
		t.Errorf("AdmitNew of a global token by a lenient organization = %v, want %q", err, CodeGlobalPolicy)
	}
}

// TestOtherTenant meets an issuer that gives out the object ids of
// another tenant's users.
func TestOtherTenant(t *testing.T) {
	t.Parallel()
	organization, tenant := RandomUUID(), RandomUUID()
	token := Token{Tenant: tenant, Organization: organization, AllOrgs: true}
	caller := func(tenant UUID) Caller {
		return Caller{Actor: Actor{Tenant: tenant}, Organization: Organization{ID: organization, Tenant: tenant}}
	}
	if !caller(tenant).manages(token) {
		t.Error("a caller of the token's tenant does not manage it")
	}
	if caller(RandomUUID()).manages(token) {
		t.Error("a caller of another tenant manages the token")
	}
}

func TestNeighbours(t *testing.T) {
	t.Parallel()
	tenant := RandomUUID()
	here := Organization{ID: RandomUUID(), Name: "here", Tenant: tenant}
	there := Organization{ID: RandomUUID(), Name: "there", Tenant: tenant}
	foreign := Organization{ID: RandomUUID(), Name: "foreign", Tenant: RandomUUID()}
	directory, err := NewDirectory([]Organization{here, there, foreign})
	if err != nil {
		t.Fatal(err)
	}
	if got := directory.Neighbours(here); len(got) != 1 || got[0].ID != there.ID {
		t.Errorf("Neighbours = %v, want the other organization of the tenant", got)
	}
}

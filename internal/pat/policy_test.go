package pat

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const day = 24 * time.Hour

func TestAdmit(t *testing.T) {
	t.Parallel()
	group := RandomUUID().String()
	alice := Actor{ID: RandomUUID(), Groups: []string{group}}
	bound := Restriction{On: true, Exempt: []string{RandomUUID().String()}}
	free := Restriction{On: true, Exempt: []string{alice.ID.String()}}
	freeGroup := Restriction{On: true, Exempt: []string{group}}
	seven := LifespanRestriction{Max: 7 * day}
	in := func(days int) time.Time { return testTime.Add(time.Duration(days) * day) }
	code := Terms{Scope: "vso.code", ValidTo: in(30)}
	everything := Terms{Scope: FullScope, ValidTo: in(30)}
	global := Terms{Scope: "vso.code", ValidTo: in(30), AllOrgs: true}
	feeds := Terms{Scope: "vso.packaging vso.packaging_write", ValidTo: in(30)}
	feedsAndCode := Terms{Scope: "vso.code vso.packaging", ValidTo: in(30)}
	until := func(t Terms, days int) Terms { t.ValidTo = in(days); return t }

	tests := []struct {
		name   string
		policy Policy
		held   *Terms // nil for a new token
		asked  Terms
		want   Terms
		code   Code
	}{
		{name: "no policy", asked: everything, want: everything},
		{name: "no policy, global", asked: global, want: global},

		{name: "creation", policy: Policy{Creation: CreationRestriction{Restriction: bound}}, asked: code, code: CodeCreationPolicy},
		{name: "creation, packaging not allowed", policy: Policy{Creation: CreationRestriction{Restriction: bound}}, asked: feeds, code: CodeCreationPolicy},
		{name: "creation, exempt", policy: Policy{Creation: CreationRestriction{Restriction: free}}, asked: code, want: code},
		{name: "creation, exempt by group", policy: Policy{Creation: CreationRestriction{Restriction: freeGroup}}, asked: code, want: code},
		{name: "creation, packaging only", policy: Policy{Creation: CreationRestriction{bound, true}}, asked: feeds, want: feeds},
		{name: "creation, packaging and more", policy: Policy{Creation: CreationRestriction{bound, true}}, asked: feedsAndCode, code: CodeCreationPolicy},
		{name: "creation, packaging and full access", policy: Policy{Creation: CreationRestriction{bound, true}}, asked: everything, code: CodeCreationPolicy},
		{name: "creation, a name that only begins alike", policy: Policy{Creation: CreationRestriction{bound, true}}, asked: Terms{Scope: "vso.packagingx", ValidTo: in(1)}, code: CodeCreationPolicy},
		{name: "packaging allowed without the restriction", policy: Policy{Creation: CreationRestriction{PackagingAllowed: true}}, asked: code, want: code},
		{name: "creation does not bind changes", policy: Policy{Creation: CreationRestriction{Restriction: bound}}, held: &code, asked: until(code, 20), want: until(code, 20)},

		{name: "global", policy: Policy{Global: bound}, asked: global, code: CodeGlobalPolicy},
		{name: "global, exempt", policy: Policy{Global: free}, asked: global, want: global},
		{name: "global, exempt by group", policy: Policy{Global: freeGroup}, asked: global, want: global},
		{name: "global, not asked", policy: Policy{Global: bound}, asked: code, want: code},
		{name: "global, asked later", policy: Policy{Global: bound}, held: &code, asked: global, code: CodeGlobalPolicy},
		{name: "global, held already", policy: Policy{Global: bound}, held: &global, asked: until(global, 5), want: until(global, 5)},
		{name: "global, given up", policy: Policy{Global: bound}, held: &global, asked: code, want: code},
		{name: "each exemption is its own", policy: Policy{Global: bound, FullScope: free}, asked: global, code: CodeGlobalPolicy},

		{name: "full scope", policy: Policy{FullScope: bound}, asked: everything, code: CodeFullScopePolicy},
		{name: "full scope, exempt", policy: Policy{FullScope: free}, asked: everything, want: everything},
		{name: "full scope, asked later", policy: Policy{FullScope: bound}, held: &code, asked: everything, code: CodeFullScopePolicy},
		{name: "full scope, held already", policy: Policy{FullScope: bound}, held: &everything, asked: until(everything, 5), want: until(everything, 5)},
		{name: "full scope, given up", policy: Policy{FullScope: bound}, held: &everything, asked: code, want: code},

		{name: "lifespan clamps", policy: Policy{Lifespan: seven}, asked: code, want: until(code, 7)},
		{name: "lifespan, exactly", policy: Policy{Lifespan: seven}, asked: until(code, 7), want: until(code, 7)},
		{name: "lifespan, shorter", policy: Policy{Lifespan: seven}, asked: until(code, 3), want: until(code, 3)},
		{name: "lifespan, exempt", policy: Policy{Lifespan: LifespanRestriction{7 * day, []string{group}}}, asked: code, want: code},
		{name: "lifespan, extended", policy: Policy{Lifespan: seven}, held: new(until(code, 3)), asked: code, want: until(code, 7)},
		{name: "lifespan, held longer, kept", policy: Policy{Lifespan: seven}, held: &code, asked: code, want: code},
		{name: "lifespan, held longer, extended", policy: Policy{Lifespan: seven}, held: &code, asked: until(code, 60), want: code},
		{name: "lifespan, held longer, shortened", policy: Policy{Lifespan: seven}, held: &code, asked: until(code, 20), want: until(code, 20)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got Terms
			var err error
			if tt.held == nil {
				got, err = tt.policy.AdmitNew(alice, tt.asked, testTime)
			} else {
				got, err = tt.policy.AdmitChange(alice, *tt.held, tt.asked, testTime)
			}
			if code := CodeOf(err); code != tt.code || (err == nil) != (tt.code == "") {
				t.Fatalf("refused with %q (%v), want %q", code, err, tt.code)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("admitted terms differ (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever is asked, what is admitted ends within the longest life or not
// later than what was held, never later than asked, and asks for nothing more.
func TestAdmittedEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Minute
		}
		alice := Actor{ID: RandomUUID()}
		policy := Policy{Lifespan: LifespanRestriction{Max: minutes("max", 1, 500)}}
		exempt := rapid.Bool().Draw(t, "exempt")
		if exempt {
			policy.Lifespan.Exempt = []string{alice.ID.String()}
		}
		created := testTime
		limit := created.Add(policy.Lifespan.Max)
		asked := Terms{
			Scope: Scope(rapid.SampledFrom([]string{"vso.code", string(FullScope)}).Draw(t, "scope")), ValidTo: created.Add(minutes("asked", -10, 1000)),
			AllOrgs: rapid.Bool().Draw(t, "global"),
		}
		var held Terms
		if rapid.Bool().Draw(t, "exists") {
			held = Terms{Scope: "vso.code", ValidTo: created.Add(minutes("held", 1, 1000))}
		}
		got, err := policy.AdmitChange(alice, held, asked, created)
		if err != nil {
			t.Fatalf("AdmitChange = %v, want terms", err)
		}
		if !exempt && got.ValidTo.After(limit) && got.ValidTo.After(held.ValidTo) {
			t.Fatalf("admitted until %v: later than the limit %v and what was held, %v", got.ValidTo, limit, held.ValidTo)
		}
		if got.ValidTo.After(asked.ValidTo) {
			t.Fatalf("admitted until %v, later than asked, %v", got.ValidTo, asked.ValidTo)
		}
		if exempt || !asked.ValidTo.After(limit) {
			if !got.ValidTo.Equal(asked.ValidTo) {
				t.Fatalf("admitted until %v, want %v as asked", got.ValidTo, asked.ValidTo)
			}
		}
		if got.Scope != asked.Scope || got.AllOrgs != asked.AllOrgs {
			t.Fatalf("admitted %v, want scope and organizations as asked, %v", got, asked)
		}
		again, err := policy.AdmitChange(alice, got, got, created)
		if err != nil || !again.ValidTo.Equal(got.ValidTo) {
			t.Fatalf("admitted terms asked again = %v, %v, want them unchanged: %v", again, err, got)
		}
	})
}

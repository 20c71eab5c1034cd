package pat_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	const original = 30
	in := func(days int) *time.Time { return new(newWorldTime.Add(time.Duration(days) * day)) }
	week := pat.Policy{Lifespan: pat.LifespanRestriction{Max: 7 * day}}
	on := pat.Restriction{On: true}
	tests := []struct {
		name   string
		global bool // the token, at first
		days   int  // that pass between
		policy pat.Policy
		limits pat.Limits
		asked  pat.Change
		want   func(*pat.Token)
		code   pat.Code
	}{
		{name: "nothing", asked: pat.Change{}},
		{name: "everything as it is", asked: pat.Change{DisplayName: new("ci"), Scope: new("vso.code"), ValidTo: in(original), AllOrgs: new(false)}},
		{name: "as it is, spelt another way", asked: pat.Change{DisplayName: new(" ci "), Scope: new("VSO.CODE vso.code"), ValidTo: new(in(original).In(time.FixedZone("", 7200)).Add(999))}},
		{name: "name", asked: pat.Change{DisplayName: new(" new ")}, want: func(t *pat.Token) { t.DisplayName = "new" }},
		{name: "scope", asked: pat.Change{Scope: new("vso.work vso.code")}, want: func(t *pat.Token) { t.Scope = "vso.code vso.work" }},
		{name: "later end", asked: pat.Change{ValidTo: in(60)}, want: func(t *pat.Token) { t.ValidTo = *in(60) }},
		{name: "earlier end", asked: pat.Change{ValidTo: in(3)}, want: func(t *pat.Token) { t.ValidTo = *in(3) }},
		{name: "all at once", asked: pat.Change{DisplayName: new("new"), Scope: new("app_token"), ValidTo: in(60), AllOrgs: new(true)}, want: func(t *pat.Token) {
			t.DisplayName, t.Scope, t.ValidTo, t.AllOrgs = "new", pat.FullScope, *in(60), true
		}},

		{name: "empty name", asked: pat.Change{DisplayName: new("")}, code: pat.CodeDisplayNameRequired},
		{name: "bad name", asked: pat.Change{DisplayName: new("\x00")}, code: pat.CodeInvalidDisplayName},
		{name: "empty scope", asked: pat.Change{Scope: new("")}, code: pat.CodeInvalidScope},
		{name: "unknown scope", asked: pat.Change{Scope: new("vso.unknown")}, code: pat.CodeInvalidScope},
		{name: "end in the past", days: 5, asked: pat.Change{ValidTo: in(4)}, code: pat.CodeInvalidValidTo},
		{name: "end at this moment", days: 5, asked: pat.Change{ValidTo: in(5)}, code: pat.CodeInvalidValidTo},
		{name: "good name, bad scope", asked: pat.Change{DisplayName: new("new"), Scope: new("x")}, code: pat.CodeInvalidScope},

		{name: "ceiling counts from creation", days: 5, asked: pat.Change{ValidTo: in(365)}, want: func(t *pat.Token) { t.ValidTo = *in(365) }},
		{name: "above the ceiling from creation", days: 5, asked: pat.Change{ValidTo: in(366)}, code: pat.CodeInvalidValidTo},
		{name: "lifespan counts from creation", days: 5, policy: pat.Policy{Lifespan: pat.LifespanRestriction{Max: 40 * day}}, asked: pat.Change{ValidTo: in(200)}, want: func(t *pat.Token) { t.ValidTo = *in(40) }},
		{name: "lifespan shorter than what is held", policy: week, asked: pat.Change{ValidTo: in(200)}},
		{name: "lifespan does not touch a rename", policy: week, asked: pat.Change{DisplayName: new("new")}, want: func(t *pat.Token) { t.DisplayName = "new" }},

		{name: "expired, renamed", days: 31, asked: pat.Change{DisplayName: new("new")}, want: func(t *pat.Token) { t.DisplayName = "new" }},
		{name: "expired, extended", days: 31, asked: pat.Change{ValidTo: in(60)}, code: pat.CodeExpired},
		{name: "expired, ended earlier", days: 31, asked: pat.Change{ValidTo: in(20)}, code: pat.CodeExpired},
		{name: "expired at this moment, extended", days: 30, asked: pat.Change{ValidTo: in(60)}, code: pat.CodeExpired},
		{name: "expired, end as it is", days: 31, asked: pat.Change{ValidTo: in(original), DisplayName: new("new")}, want: func(t *pat.Token) { t.DisplayName = "new" }},

		{name: "to all organizations", asked: pat.Change{AllOrgs: new(true)}, want: func(t *pat.Token) { t.AllOrgs = true }},
		{name: "to all organizations, blocked", limits: pat.Limits{Global: pat.GlobalBlocked}, asked: pat.Change{AllOrgs: new(true)}, code: pat.CodeGlobalBlocked},
		{name: "to all organizations, policy", policy: pat.Policy{Global: on}, asked: pat.Change{AllOrgs: new(true)}, code: pat.CodeGlobalPolicy},
		{name: "to full access, policy", policy: pat.Policy{FullScope: on}, asked: pat.Change{Scope: new("app_token")}, code: pat.CodeFullScopePolicy},
		{name: "creation policy does not bind", policy: pat.Policy{Creation: pat.CreationRestriction{Restriction: on}}, asked: pat.Change{DisplayName: new("new")}, want: func(t *pat.Token) { t.DisplayName = "new" }},
		{name: "stays global where that is blocked", global: true, limits: pat.Limits{Global: pat.GlobalRetired}, policy: pat.Policy{Global: on}, asked: pat.Change{AllOrgs: new(true), DisplayName: new("new")}, want: func(t *pat.Token) { t.DisplayName = "new" }},
		{name: "no longer global", global: true, limits: pat.Limits{Global: pat.GlobalRetired}, asked: pat.Change{AllOrgs: new(false)}, want: func(t *pat.Token) { t.AllOrgs = false }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			token := w.create(t, w.alice, pat.Creation{AllOrgs: tt.global})
			before := w.snapshot(t)
			w.now = w.now.Add(time.Duration(tt.days) * day)
			w.policy, w.Limits = tt.policy, tt.limits
			got, err := w.Update(t.Context(), w.alice, token.ID, tt.asked)
			if pat.CodeOf(err) != tt.code || (err == nil) != (tt.code == "") {
				t.Fatalf("Update = %v, want %q", err, tt.code)
			}
			if err != nil {
				w.unchanged(t, "a refused update", before)
				return
			}
			if tt.want == nil {
				w.unchanged(t, "an update that asks for nothing new", before)
				if diff := cmp.Diff(token, got); diff != "" {
					t.Errorf("the token differs (-want +got):\n%s", diff)
				}
				return
			}
			want := token
			tt.want(&want)
			want.Version, want.Seal = 2, got.Seal
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the token differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(got, w.stored(t, token.ID)); diff != "" {
				t.Errorf("what is stored differs (-returned +stored):\n%s", diff)
			}
			if !w.ring.Sealed(got) {
				t.Error("the token is not sealed anew")
			}
			if e := w.store.events[1]; len(w.store.events) != 2 || e.Action != pat.ActionUpdate || e.Actor != w.alice.ID || e.Data["DisplayName"] != want.DisplayName || e.Data["Scopes"] != string(want.Scope) {
				t.Errorf("%d events, the last %+v, want the change", len(w.store.events), e)
			}
		})
	}
}

// newWorldTime is when tokens of a new world are created.
var newWorldTime = time.Date(2026, time.November, 23, 11, 0, 0, 123456000, time.UTC)

func TestUpdateOfRevoked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.create(t, w.alice, pat.Creation{})
	if err := w.Revoke(t.Context(), w.alice, token.ID); err != nil {
		t.Fatal(err)
	}
	before := w.snapshot(t)
	for range 2 {
		for _, asked := range []pat.Change{{}, {DisplayName: new("new")}, {ValidTo: new(w.at(5))}} {
			if _, err := w.Update(t.Context(), w.alice, token.ID, asked); pat.CodeOf(err) != pat.CodeInvalidToken {
				t.Errorf("Update of a revoked token = %v, want %s", err, pat.CodeInvalidToken)
			}
		}
		w.now = w.now.Add(40 * day) // revoked, whenever it would have expired
	}
	w.unchanged(t, "updating a revoked token", before)
}

// A global token that stops being one belongs where its owner said so.
func TestUpdateFromGlobal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.create(t, w.alice, pat.Creation{AllOrgs: true})
	got, err := w.Update(t.Context(), w.mobile, token.ID, pat.Change{AllOrgs: new(false)})
	if err != nil || got.AllOrgs || got.Organization != w.fabrikam.ID || !w.ring.Sealed(got) {
		t.Errorf("Update = %+v, %v, want a sealed token of fabrikam", got, err)
	}
	if _, err := w.Get(t.Context(), w.alice, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("Get in contoso = %v, want %s", err, pat.CodeTokenNotFound)
	}
	renamed, err := w.Update(t.Context(), w.mobile, token.ID, pat.Change{DisplayName: new("new")})
	if err != nil || renamed.Organization != w.fabrikam.ID {
		t.Errorf("Update = %+v, %v, want it to stay in fabrikam", renamed, err)
	}
}

// Whoever can write to the database must not get a seal by way of a rename.
func TestUpdateNeverMendsASeal(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*pat.Token){
		"widened":           func(t *pat.Token) { t.Scope = pat.FullScope },
		"extended":          func(t *pat.Token) { t.ValidTo = t.ValidTo.Add(300 * day) },
		"made global":       func(t *pat.Token) { t.AllOrgs = true },
		"another secret":    func(t *pat.Token) { t.Digest[0]++ },
		"of an unknown key": func(t *pat.Token) { t.KeyID = 'z' },
		"unsealed":          func(t *pat.Token) { t.Seal = pat.Seal{} },
	} {
		w := newWorld(t)
		token := w.create(t, w.alice, pat.Creation{})
		w.store.tampered[token.ID] = change
		before := w.snapshot(t)
		for _, asked := range []pat.Change{{}, {DisplayName: new("new")}, {Scope: new("vso.code"), ValidTo: new(token.ValidTo), AllOrgs: new(false)}} {
			_, err := w.Update(t.Context(), w.alice, token.ID, asked)
			if err == nil || pat.CodeOf(err) != "" {
				t.Errorf("%s: Update = %v, want a fault", name, err)
			}
		}
		w.unchanged(t, "updating a token that was "+name, before)
	}
}

func TestUpdateWithoutPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.create(t, w.alice, pat.Creation{})
	before := w.snapshot(t)
	w.broken = errors.New("disk on fire")
	if _, err := w.Update(t.Context(), w.alice, token.ID, pat.Change{DisplayName: new("new")}); pat.CodeOf(err) != pat.CodeTenantPolicyUnreadable || !errors.Is(err, w.broken) {
		t.Errorf("Update = %v, want %s and its cause", err, pat.CodeTenantPolicyUnreadable)
	}
	w.unchanged(t, "updating without policy", before)
}

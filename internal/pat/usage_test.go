package pat_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// use records a use of a token as verification does.
func (w *world) use(t *testing.T, token pat.Token, at time.Time) pat.Usage {
	t.Helper()
	u := pat.Usage{Token: token.ID, At: pat.Instant(at), Address: "192.0.2.7", Agent: "git", Scope: "vso.code"}
	if err := w.Store.Used(t.Context(), []pat.Usage{u}); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	here := w.create(t, w.alice, pat.Creation{DisplayName: "here"})
	global := w.create(t, w.alice, pat.Creation{DisplayName: "global", AllOrgs: true})
	elsewhere := w.create(t, w.mobile, pat.Creation{DisplayName: "elsewhere"})
	idle := w.create(t, w.alice, pat.Creation{DisplayName: "idle"})
	revoked := w.create(t, w.alice, pat.Creation{DisplayName: "revoked"})
	others := w.create(t, w.bob, pat.Creation{DisplayName: "bob's"})

	w.use(t, here, w.now)
	usedHere := w.use(t, here, w.now.Add(time.Minute))
	w.use(t, here, w.now.Add(time.Second)) // arrives late
	usedGlobal, usedElsewhere, usedRevoked := w.use(t, global, w.now), w.use(t, elsewhere, w.now), w.use(t, revoked, w.now)
	usedOthers := w.use(t, others, w.now)
	unknown := pat.RandomUUID()
	w.use(t, pat.Token{ID: unknown}, w.now)
	if err := w.Revoke(t.Context(), w.alice, revoked.ID); err != nil {
		t.Fatal(err)
	}
	active := func(u pat.Usage) pat.Standing { return pat.Standing{State: pat.Active, Usage: u} }
	unused := active(pat.Usage{Token: idle.ID})
	ended := pat.Standing{State: pat.Revoked, Usage: usedRevoked}

	all := []pat.UUID{global.ID, here.ID, idle.ID, elsewhere.ID, unknown, {}, others.ID, revoked.ID}
	stranger := w.alice
	stranger.Tenant = pat.RandomUUID() // where somebody has the same object id
	tests := []struct {
		name string
		by   pat.Caller
		ids  []pat.UUID
		want []pat.Standing
	}{
		{"in the order asked", w.alice, all, []pat.Standing{active(usedGlobal), active(usedHere), unused, ended}},
		{"once each", w.alice, []pat.UUID{here.ID, global.ID, here.ID, here.ID}, []pat.Standing{active(usedHere), active(usedGlobal)}},
		{"elsewhere", w.mobile, all, []pat.Standing{active(usedGlobal), active(usedElsewhere)}},
		{"somebody else's", w.bob, all, []pat.Standing{active(usedOthers)}},
		{"of another tenant", stranger, all, []pat.Standing{}},
		{"never used", w.alice, []pat.UUID{idle.ID}, []pat.Standing{unused}},
		{"none", w.alice, nil, []pat.Standing{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := w.Usage(t.Context(), tt.by, tt.ids)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("Usage = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestUsageTellsStates: a token has expired from the moment of its end, whether
// that was recorded or not, and a revoked one is revoked before and after.
func TestUsageTellsStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	end := w.now.Add(time.Hour)
	lasting := w.create(t, w.alice, pat.Creation{DisplayName: "lasting"})
	ending := w.create(t, w.alice, pat.Creation{DisplayName: "ending", ValidTo: &end})
	revoked := w.create(t, w.alice, pat.Creation{DisplayName: "revoked", ValidTo: &end})
	if err := w.Revoke(t.Context(), w.alice, revoked.ID); err != nil {
		t.Fatal(err)
	}
	states := func(when string, want ...pat.State) {
		t.Helper()
		found, err := w.Usage(t.Context(), w.alice, []pat.UUID{lasting.ID, ending.ID, revoked.ID})
		var got []pat.State
		for _, standing := range found {
			got = append(got, standing.State)
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("states %s: %v (-want +got):\n%s", when, err, diff)
		}
	}
	w.now = end.Add(-time.Microsecond)
	states("before the end", pat.Active, pat.Active, pat.Revoked)
	w.now = end
	states("at the end", pat.Active, pat.Expired, pat.Revoked)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	states("once it is recorded", pat.Active, pat.Expired, pat.Revoked)
}

func TestUsageOfAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	used := w.use(t, w.create(t, w.alice, pat.Creation{}), w.now)
	ids := []pat.UUID{}
	for range pat.MaxPage - 1 {
		ids = append(ids, pat.RandomUUID())
	}
	ids = append(ids, used.Token)
	if got, err := w.Usage(t.Context(), w.alice, ids); err != nil || !cmp.Equal(got, []pat.Standing{{Usage: used}}) {
		t.Errorf("Usage of %d = %v, %v, want the one that was used", len(ids), got, err)
	}
	ids = append(ids, used.Token)
	if got, err := w.Usage(t.Context(), w.alice, ids); pat.CodeOf(err) != pat.CodeInvalidAuthorizationID || got != nil {
		t.Errorf("Usage of %d = %v, %v, want %q", len(ids), got, err, pat.CodeInvalidAuthorizationID)
	}
}

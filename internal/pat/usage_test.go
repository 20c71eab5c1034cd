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

	all := []pat.UUID{global.ID, here.ID, idle.ID, elsewhere.ID, unknown, {}, others.ID, revoked.ID}
	stranger := w.alice
	stranger.Tenant = pat.RandomUUID() // where somebody has the same object id
	tests := []struct {
		name string
		by   pat.Caller
		ids  []pat.UUID
		want []pat.Usage
	}{
		{"in the order asked", w.alice, all, []pat.Usage{usedGlobal, usedHere, usedRevoked}},
		{"once each", w.alice, []pat.UUID{here.ID, global.ID, here.ID, here.ID}, []pat.Usage{usedHere, usedGlobal}},
		{"elsewhere", w.mobile, all, []pat.Usage{usedGlobal, usedElsewhere}},
		{"somebody else's", w.bob, all, []pat.Usage{usedOthers}},
		{"of another tenant", stranger, all, []pat.Usage{}},
		{"never used", w.alice, []pat.UUID{idle.ID}, []pat.Usage{}},
		{"none", w.alice, nil, []pat.Usage{}},
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

func TestUsageOfAPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	used := w.use(t, w.create(t, w.alice, pat.Creation{}), w.now)
	ids := []pat.UUID{}
	for range pat.MaxPage - 1 {
		ids = append(ids, pat.RandomUUID())
	}
	ids = append(ids, used.Token)
	if got, err := w.Usage(t.Context(), w.alice, ids); err != nil || !cmp.Equal(got, []pat.Usage{used}) {
		t.Errorf("Usage of %d = %v, %v, want the one that was used", len(ids), got, err)
	}
	ids = append(ids, used.Token)
	if got, err := w.Usage(t.Context(), w.alice, ids); pat.CodeOf(err) != pat.CodeInvalidAuthorizationID || got != nil {
		t.Errorf("Usage of %d = %v, %v, want %q", len(ids), got, err, pat.CodeInvalidAuthorizationID)
	}
}

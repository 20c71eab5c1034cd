package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func expire(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	if n, err := db.Expire(t.Context(), token.ValidTo.Add(-time.Microsecond), 10, expiry(noon)); n != 0 || err != nil {
		t.Errorf("Expire before the end = %d, %v, want 0", n, err)
	}
	var shown pat.Token
	var e pat.Event
	n, err := db.Expire(t.Context(), token.ValidTo, 10, func(t pat.Token) pat.Event {
		shown, e = t, expiry(t.ValidTo)(t)
		return e
	})
	if n != 1 || err != nil {
		t.Fatalf("Expire at the end = %d, %v, want 1", n, err)
	}
	want := token
	want.Version = 2
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("Expire shows another token (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find (-want +got):\n%s", diff)
	}
	e.Data = map[string]string{}
	if all := events(t, db, token.ID); len(all) != 2 || !cmp.Equal(all[1], e) {
		t.Errorf("events = %+v, want %+v as the second of two", all, e)
	}
	if n, err := db.Expire(t.Context(), token.ValidTo.Add(time.Hour), 10, expiry(noon)); n != 0 || err != nil {
		t.Errorf("Expire again = %d, %v, want 0", n, err)
	}
}

func expireLeavesTheRest(t *testing.T, db Database) {
	const total, batch = 25, 10
	var last pat.Token
	for i := range total {
		token := newToken(pat.RandomUUID(), pat.RandomUUID())
		token.ValidTo = noon.Add(time.Duration(i+1) * time.Second)
		last = create(t, db, token)
	}
	create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID())) // lives on
	var marked []time.Time
	for _, want := range []int{10, 10, 5, 0} {
		n, err := db.Expire(t.Context(), last.ValidTo, batch, func(t pat.Token) pat.Event {
			marked = append(marked, t.ValidTo)
			return expiry(last.ValidTo)(t)
		})
		if n != want || err != nil {
			t.Errorf("Expire = %d, %v, want %d", n, err, want)
		}
	}
	for i := range marked {
		if want := noon.Add(time.Duration(i+1) * time.Second); !marked[i].Equal(want) {
			t.Errorf("token %d to be marked ended at %v, want the one of %v: the soonest first", i, marked[i], want)
		}
	}
}

// expireIsOncePerEnd changes tokens between their end and the sweep.
func expireIsOncePerEnd(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	late := noon.Add(25 * time.Hour)
	renamed := create(t, db, newToken(owner, organization))
	change(t, db, renamed, pat.ActionUpdate, late, func(t *pat.Token) { t.DisplayName = "late" })
	swept := create(t, db, newToken(owner, organization))
	revoked := create(t, db, newToken(owner, organization))
	change(t, db, revoked, pat.ActionRevoke, late, func(t *pat.Token) { t.RevokedAt = late })

	if n, err := db.Expire(t.Context(), late, 10, expiry(late)); n != 2 || err != nil {
		t.Errorf("Expire = %d, %v, want the renamed and the untouched token", n, err)
	}
	change(t, db, swept, pat.ActionUpdate, late, func(t *pat.Token) { t.DisplayName = "later" })
	if n, err := db.Expire(t.Context(), late, 10, expiry(late)); n != 0 || err != nil {
		t.Errorf("Expire again = %d, %v, want 0", n, err)
	}
	for token, want := range map[pat.UUID]int{renamed.ID: 1, swept.ID: 1, revoked.ID: 0} {
		if got := actions(t, db, token)[pat.ActionExpire]; got != want {
			t.Errorf("%d events of the end, want %d", got, want)
		}
	}
	// A clock that is behind may prolong what another has seen end.
	change(t, db, swept, pat.ActionUpdate, noon, func(t *pat.Token) { t.ValidTo = late.Add(time.Hour) })
	if n, err := db.Expire(t.Context(), late.Add(time.Hour), 10, expiry(late)); n != 1 || err != nil {
		t.Errorf("Expire after the second end = %d, %v, want 1", n, err)
	}
}

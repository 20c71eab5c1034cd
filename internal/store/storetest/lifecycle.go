package storetest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func createThenFind(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	usual := newToken(owner, organization)
	everywhere := newToken(owner, organization)
	everywhere.AllOrgs = true
	long := newToken(owner, organization)
	long.DisplayName = strings.Repeat("\U0001f511", 255)
	long.Scope = pat.Scope(strings.Repeat("vso.some_scope_manage ", 300) + "vso.work")
	far := newToken(owner, organization)
	far.ValidTo = time.Date(9999, time.December, 31, 23, 59, 59, 999999000, time.UTC)
	zeros := newToken(owner, organization)
	zeros.Tenant, zeros.Digest, zeros.Seal, zeros.C3ID, zeros.KeyID = pat.UUID{}, pat.Digest{}, pat.Seal{}, [15]byte{}, '0'
	quoted := newToken(owner, organization)
	quoted.DisplayName = `'"; DROP TABLE token; -- $1 ?1 :a \x00 %s`
	ended := newToken(owner, organization)
	ended.ValidTo = noon.Add(-time.Hour)
	for name, want := range map[string]pat.Token{
		"usual": usual, "everywhere": everywhere, "long": long, "far": far, "zeros": zeros, "quoted": quoted, "ended": ended,
	} {
		create(t, db, want)
		if diff := cmp.Diff(want, find(t, db, owner, want.ID)); diff != "" {
			t.Errorf("%s: Find differs from what was created (-want +got):\n%s", name, diff)
		}
		if got := actions(t, db, want.ID); got[pat.ActionCreate] != 1 || len(got) != 1 {
			t.Errorf("%s: events = %v, want one of its creation", name, got)
		}
	}
}

func createTwiceIsRefused(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	first := create(t, db, newToken(owner, organization))
	sameID := newToken(owner, organization)
	sameID.ID = first.ID
	sameDigest := newToken(owner, organization)
	sameDigest.Digest = first.Digest
	for name, second := range map[string]pat.Token{"id": sameID, "digest": sameDigest} {
		err := db.Create(t.Context(), second, newEvent(pat.ActionCreate, second, noon))
		if err == nil || errors.Is(err, pat.ErrUnknown) || errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("Create with the same %s = %v, want a fault", name, err)
		}
	}
	if diff := cmp.Diff(first, find(t, db, owner, first.ID)); diff != "" {
		t.Errorf("the first token changed (-want +got):\n%s", diff)
	}
	if got := actions(t, db, first.ID); got[pat.ActionCreate] != 1 {
		t.Errorf("events = %v, want one", got)
	}

	// The event can fail after the token was written: then neither stays.
	third := newToken(owner, organization)
	e := newEvent(pat.ActionCreate, third, noon)
	e.ID = events(t, db, first.ID)[0].ID
	if err := db.Create(t.Context(), third, e); err == nil {
		t.Error("Create with the id of an earlier event = nil, want a fault")
	}
	if _, err := db.Find(t.Context(), owner, third.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("Find of a token whose event failed = %v, want it not found", err)
	}
}

func findIsForOwners(t *testing.T, db Database) {
	owner := pat.RandomUUID()
	token := create(t, db, newToken(owner, pat.RandomUUID()))
	for name, ids := range map[string][2]pat.UUID{
		"another owner":   {pat.RandomUUID(), token.ID},
		"nobody":          {{}, token.ID},
		"an unknown id":   {owner, newID(token.ID.Bucket())},
		"an id elsewhere": {owner, newID(token.ID.Bucket() + 1)},
		"no id":           {owner, {}},
	} {
		if got, err := db.Find(t.Context(), ids[0], ids[1]); pat.CodeOf(err) != pat.CodeTokenNotFound || got != (pat.Token{}) {
			t.Errorf("%s: Find = %v, %v, want nothing and %s", name, got, err, pat.CodeTokenNotFound)
		}
		got, err := db.Update(t.Context(), ids[0], ids[1], func(pat.Token) (pat.Token, *pat.Event, error) {
			t.Errorf("%s: Update shows a token", name)
			return pat.Token{}, nil, nil
		})
		if pat.CodeOf(err) != pat.CodeTokenNotFound || got != (pat.Token{}) {
			t.Errorf("%s: Update = %v, %v, want nothing and %s", name, got, err, pat.CodeTokenNotFound)
		}
	}
}

func update(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	want := token
	want.DisplayName, want.Scope, want.ValidTo = "another name", "vso.build", noon.Add(48*time.Hour)
	want.AllOrgs, want.Organization, want.Seal = true, pat.RandomUUID(), pat.Seal{1, 2, 3}
	at := noon.Add(time.Minute)
	var e pat.Event
	got, err := db.Update(t.Context(), token.Owner, token.ID, func(before pat.Token) (pat.Token, *pat.Event, error) {
		if diff := cmp.Diff(token, before); diff != "" {
			t.Errorf("Update shows another token (-want +got):\n%s", diff)
		}
		e = newEvent(pat.ActionUpdate, want, at)
		return want, &e, nil
	})
	if err != nil {
		t.Fatalf("Update = %v", err)
	}
	want.Version = 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Update returns another token (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find after Update (-want +got):\n%s", diff)
	}
	if all := events(t, db, token.ID); len(all) != 2 || !cmp.Equal(all[1], e) {
		t.Errorf("events = %+v, want that of the update as the second of two", all)
	}
	back := change(t, db, want, pat.ActionUpdate, at, func(t *pat.Token) { t.AllOrgs = false })
	if diff := cmp.Diff(back, find(t, db, token.Owner, token.ID)); diff != "" || back.AllOrgs || back.Version != 3 {
		t.Errorf("Update to one organization = %+v; Find (-want +got):\n%s", back, diff)
	}
}

func updateKeepsWhatNeverChanges(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	want := token
	want.DisplayName, want.Version = "new", 2
	got := change(t, db, token, pat.ActionUpdate, noon, func(changed *pat.Token) {
		*changed = newToken(pat.RandomUUID(), token.Organization)
		changed.DisplayName, changed.ValidTo, changed.Seal, changed.Version = "new", token.ValidTo, token.Seal, 99
		changed.ID, changed.Tenant = token.ID, token.Tenant
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Update (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find (-want +got):\n%s", diff)
	}
}

func updateWithoutEventWritesNothing(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	got, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
		t.DisplayName = "never"
		return t, nil, nil
	})
	if err != nil || !cmp.Equal(got, token) {
		t.Errorf("Update = %+v, %v, want the token as it was", got, err)
	}
	if diff := cmp.Diff(token, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find (-want +got):\n%s", diff)
	}
	if got := actions(t, db, token.ID); got[pat.ActionCreate] != 1 || len(got) != 1 {
		t.Errorf("events = %v, want only the creation's", got)
	}
}

func updateRefused(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	taken := events(t, db, token.ID)[0].ID
	refusal := &pat.Error{Code: pat.CodeInvalidScope, Message: "no"}
	fault := errors.New("a fault")
	for _, want := range []error{refusal, fault} {
		got, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
			t.DisplayName = "never"
			e := newEvent(pat.ActionUpdate, t, noon)
			return t, &e, want
		})
		if err != want || got != (pat.Token{}) { //nolint:errorlint // itself, not wrapped
			t.Errorf("Update = %+v, %v, want nothing and %v itself", got, err, want)
		}
	}
	// The event can fail after the token was written: then neither stays.
	_, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
		t.DisplayName = "never"
		e := newEvent(pat.ActionUpdate, t, noon)
		e.ID = taken
		return t, &e, nil
	})
	if err == nil {
		t.Error("Update with the id of an earlier event = nil, want a fault")
	}
	if diff := cmp.Diff(token, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find after refusals (-want +got):\n%s", diff)
	}
	if got := actions(t, db, token.ID); len(got) != 1 {
		t.Errorf("events = %v, want only the creation's", got)
	}
}

func updatePanics(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	_, err := db.Update(t.Context(), token.Owner, token.ID, func(pat.Token) (pat.Token, *pat.Event, error) { panic("oh") })
	if err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("Update = %v, want it to tell of the panic", err)
	}
	if after := change(t, db, token, pat.ActionUpdate, noon, func(*pat.Token) {}); after.Version != 2 {
		t.Errorf("version = %d after one more update, want 2", after.Version)
	}
}

// updatesAreNotLost has many count in one token's name at once.
func updatesAreNotLost(t *testing.T, db Database) {
	token := newToken(pat.RandomUUID(), pat.RandomUUID())
	token.DisplayName = "0"
	create(t, db, token)
	const workers, times = 8, 10
	var work sync.WaitGroup
	for range workers {
		work.Go(func() {
			for range times {
				_, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
					n, err := strconv.Atoi(t.DisplayName)
					t.DisplayName = strconv.Itoa(n + 1)
					e := newEvent(pat.ActionUpdate, t, noon)
					return t, &e, err
				})
				if err != nil {
					t.Errorf("Update = %v", err)
				}
			}
		})
	}
	work.Wait()
	got := find(t, db, token.Owner, token.ID)
	if want := strconv.Itoa(workers * times); got.DisplayName != want || got.Version != workers*times+1 {
		t.Errorf("after %s updates the name is %s and the version %d", want, got.DisplayName, got.Version)
	}
	if got := actions(t, db, token.ID)[pat.ActionUpdate]; got != workers*times {
		t.Errorf("%d events, want %d", got, workers*times)
	}
}

func revoke(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	at := noon.Add(time.Minute)
	got := change(t, db, token, pat.ActionRevoke, at, func(t *pat.Token) { t.RevokedAt = at })
	want := token
	want.RevokedAt, want.Version = at, 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Update (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, find(t, db, token.Owner, token.ID)); diff != "" {
		t.Errorf("Find (-want +got):\n%s", diff)
	}
	late := token.ValidTo.Add(time.Hour)
	if n, err := db.Expire(t.Context(), late, 10, expiry(late)); n != 0 || err != nil {
		t.Errorf("Expire = %d, %v, want a revoked token left alone", n, err)
	}
}

func cancelledContext(t *testing.T, db Database) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	token := newToken(pat.RandomUUID(), pat.RandomUUID())
	if err := db.Create(ctx, token, newEvent(pat.ActionCreate, token, noon)); !errors.Is(err, context.Canceled) {
		t.Errorf("Create = %v, want %v", err, context.Canceled)
	}
	if _, err := db.Find(ctx, token.Owner, token.ID); !errors.Is(err, context.Canceled) {
		t.Errorf("Find = %v, want %v", err, context.Canceled)
	}
	if _, err := db.List(ctx, pat.Query{Owner: token.Owner, At: noon, Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("List = %v, want %v", err, context.Canceled)
	}
	if _, err := db.Expire(ctx, noon, 1, expiry(noon)); !errors.Is(err, context.Canceled) {
		t.Errorf("Expire = %v, want %v", err, context.Canceled)
	}
	if _, err := db.Find(t.Context(), token.Owner, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("Find = %v, want nothing created", err)
	}
}

package verify

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

type discard struct{}

func (discard) Used(context.Context, []pat.Usage) error { return nil }

// recorder keeps what it is given, unless it fails.
type recorder struct {
	mu    sync.Mutex
	uses  []pat.Usage
	calls []int
	fail  error
}

func (r *recorder) Used(_ context.Context, uses []pat.Usage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.uses = append(r.uses, uses...)
	r.calls = append(r.calls, len(uses))
	return nil
}

// count is how many uses were recorded.
func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uses)
}

// use has a token accepted once.
func (w *world) use(t *testing.T, secret string, u Use) {
	t.Helper()
	found := new(Found)
	if verdict, err := w.Verifier.Verify(t.Context(), secret, w.demand(t, w.contoso), found); verdict != pat.Good || err != nil {
		t.Fatalf("Verify = %v, %v, want good", verdict, err)
	}
	w.Verifier.Used(found, u)
}

// TestUsesReachTheStore: the last use of each token, whatever became of its row
// since, through the store and back.
func TestUsesReachTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	index, _ := w.Service.Scopes.Index("vso.code")
	first, firstSecret := w.token(t, "vso.code", false)
	revoked, revokedSecret := w.token(t, "vso.code", false)
	uncached, uncachedSecret := w.token(t, "vso.code", false)
	unused, _ := w.token(t, "vso.code", false)

	for range 3 {
		w.use(t, firstSecret, Use{Agent: AgentCurl, Scope: -1})
	}
	w.Lease.set(noon.Add(time.Minute))
	w.use(t, firstSecret, Use{Address: netip.MustParseAddr("192.0.2.7"), Agent: AgentGit, Scope: index})
	w.use(t, revokedSecret, Use{Address: netip.MustParseAddr("2001:db8::7"), Agent: AgentNPM, Scope: index})
	w.revoke(t, revoked)
	w.Source.after = func() { w.Cache.Invalidate(uncached.Digest) }
	w.use(t, uncachedSecret, Use{Scope: -1})
	w.Uses.Flush(t.Context())

	at := noon.Add(time.Minute).Truncate(time.Second)
	want := []pat.Standing{
		{Usage: pat.Usage{Token: first.ID, At: at, Address: "192.0.2.7", Agent: "git", Scope: "vso.code"}},
		{State: pat.Revoked, Usage: pat.Usage{Token: revoked.ID, At: at, Address: "2001:db8::7", Agent: "npm", Scope: "vso.code"}},
		{Usage: pat.Usage{Token: uncached.ID, At: at}},
		{Usage: pat.Usage{Token: unused.ID}},
	}
	got, err := w.Service.Usage(t.Context(), w.caller(), []pat.UUID{first.ID, revoked.ID, uncached.ID, unused.ID})
	if err != nil {
		t.Fatal(err)
	}
	byToken := func(a, b pat.Standing) int { return cmp.Compare(a.Token.String(), b.Token.String()) }
	slices.SortFunc(want, byToken)
	slices.SortFunc(got, byToken)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}

// TestUsesAreCoalesced: many uses of a token are one write, and what was
// recorded is not recorded again.
func TestUsesAreCoalesced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	store := new(recorder)
	w.Uses.Store = store
	for i := range 100 {
		w.Lease.set(noon.Add(time.Duration(i) * time.Second))
		w.use(t, secret, Use{Scope: -1})
	}
	w.Uses.Flush(t.Context())
	w.Uses.Flush(t.Context())
	if diff := gocmp.Diff([]int{1}, store.calls); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	w.use(t, secret, Use{Scope: -1})
	w.Uses.Flush(t.Context())
	if len(store.calls) != 2 {
		t.Errorf("%d writes after another use, want 2", len(store.calls))
	}
}

// TestUsesOutliveAStoreThatFails: they are kept, as far as there is room, and
// recorded once it answers.
func TestUsesOutliveAStoreThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store := &recorder{fail: errors.New("down")}
	w.Uses.Store = store
	const tokens = batchSize + 100
	for i := range tokens {
		f := foundOf(i, 0, 20)
		f.digest[8] = byte(i)
		w.Cache.put(f, 7, w.Cache.generation(&f.digest))
		w.Cache.use(&f.digest, use{f.Claim.ID, stamp{second: 1}})
	}
	for range 3 {
		w.Uses.Flush(t.Context())
	}
	for range maxSpilled {
		w.Cache.spilled.add(use{pat.RandomUUID(), stamp{second: 1}})
	}
	w.Cache.spilled.add(use{pat.RandomUUID(), stamp{second: 1}})
	if lost := w.Front.Stats().LostUses; lost != 1 {
		t.Errorf("%d uses were lost, want 1: the one for which there was no room", lost)
	}
	store.fail = nil
	w.Uses.Flush(t.Context())
	if len(store.uses) != tokens+maxSpilled {
		t.Errorf("%d uses were recorded, want %d", len(store.uses), tokens+maxSpilled)
	}
	seen := map[pat.UUID]bool{}
	for _, u := range store.uses {
		if seen[u.Token] {
			t.Errorf("the use of %v was recorded twice", u.Token)
		}
		seen[u.Token] = true
	}
}

// TestRunRecordsInTime: every use is recorded within half a minute, smoothly,
// and the last ones at the end.
func TestRunRecordsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := new(recorder)
		u := &Uses{Cache: NewCache(MinCacheSize), Store: store, Scopes: catalogue(t)}
		use := func(which int) {
			f := foundOf(which, 0, 20)
			f.digest[8] = byte(which)
			u.Cache.put(f, 1, u.Cache.generation(&f.digest))
			u.Cache.use(&f.digest, use{f.Claim.ID, stamp{second: 1}})
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			u.Run(ctx)
			close(ended)
		}()
		for i := range shards * 4 {
			use(i)
		}
		time.Sleep(round / 2)
		synctest.Wait()
		if got := store.count(); got < shards || got > 3*shards {
			t.Errorf("%d uses were recorded at half time, want about half of %d", got, 4*shards)
		}
		time.Sleep(round / 2)
		synctest.Wait()
		if got := store.count(); got != 4*shards {
			t.Errorf("%d uses were recorded, want %d", got, 4*shards)
		}
		use(1000)
		stop()
		<-ended
		if got := store.count(); got != 4*shards+1 {
			t.Errorf("%d uses were recorded at the end, want %d", got, 4*shards+1)
		}
	})
}

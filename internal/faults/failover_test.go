//go:build linux

package faults

import (
	"database/sql"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestFailover: the old primary is isolated, but lives and answers, and a node
// has it open. What was then revoked on the new primary is dead on that node,
// whether it had the token cached or not; and the node finds the new primary by
// itself once its address leads there.
func TestFailover(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// meanwhile has the node's address lead somewhere while it has the old
		// primary open, and may do worse.
		meanwhile func(t *testing.T, way *proxy, primary, standby *postgrestest.Cluster, old *sql.DB)
	}{
		{
			"its connections stay and new ones lead to the new primary",
			func(_ *testing.T, way *proxy, _, standby *postgrestest.Cluster, _ *sql.DB) {
				way.point(standby.Address())
			},
		},
		{
			"all of them lead to the old one, whose waits for a standby are cancelled",
			func(t *testing.T, _ *proxy, _, _ *postgrestest.Cluster, old *sql.DB) { cancelWaits(t, old) },
		},
		{
			"new connections lead to one or the other",
			func(_ *testing.T, way *proxy, primary, standby *postgrestest.Cluster, _ *sql.DB) {
				way.point(primary.Address(), standby.Address())
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			primary := postgrestest.New(t)
			wayA, wayB := newProxy(t, primary.Address()), newProxy(t, primary.Address())
			a := newNode(t, "a", "", through(t, wayA, primary.URL("postgres")))
			b := newNode(t, "b", a.options.Data, through(t, wayB, primary.URL("postgres")))
			old := sidePool(t, primary)
			standby := primary.Standby(t)
			cachedID, cached := createToken(t, b)
			uncachedID, uncached := createToken(t, b)
			_, kept := createToken(t, b)
			warm(t, a, cached)
			warm(t, a, kept)

			// A promoted standby asks its primary for nothing: from here on
			// nothing passes between the two.
			standby.Promote(t)
			promoted := time.Now()
			wayB.point(standby.Address())
			wayB.drop() // b has noticed; a has not
			tt.meanwhile(t, wayA, primary, standby, old)
			watched := watch(t, a, cached, kept)
			revoked := map[string]time.Time{}
			t.Logf("a revoke on the new primary took %v", revoke(t, b, cachedID))
			revoked[cached] = time.Now()
			t.Logf("the next one took %v", revoke(t, b, uncachedID))
			revoked[uncached] = time.Now()
			watchedUncached := watch(t, a, uncached)
			await(t, "the old primary's node has had time to be wrong", func() bool { return time.Since(promoted) > 3*leaseTime })

			wayA.point(standby.Address())
			pointed := time.Now()
			t.Logf("the node is ready and takes writes %v after its address leads to the new primary", awaitReady(t, a))
			if late := time.Since(pointed); late > recovery {
				t.Errorf("it took the node %v to find the new primary", late)
			}
			mustSay(t, a, cached, http.StatusUnauthorized)
			mustSay(t, a, uncached, http.StatusUnauthorized)
			mustSay(t, a, kept, http.StatusOK)
			neverLate(t, append(watched(), watchedUncached()...), revoked)
		})
	}
}

// neverLate fails where yes was said to a token after its revoke had returned.
func neverLate(t *testing.T, said []saying, revoked map[string]time.Time) {
	t.Helper()
	late, wrong := map[string]bool{}, map[string]int{}
	for _, s := range said {
		returned, isRevoked := revoked[s.secret]
		if !isRevoked || s.began.Before(returned) {
			continue
		}
		late[s.secret] = true
		if s.status != http.StatusOK {
			continue
		}
		if wrong[s.secret]++; wrong[s.secret] == 1 { // one is enough to read
			t.Errorf("yes to a token %v after it was revoked", s.began.Sub(returned))
		}
	}
	if len(late) != len(revoked) {
		t.Error("a token was not presented after it was revoked: the test proves nothing")
	}
}

// cancelWaits cancels, until the test ends, what waits for the standby on an old
// primary: it then lets those statements succeed that only it knows of.
func cancelWaits(t *testing.T, old *sql.DB) {
	t.Helper()
	done := make(chan struct{})
	var work sync.WaitGroup
	var cancelled int
	work.Go(func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for {
			var n int
			err := old.QueryRow(`SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`).Scan(&n)
			if failure, ok := errors.AsType[*pgconn.PgError](err); err != nil && (!ok || failure.Code != "57014") {
				t.Errorf("cancelling what waits: %v", err)
				return
			}
			cancelled += n
			select {
			case <-done:
				return
			case <-again.C:
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		work.Wait()
		if cancelled == 0 {
			t.Error("nothing waited for the standby: the test proves nothing")
		}
	})
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/verify"
)

var _ verify.Ledger = (*Nodes)(nil)

// kept makes a token in db.
func kept(t testing.TB, db *DB) pat.Token {
	t.Helper()
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	return token
}

// revoke revokes a token, for the first time or not.
func revoke(ctx context.Context, db *DB, token pat.Token) error {
	_, err := db.Update(ctx, token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
		if !t.RevokedAt.IsZero() {
			return t, nil, nil
		}
		t.RevokedAt = benchTime
		e := benchEvent(pat.ActionRevoke, t, benchTime)
		return t, &e, nil
	})
	return err
}

// peer is a node whose every step is the test's.
type peer struct {
	testing.TB
	*Nodes
	row pat.UUID
}

// join has a node of another process join.
func join(t testing.TB, url string) (p *peer, applied int64) {
	t.Helper()
	p = &peer{t, openPostgres(t, url).Nodes(), pat.RandomUUID()}
	applied, err := p.Join(t.Context(), p.row)
	if err != nil {
		t.Fatalf("Join = %v", err)
	}
	t.Cleanup(p.hangUp)
	return p, applied
}

// renew renews the node's row, which must be there.
func (p *peer) renew(applied int64) {
	p.Helper()
	if _, err := p.Renew(p.Context(), p.row, applied); err != nil {
		p.Fatalf("Renew = %v", err)
	}
}

// nodeCount is how many rows of nodes there are.
func nodeCount(t testing.TB, side *sql.DB) (n int) {
	t.Helper()
	if err := side.QueryRowContext(t.Context(), `SELECT count(*) FROM node`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLedger(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	first, second := kept(t, db), kept(t, db)
	if err := revoke(t.Context(), db, first); err != nil {
		t.Fatal(err)
	}
	p, applied := join(t, url)
	if applied != 1 {
		t.Errorf("after one change, Join = %d", applied)
	}
	changes := func(seq int64, want []pat.Digest, wantUpTo int64) {
		t.Helper()
		got, upTo, err := p.Changes(t.Context(), seq)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || upTo != wantUpTo {
			t.Errorf("Changes after %d, up to %d, want %d, %v (-want +got):\n%s", seq, upTo, wantUpTo, err, diff)
		}
	}
	changes(1, nil, 1)
	changes(0, []pat.Digest{first.Digest}, 1)
	done := make(chan error, 1)
	go func() { done <- revoke(context.Background(), db, second) }()
	for upTo := int64(1); upTo < 2; {
		var err error
		if _, upTo, err = p.Changes(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	changes(0, []pat.Digest{first.Digest, second.Digest}, 2)
	changes(1, []pat.Digest{second.Digest}, 2)
	before := time.Now()
	now, err := p.Renew(t.Context(), p.row, 2)
	if after := time.Now(); err != nil || now.Before(before.Add(-time.Millisecond)) || now.After(after) {
		t.Errorf("Renew = %v, %v, want a time of this machine, from %v to %v", now, err, before, after)
	}
	if err := <-done; err != nil {
		t.Errorf("once the node knows of it, the revoke = %v", err)
	}
	if _, _, err := p.Changes(t.Context(), 3); err == nil {
		t.Error("Changes after what there never was = nil, want an error: the database is another")
	}
	if _, err := p.Renew(t.Context(), pat.RandomUUID(), 2); err == nil {
		t.Error("Renew without a row = nil")
	}
	if err := p.Leave(t.Context(), p.row); err != nil {
		t.Errorf("Leave = %v", err)
	}
	if n := nodeCount(t, sidePool(t, url)); n != 0 {
		t.Errorf("after the node has left there are %d", n)
	}
}

// TestHints: a change is told at once, over whatever connection there is.
func TestHints(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	other := openPostgres(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hints := other.Nodes().Hints(ctx)
	<-hints // it listens
	for range 2 {
		if err := revoke(t.Context(), db, kept(t, db)); err != nil {
			t.Fatal(err)
		}
		<-hints
		other.Reconnect()
		<-hints // for what may have been missed
	}
}

// TestChangesWaitForNodes: a change returns when every node knows of it, and
// one that finds it done does so no sooner.
func TestChangesWaitForNodes(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	token := kept(t, db)
	quick, _ := join(t, url)
	slow, _ := join(t, url)
	calls := make(chan error, 2)
	go func() { calls <- revoke(context.Background(), db, token) }()
	for upTo := int64(0); upTo < 1; {
		var err error
		if _, upTo, err = slow.Changes(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	go func() { calls <- revoke(context.Background(), openPostgres(t, url), token) }()
	for began := time.Now(); time.Since(began) < SilenceOfNode+time.Second; {
		quick.renew(1)
		slow.renew(0) // it lives, and does not know
		select {
		case err := <-calls:
			t.Fatalf("while a node does not know of it, a revoke = %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	slow.renew(1)
	for range 2 {
		if err := <-calls; err != nil {
			t.Errorf("once both know of it, a revoke = %v", err)
		}
	}
	if n := nodeCount(t, sidePool(t, url)); n != 2 {
		t.Errorf("there are %d nodes, want both", n)
	}
}

// TestChangesOutwaitSilentNodes: a node that does not renew its row loses it,
// no sooner than its lease has ended.
func TestChangesOutwaitSilentNodes(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	tokens := []pat.Token{kept(t, db), kept(t, db)}
	p, _ := join(t, url)
	p.renew(0)
	renewed := time.Now()
	calls := make(chan error, len(tokens))
	for _, token := range tokens {
		go func() { calls <- revoke(context.Background(), db, token) }()
	}
	for range tokens {
		err := <-calls
		if took := time.Since(renewed); err != nil || took < SilenceOfNode || took > SilenceOfNode+3*time.Second {
			t.Errorf("a revoke = %v after %v, want it after %v", err, took, SilenceOfNode)
		}
	}
	if _, err := p.Renew(t.Context(), p.row, 0); err == nil {
		t.Error("the silent node renews its row again")
	}
}

// TestBuryIsConditional: a node whose renewal was on its way when its row was
// found silent keeps the row.
func TestBuryIsConditional(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	p, _ := join(t, url)
	before, err := db.reading.readRoll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := watch{}
	began := time.Now()
	if silent := seen.silent(before.nodes, began); len(silent) > 0 {
		t.Errorf("at first sight, %v is silent", silent)
	}
	if silent := seen.silent(before.nodes, began.Add(SilenceOfNode-1)); len(silent) > 0 {
		t.Errorf("too soon, %v is silent", silent)
	}
	silent := seen.silent(before.nodes, began.Add(SilenceOfNode))
	if diff := cmp.Diff(before.nodes, silent, cmp.AllowUnexported(nodeRow{})); diff != "" {
		t.Errorf("silent (-want +got):\n%s", diff)
	}
	bury := func(rows []nodeRow, want int) {
		t.Helper()
		if err := db.reading.bury(t.Context(), rows); err != nil {
			t.Errorf("bury = %v", err)
		}
		if n := nodeCount(t, side); n != want {
			t.Errorf("there are %d nodes, want %d", n, want)
		}
	}
	p.renew(0)
	bury(silent, 1)
	after, err := db.reading.readRoll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bury(after.nodes, 0)
}

// TestSettlementFails: a change that may not have reached every node is unknown, and
// may be asked for again.
func TestSettlementFails(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	token := kept(t, db)
	p, _ := join(t, url)
	known := func() { // it stays alive, and knows of nothing
		if _, err := p.Renew(t.Context(), p.row, 0); err != nil {
			t.Errorf("Renew = %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := make(chan error, 1)
	go func() { calls <- revoke(ctx, db, token) }()
	for committed := false; !committed; {
		known()
		got, err := db.Find(t.Context(), token.Owner, token.ID)
		if err != nil {
			t.Fatal(err)
		}
		committed = !got.RevokedAt.IsZero()
	}
	cancel()
	if err := <-calls; !errors.Is(err, pat.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a revoke whose caller leaves while it waits = %v, want it unknown", err)
	}
	go func() { calls <- revoke(context.Background(), db, token) }()
	known()
	for waits := false; !waits; {
		db.settlement.mu.Lock()
		waits = len(db.settlement.waiting) > 0
		db.settlement.mu.Unlock()
	}
	db.Close()
	if err := <-calls; !errors.Is(err, pat.ErrUnknown) || !errors.Is(err, errClosed) {
		t.Errorf("a revoke that waits when the database is closed = %v, want it unknown", err)
	}
}

// TestOtherServersAreNotBelieved: one that has not come to a change cannot tell
// who knows of it.
func TestOtherServersAreNotBelieved(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	if _, err := side.ExecContext(t.Context(), `UPDATE change_counter SET seq = 6`); err != nil {
		t.Fatal(err)
	}
	calls := make(chan error, 1)
	go func() { calls <- db.settlement.settle(context.Background(), 7) }()
	w := &waiter{seq: 6, done: make(chan struct{})}
	db.settlement.mu.Lock()
	db.settlement.waiting[w] = struct{}{}
	db.settlement.mu.Unlock()
	select {
	case err := <-calls:
		t.Errorf("settle = %v by a server that has not come to the change", err)
	case <-w.done:
		t.Error("a server that is behind one change is believed about another")
	case <-time.After(200 * time.Millisecond):
	}
	if _, err := side.ExecContext(t.Context(), `UPDATE change_counter SET seq = 7`); err != nil {
		t.Fatal(err)
	}
	if err := <-calls; err != nil {
		t.Errorf("settle = %v once it has", err)
	}
	<-w.done
}

// TestLookupBesideRow: a look-up is believed where the node's row is, too.
func TestLookupBesideRow(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	token := kept(t, db)
	nodes := openPostgres(t, url).Nodes()
	lookup := func(digest pat.Digest) (pat.Token, error) {
		return nodes.Lookup(t.Context(), token.ID.Bucket(), digest)
	}
	if _, err := lookup(token.Digest); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("before the node has joined, Lookup = %v, want %v", err, pat.ErrUnavailable)
	}
	for range 2 {
		row := pat.RandomUUID()
		if _, err := nodes.Join(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if got, err := lookup(token.Digest); err != nil || got != token {
			t.Errorf("Lookup = %v, %v, want the token", got, err)
		}
		if got, err := lookup(pat.Digest{1}); pat.CodeOf(err) != pat.CodeTokenNotFound || got != (pat.Token{}) {
			t.Errorf("Lookup of what there is not = %v, %v, want nothing and %s", got, err, pat.CodeTokenNotFound)
		}
		if _, err := sidePool(t, url).ExecContext(t.Context(), `DELETE FROM node WHERE epoch = $1`, row[:]); err != nil {
			t.Fatal(err)
		}
		for _, digest := range []pat.Digest{token.Digest, {1}, token.Digest} {
			if got, err := lookup(digest); !errors.Is(err, pat.ErrUnavailable) || got != (pat.Token{}) {
				t.Errorf("without a row, Lookup = %v, %v, want %v", got, err, pat.ErrUnavailable)
			}
		}
		if _, err := nodes.Renew(t.Context(), row, 0); err == nil || strings.Contains(err.Error(), "no rows") {
			t.Errorf("Renew = %v, want its connection closed with all others", err)
		}
	}
	nodes.hangUp()
}

func TestTidy(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	nodes := openPostgres(t, url).Nodes()
	alive, _ := join(t, url)
	dead, _ := join(t, url)
	var token pat.Token
	for range 3 { // which nobody waits for
		token = kept(t, db)
		err := db.writer.do(t.Context(), func(s *session) error {
			_, err := numberPostgres(s, []pat.Digest{token.Digest, token.Digest})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(when string, wantNodes, wantInvalidations int) {
		t.Helper()
		var invalidations int
		if err := side.QueryRowContext(t.Context(), `SELECT count(*) FROM invalidation`).Scan(&invalidations); err != nil {
			t.Fatal(err)
		}
		if n := nodeCount(t, side); n != wantNodes || invalidations != wantInvalidations {
			t.Errorf("%s there are %d nodes and %d invalidations, want %d and %d", when, n, invalidations, wantNodes, wantInvalidations)
		}
	}
	tidy := func() {
		t.Helper()
		if err := nodes.Tidy(t.Context()); err != nil {
			t.Errorf("Tidy = %v", err)
		}
	}
	tidy()
	count("before anybody knows of them", 2, 3)
	alive.renew(3)
	dead.renew(1)
	tidy()
	count("once one is known to all", 2, 2)
	alive.renew(3)
	tidied := make(chan struct{})
	go func() {
		defer close(tidied)
		tidy()
	}()
	for ended := false; !ended; {
		alive.renew(3)
		select {
		case <-tidied:
			ended = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	count("once a node was silent", 1, 0)
	if err := alive.Leave(t.Context(), alive.row); err != nil {
		t.Fatal(err)
	}
	tidy()
	count("once the other has left", 0, 0)
}

// A node that lost its lease takes the row of it away when it joins anew, or
// changes would wait for that. Those of others it leaves alone.
func TestJoinAnew(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	token := kept(t, db)
	p, _ := join(t, url)
	before := p.row
	p.Drop()
	p.row = pat.RandomUUID()
	if _, err := p.Join(t.Context(), p.row); err != nil {
		t.Fatalf("Join = %v", err)
	}
	if _, err := p.Renew(t.Context(), before, 0); err == nil {
		t.Error("the row of an epoch that has ended is there")
	}
	other, _ := join(t, url)
	p.renew(0)
	other.renew(0)
	done := make(chan error, 1)
	go func() { done <- revoke(t.Context(), db, token) }()
	for _, node := range []*peer{p, other} {
		for upTo := int64(0); upTo == 0; {
			var err error
			if _, upTo, err = node.Changes(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		node.renew(1)
	}
	if err := <-done; err != nil {
		t.Errorf("with two nodes that know of it, the revoke = %v", err)
	}
}

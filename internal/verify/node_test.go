package verify

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// board is a ledger in memory, which a test can make slow, deaf or broken.
type board struct {
	mu      sync.Mutex
	rows    map[pat.UUID]int64
	changes []pat.Digest // by seq, from 1
	renewed int
	drops   int
	hints   chan struct{}
	// ahead is how far the database's clock is.
	ahead time.Duration
	// there and back are how long a call takes until it is done, and then
	// until it is answered; failure is the error of all calls.
	there, back time.Duration
	failure     error
}

func newBoard() *board { return &board{rows: map[pat.UUID]int64{}, hints: make(chan struct{}, 1)} }

var errNoRow = errors.New("no row")

// call does something with the board, in its time.
func (b *board) call(ctx context.Context, do func() error) error {
	b.mu.Lock()
	there, back, failure := b.there, b.back, b.failure
	b.mu.Unlock()
	if err := pass(ctx, there); err != nil || failure != nil {
		return errors.Join(err, failure)
	}
	b.mu.Lock()
	err := do()
	b.mu.Unlock()
	return errors.Join(err, pass(ctx, back))
}

func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *board) Join(ctx context.Context, epoch pat.UUID) (applied int64, err error) {
	err = b.call(ctx, func() error {
		applied = int64(len(b.changes))
		b.rows[epoch] = applied
		return nil
	})
	return applied, err
}

func (b *board) Changes(ctx context.Context, seq int64) (digests []pat.Digest, upTo int64, err error) {
	err = b.call(ctx, func() error {
		digests, upTo = slices.Clone(b.changes[seq:]), int64(len(b.changes))
		return nil
	})
	return digests, upTo, err
}

func (b *board) Renew(ctx context.Context, epoch pat.UUID, applied int64) (now time.Time, err error) {
	err = b.call(ctx, func() error {
		if _, ok := b.rows[epoch]; !ok {
			return errNoRow
		}
		b.rows[epoch] = applied
		b.renewed++
		now = time.Now().Add(b.ahead)
		return nil
	})
	return now, err
}

func (b *board) Leave(ctx context.Context, epoch pat.UUID) error {
	return b.call(ctx, func() error {
		delete(b.rows, epoch)
		return nil
	})
}

func (b *board) Drop() { b.set(func() { b.drops++ }) }

func (b *board) Hints(context.Context) <-chan struct{} { return b.hints }

// set changes the board.
func (b *board) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// change is a change of a token.
func (b *board) change(digest pat.Digest) {
	b.set(func() { b.changes = append(b.changes, digest) })
	select {
	case b.hints <- struct{}{}:
	default:
	}
}

// applied is the least seq that all nodes have applied.
func (b *board) applied() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	least := int64(len(b.changes))
	for _, applied := range b.rows {
		least = min(least, applied)
	}
	return least
}

// renewals is how often a row was renewed.
func (b *board) renewals() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.renewed
}

// count is how many rows there are.
func (b *board) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.rows)
}

// notes is a memory that notes what it is told, and whether there was a lease
// then.
type notes struct {
	node  *Node
	mu    sync.Mutex
	lines []string
}

func (n *notes) Invalidate(digest pat.Digest) { n.note("invalidate " + string(digest[:1])) }
func (n *notes) Clear() {
	line := "clear"
	if _, _, ok := n.node.Now(); ok {
		line += " under a lease"
	}
	n.note(line)
}

func (n *notes) note(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, line)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.lines)
}

// shifted is the bubble's clock with something added to either part.
type shifted struct {
	mu              sync.Mutex
	wall, monotonic time.Duration
}

func (s *shifted) clock() clock {
	system := systemClock()
	return func() (int64, time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		wall, monotonic := system()
		return wall + s.wall.Microseconds(), monotonic + s.monotonic
	}
}

func (s *shifted) shift(wall, monotonic time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wall += wall
	s.monotonic += monotonic
}

// bubble is a node with a board, in a bubble.
type bubble struct {
	*testing.T
	board *board
	notes *notes
	clock *shifted
	node  *Node
}

// inBubble runs a test with a node, from before its lease.
func inBubble(t *testing.T, test func(w *bubble)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &bubble{T: t, board: newBoard(), notes: &notes{}, clock: &shifted{}}
		w.node = newNode(w.board, w.notes, w.clock.clock(), slog.New(slog.DiscardHandler))
		w.notes.node = w.node
		w.node.start()
		defer w.node.Close()
		test(w)
	})
}

// hold waits for a lease.
func (w *bubble) hold() (epoch uint64) {
	w.Helper()
	epoch, err := w.node.Hold(w.Context())
	if err != nil {
		w.Fatalf("Hold = %v", err)
	}
	return epoch
}

// check compares whether there is a lease, and of which epoch.
func (w *bubble) check(when string, want uint64) {
	w.Helper()
	if _, epoch, _ := w.node.Now(); epoch != want {
		w.Errorf("%s the epoch of the lease is %d, want %d", when, epoch, want)
	}
}

func TestNodeTakesLease(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.board.set(func() { w.board.ahead = time.Hour })
		w.check("at the start", 0)
		if epoch := w.hold(); epoch != 1 {
			w.Errorf("Hold = %d, want 1", epoch)
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			w.check("all the time", 1)
			now, _, _ := w.node.Now()
			if want := time.Now().Add(time.Hour).UnixMicro(); now != want {
				w.Fatalf("the time is %d, want the database's, %d", now, want)
			}
		}
		if diff := cmp.Diff([]string(nil), w.notes.all()); diff != "" {
			w.Errorf("the memory was told (-want +got):\n%s", diff)
		}
		synctest.Wait()
		if renewed, want := w.board.renewals(), 11; renewed != want {
			w.Errorf("the row was renewed %d times in 10 s, want %d", renewed, want)
		}
	})
}

func TestLeaseCountsFromBeforeChangesAreRead(t *testing.T) {
	inBubble(t, func(w *bubble) {
		const way = 300 * time.Millisecond
		w.board.set(func() { w.board.there, w.board.back = way, way })
		w.hold() // after a join, a reading and a renewal
		renewed := time.Now().Add(-4 * way)
		w.board.set(func() { w.board.there = time.Hour })
		time.Sleep(time.Until(renewed.Add(LeaseTime)) - 1)
		w.check("just before its end", 1)
		time.Sleep(time.Nanosecond)
		w.check("at its end", 0)
	})
}

func TestSlowDatabaseKeepsTheLease(t *testing.T) {
	inBubble(t, func(w *bubble) {
		const way = 250 * time.Millisecond // half a second for each question
		w.board.set(func() { w.board.there, w.board.back = way, way })
		w.hold()
		for range 1000 {
			time.Sleep(10 * time.Millisecond)
			w.check("all the time", 1)
		}
	})
}

func TestNodeAppliesBeforeItSaysSo(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.hold()
		w.board.set(func() { w.board.there = 100 * time.Millisecond })
		w.board.change(pat.Digest{'a'})
		w.board.change(pat.Digest{'b'})
		time.Sleep(150 * time.Millisecond)
		if diff := cmp.Diff([]string{"invalidate a", "invalidate b"}, w.notes.all()); diff != "" {
			w.Errorf("while the renewal is on its way, the memory was told (-want +got):\n%s", diff)
		}
		if applied := w.board.applied(); applied != 0 {
			w.Errorf("before it is there, %d changes are applied", applied)
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if applied := w.board.applied(); applied != 2 {
			w.Errorf("once it is there, %d changes are applied, want 2", applied)
		}
	})
}

func TestNodeAppliesWithoutHints(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.hold()
		w.board.set(func() { w.board.changes = append(w.board.changes, pat.Digest{'a'}) })
		time.Sleep(renewInterval)
		synctest.Wait()
		if applied := w.board.applied(); applied != 1 {
			w.Errorf("after a second, %d changes are applied, want 1", applied)
		}
	})
}

func TestEmptyHintsRenewNothing(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.hold()
		for range 10 {
			w.board.hints <- struct{}{}
			synctest.Wait()
		}
		if renewed := w.board.renewals(); renewed != 1 {
			w.Errorf("the row was renewed %d times, want once", renewed)
		}
	})
}

// TestLostLease: whatever ends an epoch, first there is no lease, then
// nothing is remembered, then the connections are closed; and another epoch
// begins.
func TestLostLease(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		do   func(w *bubble)
		// within is how long it may take until there is the next lease.
		within time.Duration
	}{
		{"its row is gone", func(w *bubble) {
			w.board.set(func() { clear(w.board.rows) })
			time.Sleep(renewInterval)
		}, 0},
		{"the database fails", func(w *bubble) {
			w.board.set(func() { w.board.failure = errors.New("it is down") })
			time.Sleep(time.Minute)
			w.check("meanwhile", 0)
			w.board.set(func() { w.board.failure = nil })
		}, maxPause},
		{"the database does not answer", func(w *bubble) {
			w.board.set(func() { w.board.there = time.Hour })
			time.Sleep(time.Minute)
			w.check("meanwhile", 0)
			w.board.set(func() { w.board.there = 0 })
		}, joinTimeout + maxPause},
		{"an answer does not come", func(w *bubble) {
			w.board.set(func() { w.board.back = time.Hour })
			time.Sleep(renewInterval)
			synctest.Wait() // the renewal is done
			w.board.set(func() { w.board.back = 0 })
		}, renewTimeout},
		{"the process was stopped", func(w *bubble) {
			w.clock.shift(time.Minute, time.Minute)
			w.check("when it goes on", 0)
		}, 0},
		{"the machine was suspended", func(w *bubble) {
			w.clock.shift(time.Minute, 0)
			w.check("when it is back", 0)
		}, 0},
		{"the clock was set ahead", func(w *bubble) {
			w.clock.shift(time.Minute, 0)
			w.check("then", 0)
		}, 0},
		{"the clock was set back", func(w *bubble) {
			w.clock.shift(-time.Minute, 0)
			w.check("then", 0)
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(w *bubble) {
				w.hold()
				time.Sleep(10 * time.Millisecond)
				tt.do(w)
				synctest.Wait()
				began := time.Now()
				for epoch := w.node.Stats().Epochs; epoch < 2; epoch = w.node.Stats().Epochs {
					_, _ = w.node.Hold(w.Context())
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(began); took > tt.within+minPause {
					w.Errorf("the next lease came after %v, want %v", took, tt.within)
				}
				w.board.set(func() {
					if w.board.drops != 1 {
						w.Errorf("connections were dropped %d times, want once", w.board.drops)
					}
				})
				for _, line := range w.notes.all() {
					if line != "clear" {
						w.Errorf("the memory was told to %s", line)
					}
				}
				if len(w.notes.all()) == 0 {
					w.Error("the memory was not cleared")
				}
			})
		})
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.board.set(func() { w.board.ahead = time.Hour })
		w.hold()
		before, _, _ := w.node.Now()
		w.board.set(func() { w.board.ahead = -time.Hour; clear(w.board.rows) })
		time.Sleep(renewInterval)
		synctest.Wait()
		w.hold()
		after, epoch, _ := w.node.Now()
		if want := before + renewInterval.Microseconds(); epoch != 2 || after < before || after > want {
			w.Errorf("the time of epoch %d is %d, want %d to %d of epoch 2", epoch, after, before, want)
		}
	})
}

// TestTimeGoesOnWhileSuspended: a machine that was suspended for less than its
// lease accepts nothing that ended meanwhile.
func TestTimeGoesOnWhileSuspended(t *testing.T) {
	inBubble(t, func(w *bubble) {
		const suspended = 2 * time.Second
		w.hold()
		before, _, _ := w.node.Now()
		w.clock.shift(suspended, 0)
		after, epoch, ok := w.node.Now()
		if want := before + suspended.Microseconds(); !ok || epoch != 1 || after != want {
			w.Errorf("Now = %d, %d, %v, want %d by the lease of before", after, epoch, ok, want)
		}
	})
}

func TestHoldGivesUp(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.board.set(func() { w.board.there = time.Hour })
		began := time.Now()
		_, err := w.node.Hold(w.Context())
		if !errors.Is(err, pat.ErrUnavailable) {
			w.Errorf("Hold = %v, want unavailable", err)
		}
		if took := time.Since(began); took != patience {
			w.Errorf("Hold took %v, want %v", took, patience)
		}
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		if _, err := w.node.Hold(ctx); !errors.Is(err, pat.ErrUnavailable) || time.Since(began) != patience+time.Second {
			w.Errorf("Hold = %v after %v, want unavailable when its caller has enough", err, time.Since(began))
		}
	})
}

func TestCloseLeaves(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.hold()
		w.board.set(func() { w.board.there = 100 * time.Millisecond })
		go w.node.Close()
		time.Sleep(50 * time.Millisecond)
		w.check("when it leaves", 0)
		if rows := w.board.count(); rows != 1 {
			w.Errorf("there are %d rows while it leaves, want 1", rows)
		}
		w.node.Close()
		if rows := w.board.count(); rows != 0 {
			w.Errorf("there are %d rows when it has left", rows)
		}
		if _, err := w.node.Hold(w.Context()); !errors.Is(err, pat.ErrUnavailable) {
			w.Errorf("Hold = %v, want unavailable", err)
		}
	})
}

func TestNodeStats(t *testing.T) {
	inBubble(t, func(w *bubble) {
		w.hold()
		w.board.set(func() { w.board.there = time.Hour })
		time.Sleep(1500 * time.Millisecond)
		if diff := cmp.Diff(NodeStats{Held: true, Age: 1500 * time.Millisecond, Epochs: 1}, w.node.Stats()); diff != "" {
			w.Errorf("Stats (-want +got):\n%s", diff)
		}
		time.Sleep(time.Minute)
		if diff := cmp.Diff(NodeStats{Epochs: 1}, w.node.Stats()); diff != "" {
			w.Errorf("after a minute without a database, Stats (-want +got):\n%s", diff)
		}
	})
}

func TestNowAllocatesNothing(t *testing.T) {
	b := newBoard()
	node := StartNode(b, &notes{node: &Node{}}, slog.New(slog.DiscardHandler))
	defer node.Close()
	if _, err := node.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if allocations := testing.AllocsPerRun(100, func() { node.Now() }); allocations > 0 {
		t.Errorf("Now allocates %v times", allocations)
	}
}

func BenchmarkNow(b *testing.B) {
	node := StartNode(newBoard(), &notes{node: &Node{}}, slog.New(slog.DiscardHandler))
	defer node.Close()
	if _, err := node.Hold(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		node.Now()
	}
}

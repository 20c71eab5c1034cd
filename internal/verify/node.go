package verify

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// patience is how long a verification waits for a lease.
const patience = 2 * time.Second

// Node is the lease of one of many nodes that share a database. It is kept by a
// goroutine that, once a second, applies the changes that others made and then
// renews the node's row; it holds for three seconds from before that. Whoever
// changes a token waits until every node has applied the change, or could have
// no lease any more. internal/verify/model shows why no rule of this may be
// left out.
type Node struct {
	ledger Ledger
	memory Memory
	clock  clock
	log    *slog.Logger

	// granted is the last lease, nil where it was lost.
	granted atomic.Pointer[grant]
	epochs  atomic.Uint64
	last    latest

	// news is closed, and made anew, with every renewal.
	mu   sync.Mutex
	news chan struct{}

	wanted chan struct{}
	stop   context.CancelFunc
	ended  chan struct{}
}

// StartNode begins to keep a lease. memory is what is known by it.
func StartNode(ledger Ledger, memory Memory, log *slog.Logger) *Node {
	n := newNode(ledger, memory, systemClock(), log)
	n.start()
	return n
}

func newNode(ledger Ledger, memory Memory, clock clock, log *slog.Logger) *Node {
	return &Node{
		ledger: ledger, memory: memory, clock: clock, log: log,
		news: make(chan struct{}), wanted: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

func (n *Node) start() {
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go n.keep(ctx)
}

// Close ends the lease, and then deletes the node's row, so that nobody waits
// for it. Whoever asks the node after that is told that it is unavailable.
func (n *Node) Close() {
	n.stop()
	<-n.ended
}

// Now is the database's time, as far as the node can know it, and the epoch of
// the lease that holds at this moment.
func (n *Node) Now() (micros int64, epoch uint64, ok bool) {
	g := n.granted.Load()
	if g == nil {
		return 0, 0, false
	}
	now := n.clock.now()
	if !g.holds(now) {
		return 0, 0, false
	}
	return n.last.advance(g.time(now)), g.epoch, true
}

var errNoLeaseInTime = fmt.Errorf("%w: this node has lost its connection to the others", pat.ErrUnavailable)

// Hold waits, at most 2 seconds, until the node has a lease.
func (n *Node) Hold(ctx context.Context) (epoch uint64, err error) {
	if _, epoch, ok := n.Now(); ok {
		return epoch, nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		n.mu.Lock()
		news := n.news
		n.mu.Unlock()
		if _, epoch, ok := n.Now(); ok {
			return epoch, nil
		}
		select {
		case n.wanted <- struct{}{}:
		default: // it knows
		}
		select {
		case <-news:
		case <-late.C:
			return 0, errNoLeaseInTime
		case <-n.ended:
			return 0, errNoLeaseInTime
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", pat.ErrUnavailable, ctx.Err())
		}
	}
}

// NodeStats is how a node stands.
type NodeStats struct {
	// Held tells that the lease holds, and Age how long ago it was renewed.
	Held bool
	Age  time.Duration
	// Epochs is how often the node took a lease after it had none.
	Epochs uint64
}

// Stats is how the node stands now.
func (n *Node) Stats() NodeStats {
	s := NodeStats{Epochs: n.epochs.Load()}
	if g := n.granted.Load(); g != nil {
		now := n.clock.now()
		s.Held, s.Age = g.holds(now), now.monotonic-g.from.monotonic
	}
	return s
}

// give makes g the lease, and tells those who wait for one.
func (n *Node) give(g *grant) {
	n.granted.Store(g)
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.news)
	n.news = make(chan struct{})
}

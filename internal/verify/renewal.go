package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	// renewInterval is how often a lease is renewed.
	renewInterval = time.Second
	// joinTimeout and renewTimeout bound how long the database may take, which
	// may be slow. A renewal begins a second after the one before, so that an
	// answer after two more would come too late.
	joinTimeout  = 3500 * time.Millisecond
	renewTimeout = LeaseTime - renewInterval
	// leaveTimeout bounds how long a node that stops takes for that.
	leaveTimeout = 2 * time.Second
	// The pauses between attempts to join: each doubles the one before.
	minPause = 25 * time.Millisecond
	maxPause = 250 * time.Millisecond
)

// membership is a node's part in one epoch.
type membership struct {
	row pat.UUID
	// number is the epoch's, as verifications know it, 0 before there was a
	// lease.
	number uint64
	// applied is the seq up to which the memory knows all changes.
	applied int64
}

// errLapsed is a lease that ended though the database did not fail.
var errLapsed = errors.New("the lease lapsed: the machine stood still, its clock was set, or the database is slow")

// keep keeps a lease for as long as ctx lives.
func (n *Node) keep(ctx context.Context) {
	defer close(n.ended)
	hints := n.ledger.Hints(ctx)
	for pause := minPause; ctx.Err() == nil; {
		held, err := n.live(ctx, hints)
		if ctx.Err() != nil {
			return
		}
		if held {
			n.log.Warn("this node has lost its lease, and accepts no token until it has another", "error", err)
			pause = minPause
		}
		if held && errors.Is(err, errLapsed) {
			continue // the database may be well
		}
		sleep(ctx, pause, nil, nil)
		pause = min(2*pause, maxPause)
	}
}

// sleep sleeps for d, or until it is woken.
func sleep(ctx context.Context, d time.Duration, wake, also <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-also:
	case <-ctx.Done():
	}
}

// live lives through one epoch, and reports whether it ever held a lease. When
// it returns there is none, and nothing is remembered that was known by it.
func (n *Node) live(ctx context.Context, hints <-chan struct{}) (held bool, err error) {
	m := membership{row: pat.RandomUUID()}
	defer func() { n.lose(ctx, m.row, held) }()
	if err := n.join(ctx, &m); err != nil {
		return false, fmt.Errorf("joining the other nodes: %w", err)
	}
	for g := (*grant)(nil); ; {
		next, err := n.renew(ctx, &m, g)
		if err != nil {
			return held, fmt.Errorf("renewing the lease: %w", err)
		}
		if next != g {
			g, held = next, true
			n.give(g)
		}
		sleep(ctx, g.from.monotonic+renewInterval-n.clock.now().monotonic, hints, n.wanted)
		if err := ctx.Err(); err != nil {
			return held, err
		}
		if !g.holds(n.clock.now()) {
			return held, errLapsed
		}
	}
}

func (n *Node) join(ctx context.Context, m *membership) (err error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	m.applied, err = n.ledger.Join(ctx, m.row)
	return err
}

// renew applies changes and is granted a new lease. Where there are none, and
// last is not a second old, it is last.
func (n *Node) renew(ctx context.Context, m *membership, last *grant) (*grant, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	from := n.clock.now()
	digests, upTo, err := n.ledger.Changes(ctx, m.applied)
	if err != nil {
		return nil, err
	}
	if upTo == m.applied && last != nil && from.within(renewInterval, last.from) {
		return last, nil
	}
	for _, digest := range digests {
		n.memory.Invalidate(digest)
	}
	m.applied = upTo
	asked := n.clock.now()
	now, err := n.ledger.Renew(ctx, m.row, m.applied)
	if err != nil {
		return nil, err
	}
	if m.number == 0 {
		m.number = n.epochs.Add(1)
	}
	return &grant{epoch: m.number, from: from, asked: asked, micros: now.UnixMicro()}, nil
}

// lose ends the lease, then forgets what was known by it, then closes the
// connections over which it was learnt. A node that stops deletes its row
// instead: whoever waits for it need not wait for long.
func (n *Node) lose(ctx context.Context, row pat.UUID, held bool) {
	n.granted.Store(nil)
	n.memory.Clear()
	switch {
	case ctx.Err() != nil:
		n.leave(ctx, row)
	case held:
		n.ledger.Drop()
	}
}

func (n *Node) leave(ctx context.Context, row pat.UUID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := n.ledger.Leave(ctx, row); err != nil {
		n.log.Warn("this node's row is left behind: changes of tokens take three seconds until one of them has deleted it", "error", err)
	}
}

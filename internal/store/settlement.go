package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	// settleTimeout bounds how long a change waits for the nodes. None takes
	// as long while the database answers.
	settleTimeout = 12 * time.Second
	// lookTimeout bounds how long the database may take to show the nodes'
	// rows.
	lookTimeout = 3 * time.Second
	// Between looks there are pauses: each is longer than the one before by the
	// shortest, or, after a failure, twice as long.
	shortestPause = time.Millisecond
	longestPause  = 50 * time.Millisecond
)

// settlement has those who changed a token wait until no node goes by what was
// before: each has said in its row that it knows of the change, or has lost its
// row, and before that its lease. One goroutine looks at the rows for all who
// wait. internal/verify/model shows why no rule of this may be left out.
type settlement struct {
	pool *sql.DB

	mu      sync.Mutex
	waiting map[*waiter]struct{}
	looking bool
	arrived chan struct{}

	ended context.Context
	end   context.CancelFunc
	work  sync.WaitGroup
	// session is that of the goroutine.
	session *session
}

// waiter is a caller whose change has the number seq.
type waiter struct {
	seq  int64
	done chan struct{}
}

func newSettlement(pool *sql.DB) *settlement {
	s := &settlement{pool: pool, waiting: map[*waiter]struct{}{}, arrived: make(chan struct{}, 1)}
	s.ended, s.end = context.WithCancel(context.Background())
	return s
}

// stop fails those who wait.
func (s *settlement) stop() {
	s.mu.Lock()
	s.end() // nobody begins to look after that
	s.mu.Unlock()
	s.work.Wait()
	s.discard()
}

var errUnsettled = errors.New("the nodes, or the database, do not answer")

// settle returns nil once no node goes by what was before the change of that
// number.
func (s *settlement) settle(ctx context.Context, seq int64) error {
	w := s.enter(seq)
	defer s.leave(w)
	late := time.NewTimer(settleTimeout)
	defer late.Stop()
	err := errUnsettled
	select {
	case <-w.done:
		return nil
	case <-late.C:
	case <-ctx.Done():
		err = ctx.Err()
	case <-s.ended.Done():
		err = errClosed
	}
	return fmt.Errorf("%w: waiting for every node to learn of it: %w", pat.ErrUnknown, err)
}

// enter has the goroutine look for one more.
func (s *settlement) enter(seq int64) *waiter {
	w := &waiter{seq: seq, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[w] = struct{}{}
	if !s.looking && s.ended.Err() == nil {
		s.looking = true
		s.work.Go(s.look)
	}
	select {
	case s.arrived <- struct{}{}:
	default: // it knows already
	}
	return w
}

func (s *settlement) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, w)
}

// wanted reports whether anybody waits; if not, the goroutine is to end.
func (s *settlement) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looking = len(s.waiting) > 0 && s.ended.Err() == nil
	return s.looking
}

// look looks at the nodes' rows for as long as somebody waits. What it saw of
// them does not outlive a failure: behind that may be another server.
func (s *settlement) look() {
	seen := watch{}
	for pause := shortestPause; s.wanted(); {
		if err := s.lookOnce(seen); err != nil {
			s.discard()
			clear(seen)
			pause *= 2
		} else {
			pause += shortestPause
		}
		pause = s.sleep(min(pause, longestPause))
	}
}

// errOtherServer is a server that does not know of a change that was committed.
var errOtherServer = errors.New("the database is not the one that changes are made in: a standby, or an old primary")

// lookOnce reads the nodes' rows, lets those go for whom they are as they
// should be, and deletes rows that were seen as they are for too long.
func (s *settlement) lookOnce(seen watch) (err error) {
	if s.session == nil {
		if s.session, err = openSession(s.ended, s.pool, lookTimeout); err != nil {
			return err
		}
	}
	committed := s.furthest()
	roll, err := s.session.readRoll(s.ended)
	switch {
	case err != nil:
		return err
	case roll.seq < committed:
		return errOtherServer
	}
	s.release(roll.applied())
	return s.session.bury(s.ended, seen.silent(roll.nodes, time.Now()))
}

// furthest is the number of the last change for which somebody waits.
func (s *settlement) furthest() (seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.waiting {
		seq = max(seq, w.seq)
	}
	return seq
}

// release lets those go whose change every node has applied.
func (s *settlement) release(applied int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.waiting {
		if w.seq <= applied {
			close(w.done)
			delete(s.waiting, w)
		}
	}
}

// sleep sleeps for pause, or, where somebody comes, for the shortest one, and
// returns which.
func (s *settlement) sleep(pause time.Duration) time.Duration {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return pause
		case <-s.ended.Done():
			return pause
		case <-s.arrived:
			if pause > shortestPause {
				pause = shortestPause
				timer.Reset(pause)
			}
		}
	}
}

func (s *settlement) discard() {
	if s.session != nil {
		s.session.close()
		s.session = nil
	}
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxGroup is how many changes share a commit at most.
const maxGroup = 64

// maxPatience bounds how long a transaction waits for callers that are about
// to ask again.
const maxPatience = 2 * time.Millisecond

// writer is the one goroutine that changes the database. Changes that wait
// while it works join its transaction, so that they share the commit, which
// is what costs.
type writer struct {
	engine  engine
	pool    *sql.DB
	log     *slog.Logger
	session *session
	// queue holds nothing: who sends to it waits, and what was received is
	// in a transaction.
	queue             chan *member
	stopping, stopped chan struct{}

	// waiting counts the callers that the writer has not received yet.
	waiting atomic.Int64
	pace    pace

	tally tally
}

// member is one change in a transaction.
type member struct {
	run     func(*session) error
	outcome chan error
	err     error
}

func newWriter(e engine, pool *sql.DB, log *slog.Logger) *writer {
	w := &writer{
		engine: e, pool: pool, log: log,
		queue: make(chan *member), stopping: make(chan struct{}), stopped: make(chan struct{}),
		pace: pace{timer: time.NewTimer(0)},
	}
	go w.loop()
	return w
}

// stop ends the goroutine after the transaction that it is in.
func (w *writer) stop() {
	close(w.stopping)
	<-w.stopped
}

func (w *writer) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}

// do has run executed in a transaction and returns nil once that is
// committed. A caller whose context ends while it waits for the writer leaves
// without having changed anything; after that it waits for the outcome.
// run may run more than once.
func (w *writer) do(ctx context.Context, run func(*session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m := &member{run: run, outcome: make(chan error, 1)}
	if err := w.enter(ctx, m); err != nil {
		return err
	}
	return <-m.outcome
}

// enter hands m to the writer.
func (w *writer) enter(ctx context.Context, m *member) error {
	w.waiting.Add(1)
	defer w.waiting.Add(-1)
	select {
	case w.queue <- m:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopping:
		return errClosed
	}
}

func (w *writer) loop() {
	defer close(w.stopped)
	for {
		select {
		case first := <-w.queue:
			members, err := w.transact(first)
			if err != nil {
				w.tally.failed.Add(1)
			}
			for _, m := range members {
				if err != nil {
					m.err = err
				}
				m.outcome <- m.err
			}
			w.tend()
		case <-w.stopping:
			w.discard()
			return
		}
	}
}

// transact runs first, and all that come while it works, in one transaction.
// Its error is that of every member; without one, each has its own.
//
// Savepoints cost a fifth of a create, and hardly anything fails after it began
// to write. So the members do without until one does; then all run again, with
// a savepoint each.
func (w *writer) transact(first *member) (members []*member, err error) {
	members = []*member{first}
	again, err := w.try(&members, w.attempt)
	if again {
		if again, err = w.try(&members, w.attemptInSavepoint); again {
			err = errors.New("a failed change could not be undone alone")
		}
	}
	return members, err
}

// try runs members, and those that join them, by attempt and commits. again
// means that one wrote something and failed, and nothing was committed.
func (w *writer) try(members *[]*member, attempt func(context.Context, *member) (clean bool, err error)) (again bool, err error) {
	ctx := context.Background() // a caller's end must not end the others
	if w.session == nil {
		if w.session, err = openSession(ctx, w.pool); err != nil {
			return false, w.notDone("connecting", err)
		}
	}
	if err := w.session.control(ctx, w.engine.begin); err != nil {
		w.discard()
		return false, w.notDone("beginning a transaction", err)
	}
	w.pace.begin()
	for i := 0; i < len(*members) || w.join(members); i++ {
		m := (*members)[i]
		var clean bool
		clean, m.err = attempt(ctx, m)
		if w.engine.judge(m.err) != own {
			w.discard()
			return false, w.notDone("changing the database", m.err)
		}
		if !clean {
			w.discard()
			return true, nil
		}
	}
	started := time.Now()
	if err := w.session.control(ctx, `COMMIT`); err != nil {
		w.discard()
		return false, fmt.Errorf("%w: committing: %w", pat.ErrUnknown, err)
	}
	w.pace.end(len(*members)+int(w.waiting.Load()), time.Since(started))
	w.tally.committed(len(*members))
	return false, nil
}

// join adds a change that waits, or comes in time, to members, if there is one
// and room for it.
func (w *writer) join(members *[]*member) bool {
	if len(*members) == maxGroup {
		return false
	}
	select {
	case m := <-w.queue:
		*members = append(*members, m)
		return true
	default:
	}
	if len(*members) >= w.pace.callers {
		return false
	}
	select {
	case m := <-w.queue:
		*members = append(*members, m)
		return true
	case <-w.pace.late():
		return false
	}
}

// attempt runs m. clean is false if something of it remains though it failed.
func (w *writer) attempt(_ context.Context, m *member) (clean bool, err error) {
	w.session.wrote = false
	err = m.guarded(w.session, w.log)
	return err == nil || !w.session.wrote, err
}

// attemptInSavepoint runs m so that nothing of it remains if it fails.
func (w *writer) attemptInSavepoint(ctx context.Context, m *member) (clean bool, err error) {
	if err := w.session.control(ctx, `SAVEPOINT member`); err != nil {
		return false, err
	}
	failure := m.guarded(w.session, w.log)
	if w.engine.judge(failure) != own {
		return false, failure
	}
	if failure != nil {
		if err := w.session.control(ctx, `ROLLBACK TO SAVEPOINT member`); err != nil {
			return false, err
		}
	}
	if err := w.session.control(ctx, `RELEASE SAVEPOINT member`); err != nil {
		return false, err
	}
	return true, failure
}

// guarded runs m and makes an error of a panic, so that it ends this change
// and no other.
func (m *member) guarded(s *session, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a change panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = fmt.Errorf("the change panicked with a %T", p)
		}
	}()
	return m.run(s)
}

// notDone is an error that happened before the commit: nothing changed.
func (w *writer) notDone(doing string, err error) error {
	if w.engine.judge(err) == broken {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s: %w", pat.ErrUnavailable, doing, err)
}

// discard closes the connection, which undoes what was not committed. The next
// transaction gets a new one.
func (w *writer) discard() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}

func (w *writer) tend() {
	if w.session == nil || w.engine.tend == nil {
		return
	}
	if err := w.engine.tend(context.Background(), w.session); err != nil {
		w.log.Warn("tending the database failed", "error", err)
		w.discard()
	}
}

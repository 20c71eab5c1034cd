package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxOpen bounds how long a transaction takes in more changes, where the
// database is slow.
const maxOpen = time.Second

// writer is the one goroutine that changes tokens. Changes that wait while it
// works join its transaction, so that they share the commit, which is what
// costs.
type writer struct {
	engine  engine
	pool    *sql.DB
	log     *slog.Logger
	session *session
	queue   *queue[*member]

	tally tally
}

// member is one change in a transaction.
type member struct {
	run     func(*session) error
	outcome chan error
	err     error
	// change is the number that the engine gave the transaction.
	change int64
}

func newWriter(e engine, pool *sql.DB, log *slog.Logger) *writer {
	w := &writer{engine: e, pool: pool, log: log, queue: newQueue[*member]()}
	go w.queue.serve(w.serve)
	return w
}

// stop ends the goroutine after the transaction that it is in.
func (w *writer) stop() {
	w.queue.stop()
	w.discard()
}

// do has run executed in a transaction and returns nil once that is
// committed. A caller whose context ends while it waits for the writer leaves
// without having changed anything; after that it waits for the outcome.
// run may run more than once.
func (w *writer) do(ctx context.Context, run func(*session) error) error {
	_, err := w.change(ctx, run)
	return err
}

// change is do for a change of tokens. It returns the number that the engine
// gave the transaction.
func (w *writer) change(ctx context.Context, run func(*session) error) (int64, error) {
	m := &member{run: run, outcome: make(chan error, 1)}
	if err := w.queue.enter(ctx, m); err != nil {
		return 0, err
	}
	err := <-m.outcome
	return m.change, err
}

// leave hands over a change of which nobody waits for the outcome. It is in the
// order of changes where it was left, and lost where its transaction fails.
func (w *writer) leave(ctx context.Context, run func(*session) error) error {
	return w.queue.enter(ctx, &member{run: run, outcome: make(chan error, 1)})
}

// serve serves first and all that join it.
func (w *writer) serve(first *member) {
	for _, m := range w.transact(first) {
		m.outcome <- m.err
	}
	w.tend()
}

// attempt is a way to run a member in a transaction. clean is false if
// something of it remains though it failed.
type attempt func(context.Context, *member) (clean bool, err error)

// transact runs first, and all that come while it works, in one transaction.
//
// Savepoints cost a fifth of a change, and hardly anything fails after it began
// to write. So the members do without until one does; then all run again, with
// a savepoint each. Where that was undone too, by a deadlock with another
// process, each gets a transaction to itself.
func (w *writer) transact(first *member) []*member {
	members := []*member{first}
	if !w.try(&members, w.plainly, true) || !w.try(&members, w.inSavepoint, true) {
		return members
	}
	for _, m := range members {
		alone := []*member{m}
		for tries := 3; w.try(&alone, w.inSavepoint, false); tries-- {
			if tries == 0 {
				w.tally.failed.Add(1)
				m.err = fmt.Errorf("%w: others keep undoing the change", pat.ErrUnavailable)
				break
			}
		}
	}
	return members
}

// try runs members, and those that may join them, and commits; then each member
// has its outcome. again means that nothing was committed and that it is worth
// another try.
func (w *writer) try(members *[]*member, run attempt, joinable bool) (again bool) {
	ctx := context.Background() // a caller's end must not end the others
	began := time.Now()
	err := w.begin(ctx)
	for err != nil && joinable && w.queue.join(members) {
		continue // who waits need not try for themselves
	}
	for i := 0; err == nil && !again && (i < len(*members) || joinable && time.Since(began) < maxOpen && w.queue.join(members)); i++ {
		again, err = w.run(ctx, (*members)[i], run)
	}
	if err == nil && !again {
		again, err = w.commit(ctx, *members)
	}
	if again || err != nil {
		w.discard()
	}
	if err != nil {
		for _, m := range *members {
			m.err = err
		}
	}
	if err != nil && !again {
		w.tally.failed.Add(1)
	}
	return again
}

// begin starts a transaction. A connection that broke while nothing happened
// is made anew once: nothing was begun on it.
func (w *writer) begin(ctx context.Context) (err error) {
	w.queue.pace.begin()
	if w.session != nil {
		if w.session.begin(ctx, w.engine.begin) == nil {
			return nil
		}
		w.discard()
	}
	if w.session, err = openSession(ctx, w.pool, w.engine.patience); err != nil {
		return w.notDone("connecting", err)
	}
	if err := w.session.begin(ctx, w.engine.begin); err != nil {
		return w.notDone("beginning a transaction", err)
	}
	return nil
}

// run runs m, whose own failure ends it alone. err ends the transaction.
func (w *writer) run(ctx context.Context, m *member, run attempt) (again bool, err error) {
	changed := len(w.session.changed)
	var clean bool
	clean, m.err = run(ctx, m)
	switch w.engine.judge(m.err) {
	case own, spoilt:
		if m.err != nil {
			w.session.changed = w.session.changed[:changed]
		}
		return !clean, nil
	case undone:
		return true, nil
	}
	return false, w.notDone("changing the database", m.err)
}

// commit commits what members did, after the engine's last step.
func (w *writer) commit(ctx context.Context, members []*member) (again bool, err error) {
	var change int64
	if w.session.asked && w.engine.number != nil {
		if change, err = w.engine.number(w.session, w.session.changed); err != nil {
			return w.engine.judge(err) == undone, w.notDone("numbering a change", err)
		}
	}
	started := time.Now()
	err = w.engine.commit(ctx, w.session)
	switch {
	case errors.Is(err, pat.ErrUnknown):
		return false, err
	case err != nil:
		return w.engine.judge(err) == undone, w.notDone("committing", err)
	}
	w.queue.committed(len(members), time.Since(started))
	w.tally.committed(len(members))
	for _, m := range members {
		m.change = change
	}
	return false, nil
}

// plainly runs m in the transaction as it is.
func (w *writer) plainly(_ context.Context, m *member) (clean bool, err error) {
	w.session.wrote = false
	err = m.guarded(w.session, w.log)
	return err == nil || !w.session.wrote && w.engine.judge(err) != spoilt, err
}

// inSavepoint runs m so that nothing of it remains if it fails.
func (w *writer) inSavepoint(ctx context.Context, m *member) (clean bool, err error) {
	if err := w.session.control(ctx, `SAVEPOINT member`); err != nil {
		return false, err
	}
	failure := m.guarded(w.session, w.log)
	if v := w.engine.judge(failure); v != own && v != spoilt {
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
func (w *writer) notDone(doing string, err error) error { return w.engine.notDone(doing, err) }

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

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxGroup is how many changes share a commit at most.
const maxGroup = 64

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

	changes, commits atomic.Int64
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
	select {
	case w.queue <- m:
		return <-m.outcome
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
func (w *writer) transact(first *member) (members []*member, err error) {
	ctx := context.Background() // a caller's end must not end the others
	members = []*member{first}
	if w.session == nil {
		if w.session, err = openSession(ctx, w.pool); err != nil {
			return members, w.notDone("connecting", err)
		}
	}
	if _, err := w.session.exec(ctx, w.engine.begin); err != nil {
		w.discard()
		return members, w.notDone("beginning a transaction", err)
	}
	for m := first; m != nil; m = w.next(&members) {
		m.err = w.attempt(ctx, m)
		if w.engine.judge(m.err) != own {
			w.discard()
			return members, w.notDone("changing the database", m.err)
		}
	}
	if _, err := w.session.exec(ctx, `COMMIT`); err != nil {
		w.discard()
		return members, fmt.Errorf("%w: committing: %w", pat.ErrUnknown, err)
	}
	w.commits.Add(1)
	w.changes.Add(int64(len(members)))
	return members, nil
}

// next adds a change that waits to members, if there is one and room for it.
func (w *writer) next(members *[]*member) *member {
	if len(*members) == maxGroup {
		return nil
	}
	select {
	case m := <-w.queue:
		*members = append(*members, m)
		return m
	default:
		return nil
	}
}

// attempt runs m so that nothing of it remains if it fails.
func (w *writer) attempt(ctx context.Context, m *member) error {
	if _, err := w.session.exec(ctx, `SAVEPOINT member`); err != nil {
		return err
	}
	failure := m.guarded(w.session, w.log)
	if failure != nil {
		if w.engine.judge(failure) != own {
			return failure
		}
		if _, err := w.session.exec(ctx, `ROLLBACK TO SAVEPOINT member`); err != nil {
			return err
		}
	}
	if _, err := w.session.exec(ctx, `RELEASE SAVEPOINT member`); err != nil {
		return err
	}
	return failure
}

// guarded runs m and makes an error of a panic, so that it ends this change
// and no other.
func (m *member) guarded(s *session, log *slog.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("a change panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the change panicked: %v", p)
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

// session is the writer's connection.
type session struct {
	*statements
	conn *sql.Conn
}

func openSession(ctx context.Context, pool *sql.DB) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{newStatements(conn), conn}, nil
}

// close closes the connection, whatever state it is in, instead of giving it
// back to the pool.
func (s *session) close() {
	s.statements.close()
	s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
}

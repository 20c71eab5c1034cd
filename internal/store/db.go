// Package store keeps tokens, the events of their changes, and the sessions of
// people who are signed in, in a database. [DB] is a [pat.Store] and a
// session.Store.
//
// There is one set of statements, in SQL that SQLite and PostgreSQL both
// read; what an engine needs besides stands in its own file and in its
// directory of migrations.
//
// All changes go through one goroutine, which lets those that wait share a
// commit and answers none of them before it. So do new tokens, on PostgreSQL
// through a goroutine of their own. Reading goes through a pool of connections,
// each statement by itself.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine  engine
	readers *sql.DB
	reading *statements
	lists   map[selection]string
	writers *sql.DB
	writer  *writer
	// creator keeps new tokens where the writer does not.
	creator *creator
	// settlement and nodes are there where many processes use the database.
	settlement *settlement
	nodes      *Nodes
	lock       io.Closer
	close      func() error
	// migration is what opening did to the schema.
	migration Migration
	// changed is told the digest of every token that may have changed, before
	// the change is answered.
	changed func(pat.Digest)
}

var (
	errClosed = fmt.Errorf("%w: the database is closed", pat.ErrUnavailable)
	errInUse  = errors.New("another process has it open: stop that one, or give this one a database of its own")
)

// engine is what differs between databases besides their migrations. What is
// nil an engine does without.
type engine struct {
	// begin starts a transaction that is going to write.
	begin string
	// commit commits it. Its error is [pat.ErrUnknown] unless nothing was
	// committed for certain.
	commit func(context.Context, *session) error
	// judge tells what an error of the driver means.
	judge func(error) verdict
	// severed tells of an error that the connection to the server was lost.
	severed func(error) bool
	// patience bounds how long a statement may take.
	patience time.Duration
	// recordUses records uses; of several of one token the latest is kept.
	recordUses func(*session, []pat.Usage) error
	// usages reads them.
	usages usageQuery
	// number runs last before the commit of a transaction that changed tokens,
	// or saw that a change has been made before. It gives the transaction a
	// number, and settle, once it is committed and before that is answered,
	// makes sure that nobody goes by what was before.
	number func(s *session, changed []pat.Digest) (change int64, err error)
	settle func(ctx context.Context, change int64) error
	// tend runs between transactions, from time to time.
	tend func(context.Context, *session) error
	// cut closes every connection, whoever uses it.
	cut func()
}

// notDone is an error that happened before a commit: nothing changed.
func (e engine) notDone(doing string, err error) error {
	if e.judge(err) == broken {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%w: %s: %w", pat.ErrUnavailable, doing, err)
}

// verdict is what an error means to the transaction in which it happened.
type verdict uint8

const (
	// own concerns only the statement, or did not come from the database.
	own verdict = iota
	// spoilt concerns only the statement, but the transaction can do nothing
	// more unless it goes back to a savepoint.
	spoilt
	// undone ends the transaction, whose statements may run again in another.
	undone
	// unavailable ends the transaction; a later one may succeed.
	unavailable
	// broken ends the transaction, and trying again will not help.
	broken
)

// newDB starts the writer. The DB owns both pools and lock.
func newDB(e engine, readers, writers *sql.DB, lock io.Closer, log *slog.Logger) *DB {
	db := &DB{
		engine: e, readers: readers, reading: newStatements(readers, e.patience), lists: map[selection]string{}, writers: writers,
		writer: newWriter(e, writers, log), lock: lock, changed: func(pat.Digest) {},
	}
	db.reading.severed = e.severed
	for _, s := range selections() {
		db.lists[s] = s.text()
	}
	db.close = sync.OnceValue(func() error {
		db.writer.stop()
		if db.creator != nil {
			db.creator.stop()
		}
		if db.settlement != nil {
			db.settlement.stop()
		}
		return errors.Join(db.readers.Close(), db.writers.Close(), db.lock.Close())
	})
	return db
}

// OnChange has invalidate called with the digest of every token that may have
// changed, after the change is committed and before it is answered. It must be
// called before the first change.
func (db *DB) OnChange(invalidate func(pat.Digest)) { db.changed = invalidate }

// Close lets the changes that the writer has begun end, refuses the others
// with [pat.ErrUnavailable], and releases the database. Closing again does
// nothing.
func (db *DB) Close() error { return db.close() }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var keys int
	err := db.reading.row(ctx, `SELECT count(*) FROM server_key`).Scan(&keys)
	return db.readFault(ctx, err)
}

// Nodes is how a process that is one of many asks the database about the
// others; nil where it has the database for itself.
func (db *DB) Nodes() *Nodes { return db.nodes }

// Reconnect closes every connection to the database server, also those in use,
// whose calls fail; calls to come get new ones. Without a server it does
// nothing.
func (db *DB) Reconnect() {
	if db.engine.cut != nil {
		db.engine.cut()
	}
}

// readFault is what an error of a read is to the caller.
func (db *DB) readFault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case db.writer.queue.isStopping():
		return errClosed
	case db.engine.judge(err) == unavailable:
		return errors.Join(pat.ErrUnavailable, err)
	}
	return err
}

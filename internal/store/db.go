// Package store keeps tokens and the events of their changes in a database.
// [DB] is a [pat.Store].
//
// There is one set of statements, in SQL that SQLite and PostgreSQL both
// read; what an engine needs besides stands in its own file and in its
// directory of migrations.
//
// All writing goes through one goroutine, which lets the changes that wait
// share a commit and answers none of them before it. Reading goes through a
// pool of connections that cannot write.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

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
	lock    io.Closer
	close   func() error
	// changed is told the digest of every token that may have changed, before
	// the change is answered.
	changed func(pat.Digest)
}

var (
	errClosed = fmt.Errorf("%w: the database is closed", pat.ErrUnavailable)
	errInUse  = errors.New("another process has it open: stop that one, or give this one a database of its own")
)

// engine is what differs between databases besides their migrations.
type engine struct {
	// begin starts a transaction that is going to write.
	begin string
	// judge tells what an error of the driver means.
	judge func(error) verdict
	// tend runs between transactions, from time to time.
	tend func(context.Context, *session) error
}

// verdict is what an error means to the transaction in which it happened.
type verdict uint8

const (
	// own concerns only the statement, or did not come from the database.
	own verdict = iota
	// unavailable ends the transaction; a later one may succeed.
	unavailable
	// broken ends the transaction, and trying again will not help.
	broken
)

// newDB starts the writer. The DB owns both pools and lock.
func newDB(e engine, readers, writers *sql.DB, lock io.Closer, log *slog.Logger) *DB {
	db := &DB{
		engine: e, readers: readers, reading: newStatements(readers), lists: map[selection]string{}, writers: writers,
		writer: newWriter(e, writers, log), lock: lock, changed: func(pat.Digest) {},
	}
	for _, s := range selections() {
		db.lists[s] = s.text()
	}
	db.close = sync.OnceValue(func() error {
		db.writer.stop()
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

// readFault is what an error of a read is to the caller.
func (db *DB) readFault(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case db.writer.isStopping():
		return errClosed
	case db.engine.judge(err) == unavailable:
		return errors.Join(pat.ErrUnavailable, err)
	}
	return err
}

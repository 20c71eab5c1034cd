package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/patrolhq/patrol/internal/pat"
)

//go:embed migrations/sqlite/*.sql
var sqliteMigrations embed.FS

// busyTimeout is how long a connection waits for another process.
const busyTimeout = 5 * time.Second

// maxReaders bounds the connections that read.
const maxReaders = 4

// OpenSQLite opens the SQLite database at path, and creates it, readable by
// nobody else, where there is none. It brings the schema up to date and
// refuses a database that a newer program has changed. One process has the
// database at a time: a lock on the file path+".lock", which ends with its
// holder, keeps others out.
func OpenSQLite(ctx context.Context, path string, log *slog.Logger) (_ *DB, err error) {
	if err := createPrivate(path); err != nil {
		return nil, fmt.Errorf("creating the database: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	writers, err := sql.Open("sqlite", sqliteDSN(path, "cache_size(-8192)"))
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	readers, err := sql.Open("sqlite", sqliteDSN(path, "cache_size(-2048)", "query_only(1)"))
	if err != nil {
		return nil, errors.Join(err, writers.Close(), lock.Close())
	}
	writers.SetMaxOpenConns(1)
	readers.SetMaxOpenConns(maxReaders)
	readers.SetMaxIdleConns(maxReaders)
	readers.SetConnMaxIdleTime(5 * time.Minute) // an idle service keeps no caches
	var migrated Migration
	migrations, err := fs.Sub(sqliteMigrations, "migrations/sqlite")
	if err == nil {
		migrated, err = migrate(ctx, goose.DialectSQLite3, writers, migrations, log)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database %s: %w", path, err), readers.Close(), writers.Close(), lock.Close())
	}
	engine := engine{
		begin: `BEGIN IMMEDIATE`, commit: commitSQLite, judge: judgeSQLite, recordUses: recordUsesSQLite, usages: usagesSQLite,
		tend: (&walKeeper{path: path + "-wal"}).tend,
	}
	db := newDB(engine, readers, writers, lock, log)
	db.migration = migrated
	return db, nil
}

// createPrivate creates the file for its owner alone, and its directory. SQLite
// gives the files beside it the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// sqliteDSN has every connection wait for locks and every commit reach the
// disk before it returns (synchronous=FULL; NORMAL may lose the last commits
// when the power fails).
func sqliteDSN(path string, pragmas ...string) string {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			fmt.Sprintf("wal_autocheckpoint(%d)", walPages),
		}, pragmas...),
	}
	return fileDSN(path, query)
}

func fileDSN(path string, query url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// commitSQLite takes every failure for an unknown outcome.
func commitSQLite(ctx context.Context, s *session) error {
	if err := s.control(ctx, `COMMIT`); err != nil {
		return fmt.Errorf("%w: committing: %w", pat.ErrUnknown, err)
	}
	return nil
}

// recordUsesSQLite records each use by a statement of its own, which costs no
// way to a server.
func recordUsesSQLite(s *session, uses []pat.Usage) error {
	for _, u := range uses {
		if _, err := s.exec(recordUse, useArguments(u)...); err != nil {
			return err
		}
	}
	return nil
}

// usagesSQLite has a parameter for each id of a page; those that are not needed
// repeat the last.
var usagesSQLite = usageQuery{
	text: `SELECT ` + usageColumns + `
	FROM token LEFT JOIN token_usage u ON u.bucket = $1 AND u.token = token.id
	WHERE token.bucket = $1 AND token.owner = $2 AND token.id IN (` + parameters(3, pat.MaxPage) + `)`,
	ids: func(ids []pat.UUID) (arguments []any) {
		for i := range pat.MaxPage {
			arguments = append(arguments, ids[min(i, len(ids)-1)][:])
		}
		return arguments
	},
}

// parameters are n of them from the first.
func parameters(first, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(list, ", ")
}

// judgeSQLite judges by the result code. What ends a transaction in SQLite may
// have rolled it back already, so that later statements would run outside:
// only a violated constraint is known to leave it as it was.
func judgeSQLite(err error) verdict {
	failure, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn):
		return unavailable
	case !ok:
		return own
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT:
		return own
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return unavailable
	}
	return broken
}

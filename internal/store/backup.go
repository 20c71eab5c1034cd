package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"modernc.org/sqlite"
)

// Backup is what a copy of a database holds.
type Backup struct {
	Tokens, Events, Bytes int64
}

// BackupSQLite copies the SQLite database at path to a new file at output that
// only its owner can read. The database may be in use: the copy is of one
// moment after the call began, and holds every change that was answered before
// it. It returns once the copy was checked and has reached the disk; if it
// fails there is no file at output.
func BackupSQLite(ctx context.Context, path, output string) (_ Backup, err error) {
	if _, err := os.Stat(path); err != nil {
		return Backup{}, fmt.Errorf("database: %w", err)
	}
	reserved, err := os.OpenFile(output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return Backup{}, fmt.Errorf("%s exists, and a backup overwrites nothing: name another file", output)
	} else if err != nil {
		return Backup{}, fmt.Errorf("backup: %w", err)
	}
	defer func() {
		if err != nil {
			os.Remove(output)
		}
	}()
	if err := reserved.Close(); err != nil {
		return Backup{}, fmt.Errorf("backup: %w", err)
	}
	partial, err := os.CreateTemp(filepath.Dir(output), "."+filepath.Base(output)+"-*.partial") // mode 0600
	if err != nil {
		return Backup{}, fmt.Errorf("backup: %w", err)
	}
	defer os.Remove(partial.Name()) // fails once renamed, as it should
	defer partial.Close()
	rows, err := copySQLite(ctx, path, partial.Name())
	if err != nil {
		return Backup{}, fmt.Errorf("copying the database: %w", err)
	}
	if err := checkCopy(ctx, partial.Name(), rows); err != nil {
		return Backup{}, fmt.Errorf("the copy is not good: %w", err)
	}
	info, err := partial.Stat()
	if err = errors.Join(err, partial.Sync()); err != nil {
		return Backup{}, fmt.Errorf("backup: %w", err)
	}
	if err := replaceDurably(partial.Name(), output); err != nil {
		return Backup{}, fmt.Errorf("backup: %w", err)
	}
	return Backup{Tokens: rows["token"], Events: rows["event"], Bytes: info.Size()}, nil
}

// copySQLite copies all pages as they are at one moment, and returns how many
// rows each table had then. Others may go on writing.
func copySQLite(ctx context.Context, path, to string) (rows map[string]int64, err error) {
	pool, err := sql.Open("sqlite", fileDSN(path, url.Values{"mode": {"ro"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}}))
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	tx, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer tx.Close()
	if _, err := tx.ExecContext(ctx, `BEGIN`); err != nil { // the first read fixes the moment
		return nil, err
	}
	if rows, err = countRows(ctx, tx); err != nil {
		return nil, err
	}
	if _, ours := rows["server_key"]; !ours {
		return nil, fmt.Errorf("%s is no database of Patrol", path)
	}
	err = tx.Raw(func(driverConn any) error {
		source, ok := driverConn.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver makes no backups")
		}
		backup, err := source.NewBackup(fileDSN(to, url.Values{}))
		if err != nil {
			return err
		}
		return cmp.Or(copyPages(ctx, backup), backup.Finish())
	})
	return rows, err
}

// stepPages is how many pages are copied between two looks at the context.
const stepPages = 1024

func copyPages(ctx context.Context, backup *sqlite.Backup) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if more, err = backup.Step(stepPages); err != nil {
			return err
		}
	}
	return nil
}

// checkCopy has SQLite check the whole file, and compares the rows.
func checkCopy(ctx context.Context, path string, want map[string]int64) error {
	pool, err := sql.Open("sqlite", fileDSN(path, url.Values{"mode": {"ro"}, "immutable": {"1"}}))
	if err != nil {
		return err
	}
	defer pool.Close()
	var verdict string
	if err := pool.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	have, err := countRows(ctx, pool)
	if err != nil {
		return err
	}
	if !maps.Equal(want, have) {
		return fmt.Errorf("its tables have %v rows, those of the database had %v", have, want)
	}
	return nil
}

// countRows counts the rows of each table.
func countRows(ctx context.Context, db querier) (map[string]int64, error) {
	tables, err := db.QueryContext(ctx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return nil, err
	}
	defer tables.Close()
	rows := map[string]int64{}
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			return nil, err
		}
		rows[name] = 0
	}
	if err := tables.Err(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		var n int64
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			return nil, err
		}
		rows[name] = n
	}
	return rows, nil
}

// querier is a connection or a pool of them.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// replaceDurably renames a file, so that the rename outlives a power cut.
func replaceDurably(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // it has no such call for directories
	}
	directory, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

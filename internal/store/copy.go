package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// CopyOptions are what may be said of a copy. The zero value is usable.
type CopyOptions struct {
	PostgresOptions
	// Progress is told, from time to time, what is being done to which table,
	// and how many of its rows are done.
	Progress func(doing, table string, rows, of int64)
}

// Copied is a table that was copied.
type Copied struct {
	Table string
	Rows  int64
	// Digest is a SHA-256 of all rows in the order of their keys.
	Digest [32]byte
}

// copiedTables are the tables that a service fills, with their keys. What other
// tables hold belongs to the schema, or to processes that run.
var copiedTables = []struct{ name, key string }{
	{"server_key", "id"},
	{"owner_bucket", "owner, bucket"},
	{"token", "bucket, id"},
	{"event", "bucket, id"},
	{"token_usage", "bucket, token"},
	{"console_session", "id"}, // so that moving signs nobody out
}

// CopySQLite copies every row of the SQLite database at path into the
// PostgreSQL database at a URL, where it makes the schema, and which must be
// empty. It brings the schema of both up to date, and holds the lock of the
// file, so that no service changes what is being copied. It reads both again
// and compares them before it commits; if it fails, no row has been copied.
func CopySQLite(ctx context.Context, path, url string, o CopyOptions, log *slog.Logger) (tables []Copied, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	source, err := OpenSQLite(ctx, path, log)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	config, err := postgresConfig(url, &links{open: map[*link]struct{}{}})
	if err != nil {
		return nil, err
	}
	if _, err = preparePostgres(ctx, config, o.PostgresOptions, log); err == nil {
		tables, err = copyInto(ctx, config, source.readers, o.Progress)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s on %s: %w", config.Database, config.Host, err)
	}
	return tables, nil
}

// copyInto copies in one transaction.
func copyInto(ctx context.Context, config *pgx.ConnConfig, source *sql.DB, progress func(doing, table string, rows, of int64)) ([]Copied, error) {
	conn, err := pgx.ConnectConfig(ctx, patient(config))
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, err
	}
	if err := claimEmpty(ctx, tx); err != nil {
		return nil, err
	}
	c := copier{source: source, tx: tx, progress: progress}
	for _, step := range []func(context.Context, string, string) error{c.copy, c.verify} {
		for _, table := range copiedTables {
			if err := step(ctx, table.name, table.key); err != nil {
				return nil, fmt.Errorf("table %s: %w", table.name, err)
			}
		}
	}
	if _, err := tx.Exec(ctx, `ANALYZE `+tableNames()); err != nil {
		return nil, fmt.Errorf("making statistics: %w", err)
	}
	if err := tx.Commit(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("committing: %w; try again: where it was committed all the same, that tells", err)
	}
	if code := conn.PgConn().CustomData()[warning]; code != nil {
		return nil, fmt.Errorf("the copy is complete, but the server committed it with the warning %v, perhaps without its standby: see to that before it is used", code)
	}
	return c.done, nil
}

func tableNames() string {
	names := make([]string, len(copiedTables))
	for i, table := range copiedTables {
		names[i] = table.name
	}
	return strings.Join(names, ", ")
}

// claimEmpty keeps others from writing to the tables until tx ends, and refuses
// tables that hold anything.
func claimEmpty(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `LOCK TABLE `+tableNames()+` IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return fmt.Errorf("locking the tables: %w", err)
	}
	for _, table := range copiedTables {
		var filled bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+table.name+`)`).Scan(&filled); err != nil {
			return fmt.Errorf("looking whether table %s is empty: %w", table.name, err)
		}
		if filled {
			return fmt.Errorf("table %s has rows, and a copy overwrites nothing: name a database that no service has used", table.name)
		}
	}
	return nil
}

// copier copies tables, and then compares them.
type copier struct {
	source   *sql.DB
	tx       pgx.Tx
	progress func(doing, table string, rows, of int64)
	done     []Copied
}

// copy copies a table in the order of its key, by which all its indexes but one
// begin.
func (c *copier) copy(ctx context.Context, table, key string) error {
	from, err := readSQLite(ctx, c.source, table, key)
	if err != nil {
		return err
	}
	defer from.rows.Close()
	if err := c.sameColumns(ctx, table, from.columns); err != nil {
		return err
	}
	told, err := c.telling(ctx, "copying", table, from)
	if err != nil {
		return err
	}
	if _, err := c.tx.CopyFrom(ctx, pgx.Identifier{table}, from.columns, told); err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return nil
}

// sameColumns refuses to leave a column out.
func (c *copier) sameColumns(ctx context.Context, table string, columns []string) error {
	rows, err := c.tx.Query(ctx, `SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped`, table)
	if err != nil {
		return err
	}
	theirs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	ours := slices.Sorted(slices.Values(columns))
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		return fmt.Errorf("it has the columns %q in SQLite and %q in PostgreSQL", ours, theirs)
	}
	return nil
}

// errTampered is a copy that is not what was copied.
var errTampered = errors.New("the copy differs from what was copied, and was undone: look for triggers, rules, or others that write to the database")

// verify reads a table from both databases and compares the rows.
func (c *copier) verify(ctx context.Context, table, key string) error {
	ours, err := readSQLite(ctx, c.source, table, key)
	if err != nil {
		return err
	}
	defer ours.rows.Close()
	want, err := summarize(table, ours)
	if err != nil {
		return fmt.Errorf("reading it from SQLite: %w", err)
	}
	theirs, err := c.tx.Query(ctx, `SELECT `+strings.Join(ours.columns, ", ")+` FROM `+table+` ORDER BY `+key)
	if err != nil {
		return err
	}
	defer theirs.Close()
	told, err := c.telling(ctx, "comparing", table, theirs)
	if err != nil {
		return err
	}
	have, err := summarize(table, told)
	switch {
	case err != nil:
		return fmt.Errorf("reading it from PostgreSQL: %w", err)
	case have != want:
		return fmt.Errorf("%w: %d rows, want %d", errTampered, have.Rows, want.Rows)
	}
	c.done = append(c.done, have)
	return nil
}

// telling is rows, whose progress is told.
func (c *copier) telling(ctx context.Context, doing, table string, rows pgx.CopyFromSource) (pgx.CopyFromSource, error) {
	if c.progress == nil {
		return rows, nil
	}
	told := &toldRows{CopyFromSource: rows}
	if err := c.source.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&told.of); err != nil {
		return nil, err
	}
	told.tell = func(done int64) { c.progress(doing, table, done, told.of) }
	return told, nil
}

// toldRows are rows whose progress is told.
type toldRows struct {
	pgx.CopyFromSource
	done, of int64
	tell     func(done int64)
}

// Next goes to the next row.
func (r *toldRows) Next() bool {
	if !r.CopyFromSource.Next() {
		r.tell(r.done)
		return false
	}
	if r.done++; r.done%10_000 == 0 {
		r.tell(r.done)
	}
	return true
}

package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// sqliteRows are the rows of a table, as [pgx.Rows] has them.
type sqliteRows struct {
	rows    *sql.Rows
	columns []string
	values  []any
	into    []any
}

// readSQLite reads a whole table in the order of its key.
func readSQLite(ctx context.Context, source *sql.DB, table, key string) (*sqliteRows, error) {
	rows, err := source.QueryContext(ctx, `SELECT * FROM `+table+` ORDER BY `+key) //nolint:rowserrcheck // who reads them asks
	if err != nil {
		return nil, err
	}
	columns, err := rows.Columns()
	if err != nil {
		rows.Close() //nolint:sqlclosecheck // else the caller closes them
		return nil, err
	}
	r := &sqliteRows{rows: rows, columns: columns, values: make([]any, len(columns)), into: make([]any, len(columns))}
	for i := range r.values {
		r.into[i] = &r.values[i]
	}
	return r, nil
}

// Next goes to the next row.
func (r *sqliteRows) Next() bool { return r.rows.Next() }

// Values is the row, until the next.
func (r *sqliteRows) Values() ([]any, error) {
	err := r.rows.Scan(r.into...)
	return r.values, err
}

// Err is why there are no more rows, if that is not that they have ended.
func (r *sqliteRows) Err() error { return r.rows.Err() }

// summarize counts rows and digests them, as they come.
func summarize(table string, rows pgx.CopyFromSource) (Copied, error) {
	summary := Copied{Table: table}
	hash := sha256.New()
	var encoded []byte
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return Copied{}, err
		}
		encoded = encoded[:0]
		for i, value := range values {
			if encoded, err = appendValue(encoded, value); err != nil {
				return Copied{}, fmt.Errorf("column %d: %w", i, err)
			}
		}
		hash.Write(encoded)
		summary.Rows++
	}
	hash.Sum(summary.Digest[:0])
	return summary, rows.Err()
}

// appendValue encodes a value so that no two rows of a table look alike,
// whichever database they are from: its kind, its length unless it is a number,
// and itself.
func appendValue(to []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case int32:
		return binary.BigEndian.AppendUint64(append(to, 'i'), uint64(int64(value))), nil
	case int64:
		return binary.BigEndian.AppendUint64(append(to, 'i'), uint64(value)), nil
	case string:
		return append(binary.BigEndian.AppendUint64(append(to, 't'), uint64(len(value))), value...), nil
	case []byte:
		return append(binary.BigEndian.AppendUint64(append(to, 'b'), uint64(len(value))), value...), nil
	}
	return nil, fmt.Errorf("it holds a %T, which no column of ours does: somebody wrote to the database", value)
}

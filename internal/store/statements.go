package store

import (
	"context"
	"database/sql"
	"sync"
)

// preparer is a pool or a connection.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements prepares each text once.
type statements struct {
	on       preparer
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func newStatements(on preparer) *statements {
	return &statements{on: on, prepared: map[string]*sql.Stmt{}}
}

func (s *statements) get(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	stmt := s.prepared[text]
	s.mu.RUnlock()
	if stmt != nil {
		return stmt, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.prepared[text]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.on.PrepareContext(ctx, text)
	if err == nil {
		s.prepared[text] = stmt
	}
	return stmt, err
}

// exec runs a statement and returns the number of rows that it changed.
func (s *statements) exec(ctx context.Context, text string, args ...any) (int64, error) {
	stmt, err := s.get(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query runs a statement and calls each for every row.
func (s *statements) query(ctx context.Context, each func(scan func(...any) error) error, text string, args ...any) error {
	stmt, err := s.get(ctx, text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// row is the result of a statement that yields at most one row.
func (s *statements) row(ctx context.Context, text string, args ...any) row {
	stmt, err := s.get(ctx, text)
	if err != nil {
		return row{err: err}
	}
	return row{row: stmt.QueryRowContext(ctx, args...)}
}

// row is a [sql.Row] that may be an error.
type row struct {
	row *sql.Row
	err error
}

// Scan is that of [sql.Row].
func (r row) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.row.Scan(into...)
}

func (s *statements) close() {
	for _, stmt := range s.prepared {
		stmt.Close()
	}
}

package store

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// preparer is a pool or a connection.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// statements prepares each text once.
type statements struct {
	on preparer
	// patience bounds how long one may take, where it is not zero.
	patience time.Duration
	// severed, if there is one, tells of an error that the connection was lost:
	// then a query, which changes nothing, is asked once more.
	severed  func(error) bool
	mu       sync.RWMutex
	prepared map[string]*sql.Stmt
}

func newStatements(on preparer, patience time.Duration) *statements {
	return &statements{on: on, patience: patience, prepared: map[string]*sql.Stmt{}}
}

// bound is ctx for as long as a statement may take.
func (s *statements) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.patience)
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
	ctx, cancel := s.bound(ctx)
	defer cancel()
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
	ctx, cancel := s.bound(ctx)
	defer cancel()
	rows, err := s.rows(ctx, text, args)
	if err != nil && s.severed != nil && s.severed(err) {
		rows, err = s.rows(ctx, text, args)
	}
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

func (s *statements) rows(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// row reads the result of a statement that yields at most one row. Without one
// its error is [sql.ErrNoRows].
func (s *statements) row(ctx context.Context, text string, args ...any) row {
	return func(into ...any) error {
		err := sql.ErrNoRows
		failure := s.query(ctx, func(scan func(...any) error) error {
			err = scan(into...)
			return err
		}, text, args...)
		if failure != nil {
			return failure
		}
		return err
	}
}

// row scans a row like [sql.Row].
type row func(into ...any) error

// Scan copies the columns.
func (r row) Scan(into ...any) error { return r(into...) }

func (s *statements) close() {
	for _, stmt := range s.prepared {
		stmt.Close()
	}
}

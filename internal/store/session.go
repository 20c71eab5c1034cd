package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// session is a connection that writes.
type session struct {
	*statements
	conn *sql.Conn
	// wrote tells that a change has written something.
	wrote bool
	// asked tells that the transaction has answered what a token is after a
	// change of it, and changed of which tokens it has changed the row.
	asked   bool
	changed []pat.Digest
}

func openSession(ctx context.Context, pool *sql.DB, patience time.Duration) (*session, error) {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{statements: newStatements(conn, patience), conn: conn}, nil
}

// prepare prepares a statement, which changes nothing.
func (s *session) prepare(ctx context.Context, text string) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	_, err := s.get(ctx, text) //nolint:sqlclosecheck // it is kept, and closed with the session
	return err
}

// begin starts a transaction.
func (s *session) begin(ctx context.Context, text string) error {
	s.asked, s.changed = false, s.changed[:0]
	return s.control(ctx, text)
}

// exec runs a statement of a change and returns the number of rows that it
// changed. A statement that fails changes nothing.
func (s *session) exec(text string, arguments ...any) (int64, error) {
	changed, err := s.statements.exec(context.Background(), text, arguments...)
	s.wrote = s.wrote || err == nil
	return changed, err
}

// control runs a statement that begins or ends something.
func (s *session) control(ctx context.Context, text string) error {
	_, err := s.statements.exec(ctx, text)
	return err
}

// close closes the connection, which undoes what was not committed, instead of
// giving it back to the pool.
func (s *session) close() {
	s.statements.close()
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
}

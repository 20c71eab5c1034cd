package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
)

// session is the writer's connection.
type session struct {
	*statements
	conn *sql.Conn
	// wrote tells that a change has written something.
	wrote bool
}

func openSession(ctx context.Context, pool *sql.DB) (*session, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{statements: newStatements(conn), conn: conn}, nil
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

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// judgePostgres judges by the class of the SQLSTATE, and what did not come
// from the server by whether the connection failed.
func judgePostgres(err error) verdict {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok && (severedPostgres(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)):
		return unavailable
	case !ok:
		return own
	}
	switch failure.Code {
	case "25006", // the server is a standby, or takes no writes
		"25P03", "25P04", // the transaction took too long
		"55P03", // a lock took too long
		"57014": // the statement took too long
		return unavailable
	}
	switch failure.Code[:min(2, len(failure.Code))] {
	case "22", "23": // data, constraints
		return spoilt
	case "40": // serialization, deadlock
		return undone
	case "08", "53", "57", "58": // connection, resources, shutdown, disk
		return unavailable
	}
	return broken
}

// severedPostgres reports whether err tells of a connection that was lost, or
// could not be made, rather than of an answer.
func severedPostgres(err error) bool {
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failure.SeverityUnlocalized != "ERROR"
	}
	_, network := errors.AsType[net.Error](err)
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	return !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) &&
		(network || connecting || isUnsent(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed))
}

// isRefused reports whether the server answered a statement with an error, by
// which it undid what the statement did, its commit included. What is FATAL may
// have come after the commit.
func isRefused(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.SeverityUnlocalized == "ERROR"
}

// isForbidden reports whether the role lacks a right.
func isForbidden(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failure.Code == "42501"
}

// isUnsent reports whether nothing of a statement was sent for certain.
func isUnsent(err error) bool {
	return errors.Is(err, errNotSent) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || pgconn.SafeToRetry(err)
}

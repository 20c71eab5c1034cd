package session

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNone is the error where there is no such session, or none any more.
	ErrNone = errors.New("no such session")
	// ErrChanged is the error where another request changed the session first.
	ErrChanged = errors.New("the session was changed meanwhile")
)

// Store keeps the records of sessions. Its methods may be called concurrently.
type Store interface {
	// AddSession keeps a new session.
	AddSession(ctx context.Context, r Record) error
	// Session is the record with that id, or [ErrNone].
	Session(ctx context.Context, id ID) (Record, error)
	// SaveSession replaces Data and Seen where the stored version is r.Version,
	// which it raises by one. It is [ErrChanged] where the version is another,
	// and [ErrNone] where there is no such session: none comes back.
	SaveSession(ctx context.Context, r Record) error
	// SeeSession replaces Seen where there is such a session. It may return
	// before that is durable.
	SeeSession(ctx context.Context, id ID, at time.Time) error
	// EndSessions deletes those of the owner's sessions that have these ids, and
	// returns how many there were.
	EndSessions(ctx context.Context, owner string, ids ...ID) (ended int, err error)
	// SessionsOf are the owner's sessions without Data, the last used first.
	SessionsOf(ctx context.Context, owner string) ([]Record, error)
	// SweepSessions deletes the sessions that were last seen before a moment, or
	// end by now, and returns how many there were.
	SweepSessions(ctx context.Context, seenBefore, now time.Time) (swept int, err error)
}

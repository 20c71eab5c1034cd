package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	websession "github.com/patrolhq/patrol/internal/session"
)

// The statements on the sessions of people.
const (
	sessionColumns = `id, owner, version, created_at, seen_at, ends_at, agent, address`
	insertSession  = `INSERT INTO console_session (` + sessionColumns + `, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	findSession    = `SELECT ` + sessionColumns + `, data FROM console_session WHERE id = $1`
	saveSession    = `UPDATE console_session SET version = version + 1, seen_at = $3, data = $4 WHERE id = $1 AND version = $2`
	seeSession     = `UPDATE console_session SET seen_at = $2 WHERE id = $1`
	endSession     = `DELETE FROM console_session WHERE id = $1 AND owner = $2`
	listSessions   = `SELECT ` + sessionColumns + ` FROM console_session WHERE owner = $1 ORDER BY seen_at DESC, id DESC`
	sweepUnused    = `DELETE FROM console_session WHERE id IN (
		SELECT id FROM console_session WHERE seen_at < 9223372036854775807 AND seen_at < $1 ORDER BY seen_at LIMIT $2)`
	sweepEnded = `DELETE FROM console_session WHERE id IN (
		SELECT id FROM console_session WHERE ends_at < 9223372036854775807 AND ends_at <= $1 ORDER BY ends_at LIMIT $2)`
)

// sessionsPerChange bounds how long the end of many sessions holds up other
// changes.
const sessionsPerChange = 256

// AddSession keeps a new session.
func (db *DB) AddSession(ctx context.Context, r websession.Record) error {
	return db.writer.do(ctx, func(s *session) error {
		_, err := s.exec(insertSession, r.ID[:], r.Owner, r.Version, r.Created.UnixMicro(), r.Seen.UnixMicro(), r.Ends.UnixMicro(),
			text(r.Agent), text(r.Address), r.Data)
		if err != nil {
			return fmt.Errorf("inserting a session: %w", err)
		}
		return nil
	})
}

// Session is the record with that id, or [websession.ErrNone].
func (db *DB) Session(ctx context.Context, id websession.ID) (websession.Record, error) {
	var r websession.Record
	err := scanSession(&r, db.reading.row(ctx, findSession, id[:]).Scan, &r.Data)
	if errors.Is(err, sql.ErrNoRows) {
		return websession.Record{}, websession.ErrNone
	}
	return r, db.readFault(ctx, err)
}

// SaveSession replaces the data of a session, and when it was seen, where its
// version is r's.
func (db *DB) SaveSession(ctx context.Context, r websession.Record) error {
	return db.writer.do(ctx, func(s *session) error {
		saved, err := s.exec(saveSession, r.ID[:], r.Version, r.Seen.UnixMicro(), r.Data)
		if err != nil {
			return fmt.Errorf("updating a session: %w", err)
		}
		if saved == 1 {
			return nil
		}
		var stored websession.Record
		switch err := scanSession(&stored, s.row(context.Background(), findSession, r.ID[:]).Scan, &stored.Data); {
		case errors.Is(err, sql.ErrNoRows):
			return websession.ErrNone
		case err != nil:
			return fmt.Errorf("reading a session: %w", err)
		}
		return websession.ErrChanged
	})
}

// SeeSession notes when a session was seen. It returns once the writer has taken
// that, and waits for no commit: a note that is lost is made again at the next
// use.
func (db *DB) SeeSession(ctx context.Context, id websession.ID, at time.Time) error {
	return db.writer.leave(ctx, func(s *session) error {
		if _, err := s.exec(seeSession, id[:], at.UnixMicro()); err != nil {
			return fmt.Errorf("noting the use of a session: %w", err)
		}
		return nil
	})
}

// EndSessions deletes those of the owner's sessions that have these ids, in the
// order of ids, so that two nodes seldom wait for each other.
func (db *DB) EndSessions(ctx context.Context, owner string, ids ...websession.ID) (ended int, err error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b websession.ID) int { return bytes.Compare(a[:], b[:]) })
	for some := range slices.Chunk(ids, sessionsPerChange) {
		var deleted int
		err := db.writer.do(ctx, func(s *session) error {
			deleted = 0
			for _, id := range some {
				n, err := s.exec(endSession, id[:], owner)
				if err != nil {
					return fmt.Errorf("deleting a session: %w", err)
				}
				deleted += int(n)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		ended += deleted
	}
	return ended, nil
}

// SessionsOf are the owner's sessions without their data, the last used first.
func (db *DB) SessionsOf(ctx context.Context, owner string) (all []websession.Record, err error) {
	err = db.reading.query(ctx, func(scan func(...any) error) error {
		var r websession.Record
		err := scanSession(&r, scan)
		all = append(all, r)
		return err
	}, listSessions, owner)
	if err != nil {
		return nil, db.readFault(ctx, fmt.Errorf("reading sessions: %w", err))
	}
	return all, nil
}

// SweepSessions deletes the sessions that were last seen before a moment, or end
// by now.
func (db *DB) SweepSessions(ctx context.Context, seenBefore, now time.Time) (swept int, err error) {
	for _, sweep := range []struct {
		text  string
		until time.Time
	}{{sweepUnused, seenBefore}, {sweepEnded, now}} {
		for more := true; more; {
			var deleted int64
			err := db.writer.do(ctx, func(s *session) (err error) {
				deleted, err = s.exec(sweep.text, sweep.until.UnixMicro(), int64(sessionsPerChange))
				return err
			})
			if err != nil {
				return swept, fmt.Errorf("deleting old sessions: %w", err)
			}
			swept += int(deleted)
			more = deleted == sessionsPerChange
		}
	}
	return swept, nil
}

// scanSession reads the columns of a session, and those that come after them.
func scanSession(r *websession.Record, scan func(...any) error, more ...any) error {
	var created, seen, ends int64
	err := scan(append([]any{octets(r.ID[:]), &r.Owner, &r.Version, &created, &seen, &ends, &r.Agent, &r.Address}, more...)...)
	r.Created, r.Seen, r.Ends = moment(created), moment(seen), moment(ends)
	return err
}

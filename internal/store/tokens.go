package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// The statements on tokens, but for lists.
const (
	intoToken = `INSERT INTO token (bucket, id, owner, tenant, owner_name, organization, target, display_name, scope,
		valid_from, valid_to, revoked_at, state, key_id, digest, seal, c3id, version) `
	insertToken       = intoToken + `VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`
	insertOwnerBucket = `INSERT INTO owner_bucket (owner, bucket) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	lookupToken       = `SELECT ` + tokenColumns + ` FROM token WHERE bucket = $1 AND digest = $2`
	findToken         = `SELECT ` + tokenColumns + ` FROM token WHERE bucket = $1 AND id = $2 AND owner = $3`
	updateToken       = `UPDATE token SET organization = $4, target = $5, display_name = $6, scope = $7, valid_to = $8,
		revoked_at = $9, state = $10, seal = $11, version = $12 WHERE bucket = $1 AND id = $2 AND version = $3`
	dueTokens = `SELECT ` + tokenColumns + ` FROM token WHERE state = 0 AND valid_to < 9223372036854775807 AND valid_to <= $1
		ORDER BY valid_to, bucket, id LIMIT $2`
	expireToken = `UPDATE token SET state = 1, version = $4 WHERE bucket = $1 AND id = $2 AND version = $3`
)

// Create keeps a new token with its event.
func (db *DB) Create(ctx context.Context, t pat.Token, e pat.Event) error {
	event, err := eventArguments(e)
	if err != nil {
		return err
	}
	token := tokenArguments(t, (&tokenRow{}).stateAfter(t, e.At))
	if db.creator != nil {
		return db.creator.create(ctx, token, event)
	}
	return db.writer.do(ctx, func(s *session) error {
		if _, err := s.exec(insertToken, token...); err != nil {
			return fmt.Errorf("inserting a token: %w", err)
		}
		if _, err := s.exec(insertOwnerBucket, t.Owner[:], int64(t.ID.Bucket())); err != nil {
			return fmt.Errorf("inserting an owner's bucket: %w", err)
		}
		return s.insertEvent(event)
	})
}

// tokenArguments are those of insertToken.
func tokenArguments(t pat.Token, state pat.State) []any {
	target := target(t)
	return []any{
		int64(t.ID.Bucket()), t.ID[:], t.Owner[:], t.Tenant[:], text(t.OwnerName), t.Organization[:], target[:], t.DisplayName, string(t.Scope),
		t.ValidFrom.UnixMicro(), t.ValidTo.UnixMicro(), revokedAt(t), int64(state),
		int64(t.KeyID), t.Digest[:], t.Seal[:], t.C3ID[:], t.Version,
	}
}

// Find is the owner's token with that id.
func (db *DB) Find(ctx context.Context, owner, id pat.UUID) (pat.Token, error) {
	r, err := db.reading.find(ctx, owner, id)
	return r.Token, db.readFault(ctx, err)
}

// Lookup is the token with that digest, whoever's it is.
func (db *DB) Lookup(ctx context.Context, bucket pat.Bucket, digest pat.Digest) (pat.Token, error) {
	var r tokenRow
	err := r.scan(db.reading.row(ctx, lookupToken, int64(bucket), digest[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return pat.Token{}, pat.NotFound()
	}
	return r.Token, db.readFault(ctx, err)
}

func (s *statements) find(ctx context.Context, owner, id pat.UUID) (r tokenRow, err error) {
	err = r.scan(s.row(ctx, findToken, int64(id.Bucket()), id[:], owner[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return tokenRow{}, pat.NotFound()
	}
	return r, err
}

// errContended means that a row changed between reading and writing it, again
// and again.
var errContended = fmt.Errorf("%w: others keep changing the token", pat.ErrUnavailable)

// Update replaces the owner's token by what change makes of it, with the event
// that change returns. What a token never changes (id, owner, tenant, key,
// digest, C3ID, moment of creation) is kept as it was.
func (db *DB) Update(ctx context.Context, owner, id pat.UUID, change func(pat.Token) (pat.Token, *pat.Event, error)) (pat.Token, error) {
	var result pat.Token
	var found *pat.Digest
	number, err := db.writer.change(ctx, func(s *session) error {
		for range 10 {
			before, err := s.find(context.Background(), owner, id)
			if err != nil {
				return err
			}
			found = &before.Digest
			after, e, err := change(before.Token)
			if err != nil {
				return err
			}
			s.asked = true
			if e == nil {
				result = before.Token
				return nil
			}
			if ok, err := s.replace(before, &after, *e); err != nil || ok {
				result = after
				return err
			}
		}
		return errContended
	})
	if found != nil { // also where nothing changed or nobody knows: another's change may be committed and not told yet
		db.changed(*found)
	}
	if err == nil && db.engine.settle != nil {
		err = db.engine.settle(ctx, number)
	}
	if err != nil {
		return pat.Token{}, err
	}
	return result, nil
}

// replace writes after over before, with e, and fills in what a token never
// changes. ok is false where the row is no longer as before.
func (s *session) replace(before tokenRow, after *pat.Token, e pat.Event) (ok bool, err error) {
	event, err := eventArguments(e)
	if err != nil {
		return false, err
	}
	state := before.stateAfter(*after, e.At)
	kept := before.Token
	kept.Organization, kept.AllOrgs, kept.DisplayName, kept.Scope = after.Organization, after.AllOrgs, after.DisplayName, after.Scope
	kept.ValidTo, kept.RevokedAt, kept.Seal = after.ValidTo, after.RevokedAt, after.Seal
	kept.Version++
	*after = kept
	org := target(kept)
	changed, err := s.exec(updateToken, int64(kept.ID.Bucket()), kept.ID[:], before.Version,
		kept.Organization[:], org[:], kept.DisplayName, string(kept.Scope), kept.ValidTo.UnixMicro(),
		revokedAt(kept), int64(state), kept.Seal[:], kept.Version)
	if err != nil {
		return false, fmt.Errorf("updating a token: %w", err)
	}
	if changed == 0 {
		return false, nil
	}
	s.changed = append(s.changed, kept.Digest)
	return true, s.insertEvent(event)
}

// Expire marks at most limit tokens that ended by now and were not marked yet,
// each with the event that of makes. It returns how many.
func (db *DB) Expire(ctx context.Context, now time.Time, limit int, of func(pat.Token) pat.Event) (int, error) {
	var expired int
	err := db.writer.do(ctx, func(s *session) error {
		expired = 0
		var due []tokenRow
		err := s.query(context.Background(), func(scan func(...any) error) error {
			due = append(due, tokenRow{})
			return due[len(due)-1].scan(scan)
		}, dueTokens, now.UnixMicro(), int64(limit))
		if err != nil {
			return fmt.Errorf("reading ended tokens: %w", err)
		}
		for _, r := range due {
			marked, err := s.expire(r.Token, of)
			if err != nil {
				return fmt.Errorf("marking an ended token: %w", err)
			}
			expired += marked
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return expired, nil
}

// expire marks t unless somebody changed it since it was read.
func (s *session) expire(t pat.Token, of func(pat.Token) pat.Event) (marked int, err error) {
	changed, err := s.exec(expireToken, int64(t.ID.Bucket()), t.ID[:], t.Version, t.Version+1)
	if err != nil || changed == 0 {
		return 0, err
	}
	t.Version++
	event, err := eventArguments(of(t))
	if err != nil {
		return 0, err
	}
	return 1, s.insertEvent(event)
}

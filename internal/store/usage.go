package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	intoUsage  = `INSERT INTO token_usage (bucket, token, at, address, agent, scope) `
	keepLatest = ` ON CONFLICT (bucket, token) DO UPDATE SET at = excluded.at, address = excluded.address, agent = excluded.agent, scope = excluded.scope
	WHERE token_usage.at < excluded.at`
	recordUse = intoUsage + `VALUES ($1, $2, $3, $4, $5, $6)` + keepLatest
)

// useArguments are those of recordUse.
func useArguments(u pat.Usage) []any {
	return []any{int64(u.Token.Bucket()), u.Token[:], u.At.UnixMicro(), text(u.Address), text(u.Agent), text(u.Scope)}
}

// usageQuery reads up to a page of tokens in one bucket, with their usages. Its
// parameters are the bucket, the owner, and what ids makes of the tokens' ids.
type usageQuery struct {
	text string
	ids  func([]pat.UUID) []any
}

// usageColumns are those of a token's usage, where it has one, and of the token.
var usageColumns = "u.at, COALESCE(u.address, ''), COALESCE(u.agent, ''), COALESCE(u.scope, ''), token." + strings.Join(strings.Fields(strings.ReplaceAll(tokenColumns, ",", " ")), ", token.")

// usesPerChange bounds how long a flush of uses holds up other changes.
const usesPerChange = 256

// Used records uses; of several of one token the latest is kept.
func (db *DB) Used(ctx context.Context, uses []pat.Usage) error {
	for len(uses) > 0 {
		batch := uses[:min(len(uses), usesPerChange)]
		uses = uses[len(batch):]
		err := db.writer.do(ctx, func(s *session) error {
			if err := db.engine.recordUses(s, batch); err != nil {
				return fmt.Errorf("recording uses: %w", err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Usage is those of the owner's tokens among ids, each with its last use.
func (db *DB) Usage(ctx context.Context, owner pat.UUID, ids []pat.UUID) (found []pat.TokenUsage, err error) {
	byBucket := map[pat.Bucket][]pat.UUID{}
	for _, id := range ids {
		byBucket[id.Bucket()] = append(byBucket[id.Bucket()], id)
	}
	for bucket, ids := range byBucket {
		arguments := append([]any{int64(bucket), owner[:]}, db.engine.usages.ids(ids)...)
		err := db.reading.query(ctx, func(scan func(...any) error) error {
			var u pat.TokenUsage
			var at sql.NullInt64
			var r tokenRow
			err := r.scan(func(into ...any) error {
				return scan(append([]any{&at, &u.Address, &u.Agent, &u.Scope}, into...)...)
			})
			u.Of, u.Token = r.Token, r.ID
			if at.Valid {
				u.At = moment(at.Int64)
			}
			found = append(found, u)
			return err
		}, db.engine.usages.text, arguments...)
		if err != nil {
			return nil, db.readFault(ctx, fmt.Errorf("reading usages: %w", err))
		}
	}
	return found, nil
}

package store

import (
	"context"
	"fmt"
	"strconv"
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

// selectUsage reads up to a page of usages in one bucket, with the tokens.
var selectUsage = func() string {
	var ids []string
	for i := range pat.MaxPage {
		ids = append(ids, "$"+strconv.Itoa(i+3))
	}
	columns := "token." + strings.Join(strings.Fields(strings.ReplaceAll(tokenColumns, ",", " ")), ", token.")
	return `SELECT u.at, u.address, u.agent, u.scope, ` + columns + `
	FROM token_usage u JOIN token ON token.bucket = u.bucket AND token.id = u.token
	WHERE u.bucket = $1 AND token.bucket = $1 AND token.owner = $2 AND u.token IN (` + strings.Join(ids, ", ") + `)`
}()

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

// Usage is the last use of those of the owner's tokens among ids that were
// used at all.
func (db *DB) Usage(ctx context.Context, owner pat.UUID, ids []pat.UUID) (found []pat.TokenUsage, err error) {
	byBucket := map[pat.Bucket][]pat.UUID{}
	for _, id := range ids {
		byBucket[id.Bucket()] = append(byBucket[id.Bucket()], id)
	}
	for bucket, ids := range byBucket {
		arguments := make([]any, 0, 2+pat.MaxPage)
		arguments = append(arguments, int64(bucket), owner[:])
		for i := range pat.MaxPage {
			arguments = append(arguments, ids[min(i, len(ids)-1)][:])
		}
		err := db.reading.query(ctx, func(scan func(...any) error) error {
			var u pat.TokenUsage
			var at int64
			var r tokenRow
			err := r.scan(func(into ...any) error {
				return scan(append([]any{&at, &u.Address, &u.Agent, &u.Scope}, into...)...)
			})
			u.Of, u.Token, u.At = r.Token, r.ID, moment(at)
			found = append(found, u)
			return err
		}, selectUsage, arguments...)
		if err != nil {
			return nil, db.readFault(ctx, fmt.Errorf("reading usages: %w", err))
		}
	}
	return found, nil
}

package store

import (
	"fmt"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// tokenColumns are the columns of a tokenRow, in the order of its fields.
const tokenColumns = `id, owner, tenant, owner_name, organization, target, display_name, scope,
	valid_from, valid_to, revoked_at, state, key_id, digest, seal, c3id, version`

// tokenRow is a token with the state that was recorded, which lags behind its
// dates until the sweeper comes by.
type tokenRow struct {
	pat.Token
	state pat.State
}

func (r *tokenRow) scan(scan func(...any) error) error {
	var target pat.UUID
	var from, to, revoked, state, key int64
	err := scan(octets(r.ID[:]), octets(r.Owner[:]), octets(r.Tenant[:]), &r.OwnerName, octets(r.Organization[:]), octets(target[:]),
		&r.DisplayName, &r.Scope, &from, &to, &revoked, &state, &key,
		octets(r.Digest[:]), octets(r.Seal[:]), octets(r.C3ID[:]), &r.Version)
	r.AllOrgs = target.IsZero()
	r.ValidFrom, r.ValidTo, r.RevokedAt = moment(from), moment(to), time.Time{}
	if revoked != 0 {
		r.RevokedAt = moment(revoked)
	}
	r.state, r.KeyID = pat.State(state), byte(key)
	return err
}

// stateAfter is what to record of t once it was changed at a moment. That a
// token has ended is left to the sweeper to record, with its event.
func (r *tokenRow) stateAfter(t pat.Token, moment time.Time) pat.State {
	switch state := t.StateAt(moment); {
	case state == pat.Expired && r.state != pat.Revoked:
		return r.state
	case state == pat.Expired:
		return pat.Active
	default:
		return state
	}
}

// target is the organization in whose lists t stands; zero is all of them.
func target(t pat.Token) pat.UUID {
	if t.AllOrgs {
		return pat.UUID{}
	}
	return t.Organization
}

// revokedAt is the column of that name.
func revokedAt(t pat.Token) int64 {
	if t.RevokedAt.IsZero() {
		return 0
	}
	return t.RevokedAt.UnixMicro()
}

func moment(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// octets is where a column of exactly that many bytes goes.
type octets []byte

// Scan copies the column.
func (o octets) Scan(value any) error {
	column, ok := value.([]byte)
	if !ok || len(column) != len(o) {
		return fmt.Errorf("a column holds %T of the wrong length, want %d bytes: somebody wrote to the database", value, len(o))
	}
	copy(o, column)
	return nil
}

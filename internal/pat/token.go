package pat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Token is everything about a personal access token but its secret.
type Token struct {
	// ID is the authorizationId; its first 16 bits are the token's bucket.
	ID UUID
	// Owner is the object id of the user whose token this is, in Tenant.
	Owner, Tenant UUID
	// OwnerName is the owner's sign-in name (UPN) at creation, "" where it was
	// not known.
	OwnerName string
	// Organization is where the token is managed, and, unless AllOrgs, the
	// only one where it can be used.
	Organization UUID
	AllOrgs      bool

	DisplayName string
	Scope       Scope
	// ValidFrom is the moment of creation. The token is good before ValidTo.
	ValidFrom, ValidTo time.Time
	// RevokedAt is zero unless the token was revoked.
	RevokedAt time.Time

	// KeyID names the server key that minted the secret and made Digest and
	// Seal.
	KeyID  byte
	Digest Digest
	Seal   Seal
	// C3ID correlates leak reports: see [C3ID].
	C3ID [15]byte

	// Version counts changes, from 1; a store changes a row only as read.
	Version int64
}

// State is where a token stands at a moment.
type State uint8

// The states, in the order in which lists sort by status.
const (
	Active State = iota
	Expired
	Revoked
)

func (s State) String() string { return [...]string{"active", "expired", "revoked"}[s] }

// StateAt is t's state at a moment. A revoked token stays revoked, whenever it
// would have expired.
func (t Token) StateAt(moment time.Time) State {
	switch {
	case !t.RevokedAt.IsZero():
		return Revoked
	case !moment.Before(t.ValidTo):
		return Expired
	}
	return Active
}

// In reports whether t is managed in organization: made for it, or for all.
func (t Token) In(organization UUID) bool { return t.AllOrgs || t.Organization == organization }

// Bucket is one of 65,536 groups of tokens that are stored together. It is
// drawn from the first owner, stands in the secret and in the id, and never
// changes.
type Bucket uint16

// BucketOf is the bucket of an owner's new tokens.
func BucketOf(owner UUID) Bucket {
	hash := sha256.Sum256(owner[:])
	return Bucket(binary.BigEndian.Uint16(hash[:]))
}

// Bucket is the bucket that a token id carries.
func (id UUID) Bucket() Bucket { return Bucket(binary.BigEndian.Uint16(id[:])) }

// newID draws an id in bucket: 16 bits of bucket, 32 bits of seconds since
// 1970 so that one owner's rows lie side by side, version and variant, and 74
// random bits.
func newID(bucket Bucket, now time.Time) UUID {
	var id UUID
	rand.Read(id[:]) // never fails
	binary.BigEndian.PutUint16(id[0:], uint16(bucket))
	binary.BigEndian.PutUint32(id[2:], uint32(now.Unix()))
	id.mark(8)
	return id
}

// Instant is t as the domain keeps times: UTC, cut to microseconds.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

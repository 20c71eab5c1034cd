package verify

import (
	"encoding/binary"

	"github.com/patrolhq/patrol/internal/pat"
)

// row is a cached token in bytes: a fixed part, then the words of the set of
// scopes that it grants, its scope and its owner's name. It holds no pointers,
// so that millions of them cost the garbage collector nothing.
type row []byte

// Where the fields of a row are. The size comes first and in a multiple of
// eight bytes; what is not live has nothing but size and flags.
const (
	sizeAt         = 0  // 2 bytes
	flagsAt        = 2  // 1
	agentAt        = 3  // 1
	usedScopeAt    = 4  // 2: one more than the index, 0 for none
	wordsAt        = 6  // 1: of granted scopes
	scopeLengthAt  = 8  // 2
	nameLengthAt   = 10 // 2
	usedAt         = 12 // 4: seconds since 1970, 0 for never
	addressAt      = 16 // 16
	digestAt       = 32 // 32
	idAt           = 64 // 16
	ownerAt        = 80
	tenantAt       = 96
	organizationAt = 112
	validFromAt    = 128 // 8
	validToAt      = 136 // 8
	restAt         = 144
)

// The flags of a row.
const (
	live byte = 1 << iota
	// referenced rows were found since the clock passed them.
	referenced
	// dirty rows were used since their use was last recorded.
	dirty
	revoked
	allOrgs
)

// maxRow bounds a row, in bytes: more than any token of ours takes.
const maxRow = 12 << 10

// rowSize is how many bytes the row of what was found takes.
func rowSize(f *Found) int {
	return (restAt + 8*words(f.Claim.Grants) + len(f.Scope) + len(f.OwnerName) + 7) &^ 7
}

// words is how many of set's words a row keeps: those after it are zero.
func words(set pat.ScopeSet) int {
	n := len(set)
	for n > 0 && set[n-1] == 0 {
		n--
	}
	return n
}

func (r row) size() int           { return int(binary.LittleEndian.Uint16(r[sizeAt:])) }
func (r row) is(flag byte) bool   { return r[flagsAt]&flag != 0 }
func (r row) set(flag byte)       { r[flagsAt] |= flag }
func (r row) unset(flag byte)     { r[flagsAt] &^= flag }
func (r row) digest() *pat.Digest { return (*pat.Digest)(r[digestAt:]) }
func (r row) id() pat.UUID        { return pat.UUID(r[idAt:]) }

// pad makes of r, which is size bytes, a stretch that says nothing.
func (r row) pad(size int) {
	binary.LittleEndian.PutUint16(r[sizeAt:], uint16(size))
	r[flagsAt] = 0
}

// write makes r, which has the right size, the live row of f. It was never
// used.
func (r row) write(f *Found) {
	claim := &f.Claim
	clear(r[:digestAt])
	binary.LittleEndian.PutUint16(r[sizeAt:], uint16(len(r)))
	r[flagsAt] = live
	if claim.Revoked {
		r.set(revoked)
	}
	if claim.AllOrgs {
		r.set(allOrgs)
	}
	n := words(claim.Grants)
	r[wordsAt] = byte(n)
	binary.LittleEndian.PutUint16(r[scopeLengthAt:], uint16(len(f.Scope)))
	binary.LittleEndian.PutUint16(r[nameLengthAt:], uint16(len(f.OwnerName)))
	copy(r[digestAt:], f.digest[:])
	copy(r[idAt:], claim.ID[:])
	copy(r[ownerAt:], claim.Owner[:])
	copy(r[tenantAt:], claim.Tenant[:])
	copy(r[organizationAt:], claim.Organization[:])
	binary.LittleEndian.PutUint64(r[validFromAt:], uint64(claim.ValidFrom))
	binary.LittleEndian.PutUint64(r[validToAt:], uint64(claim.ValidTo))
	rest := r[restAt:]
	for _, word := range claim.Grants[:n] {
		binary.LittleEndian.PutUint64(rest, word)
		rest = rest[8:]
	}
	rest = rest[copy(rest, f.Scope):]
	copy(rest, f.OwnerName)
}

// read puts what r says into f.
func (r row) read(f *Found) {
	claim := &f.Claim
	claim.ID = pat.UUID(r[idAt:])
	claim.Owner = pat.UUID(r[ownerAt:])
	claim.Tenant = pat.UUID(r[tenantAt:])
	claim.Organization = pat.UUID(r[organizationAt:])
	claim.AllOrgs, claim.Revoked = r.is(allOrgs), r.is(revoked)
	claim.ValidFrom = int64(binary.LittleEndian.Uint64(r[validFromAt:]))
	claim.ValidTo = int64(binary.LittleEndian.Uint64(r[validToAt:]))
	claim.Grants = pat.ScopeSet{}
	rest := r[restAt:]
	for i := range int(r[wordsAt]) {
		claim.Grants[i] = binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
	}
	scope := binary.LittleEndian.Uint16(r[scopeLengthAt:])
	name := binary.LittleEndian.Uint16(r[nameLengthAt:])
	f.Scope = append(f.Scope[:0], rest[:scope]...)
	f.OwnerName = append(f.OwnerName[:0], rest[scope:scope+name]...)
	f.recorded = stamp{}
	if r.is(dirty) {
		f.recorded = r.stamp()
	}
}

// stamp is the last use of r.
func (r row) stamp() stamp {
	return stamp{
		second:  binary.LittleEndian.Uint32(r[usedAt:]),
		address: [16]byte(r[addressAt:]),
		agent:   Agent(r[agentAt]),
		scope:   binary.LittleEndian.Uint16(r[usedScopeAt:]),
	}
}

// mark makes s the last use of r, still to be recorded, unless a later one is
// known.
func (r row) mark(s stamp) {
	if s.second < binary.LittleEndian.Uint32(r[usedAt:]) {
		return
	}
	binary.LittleEndian.PutUint32(r[usedAt:], s.second)
	copy(r[addressAt:], s.address[:])
	r[agentAt] = byte(s.agent)
	binary.LittleEndian.PutUint16(r[usedScopeAt:], s.scope)
	r.set(dirty)
}

package session

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// ID names a session in the store: the SHA-256 of its secret, which it does not
// tell.
type ID [sha256.Size]byte

// String is the ID as forms carry it.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads an ID that String wrote.
func ParseID(s string) (ID, error) {
	id, ok := decode32(s)
	if !ok {
		return ID{}, errors.New("not the id of a session")
	}
	return ID(id), nil
}

// Record is a session as it is stored. Its times have microseconds.
type Record struct {
	ID ID
	// Owner is who is signed in: opaque, and the same for all sessions of a
	// person.
	Owner string
	// Version is raised by every change of Data.
	Version int64
	// Created is when it started, Seen when it was last known to be used, and
	// Ends when it ends however much it is used.
	Created, Seen, Ends time.Time
	// Agent and Address are of the browser that signed in.
	Agent, Address string
	// Data is sealed.
	Data []byte
}

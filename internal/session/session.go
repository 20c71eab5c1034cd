// Package session keeps people signed in: a [Manager] starts, resumes, saves
// and ends sessions, whose records lie in a [Store].
//
// What a session holds is sealed with a key that follows from a server key and
// from the secret that only the browser holds. So neither a stolen database nor
// one with the server keys tells what is in a session. Who can write to the
// database can end sessions, and put back one that was ended or what one held
// before, which helps nobody without the browser's secret.
//
// A [Sealer] seals small things that a browser carries for the service.
package session

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Session is a session that was started or resumed, for one request. It is not
// safe for concurrent use.
type Session struct {
	// ID, Owner and the others are as in its [Record], but that Seen is now.
	ID                  ID
	Owner               string
	Created, Seen, Ends time.Time
	Agent, Address      string
	// Data is what Start or Save was given last. To change it, Save it.
	Data []byte

	version int64
	secret  secret
}

// Format prints the id alone, under every verb.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "session %s", s.ID) }

// record is s as it is stored, with data sealed by keys.
func (s *Session) record(keys *Keys, data []byte) Record {
	return Record{
		ID: s.ID, Owner: s.Owner, Version: s.version, Created: s.Created, Seen: s.Seen, Ends: s.Ends,
		Agent: s.Agent, Address: s.Address, Data: keys.seal(s.secret[:], "data", data, s.bound()),
	}
}

// openRecord is r with its data opened by keys and the browser's secret.
func openRecord(keys *Keys, r Record, of secret) (s *Session, ok bool) {
	s = &Session{
		ID: r.ID, Owner: r.Owner, Created: r.Created, Seen: r.Seen, Ends: r.Ends, Agent: r.Agent, Address: r.Address,
		version: r.Version, secret: of,
	}
	s.Data, ok = keys.open(of[:], "data", r.Data, s.bound())
	return s, ok
}

// bound is what the data is sealed to, so that nobody who writes to the store
// makes a session another person's or lets it last.
func (s *Session) bound() []byte {
	bound := append([]byte(nil), s.ID[:]...)
	bound = binary.BigEndian.AppendUint64(bound, uint64(s.Created.UnixMicro()))
	bound = binary.BigEndian.AppendUint64(bound, uint64(s.Ends.UnixMicro()))
	return append(bound, s.Owner...)
}

package pat

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// UUID is an RFC 9562 identifier in network byte order. The zero UUID means
// "none".
type UUID [16]byte

var errNotUUID = errors.New(`not a UUID: expected the form "01234567-89ab-cdef-0123-456789abcdef"`)

// ParseUUID reads the hyphenated form in any case, with or without the braces
// that .NET clients may put around it.
func ParseUUID(s string) (UUID, error) {
	if len(s) == 38 && s[0] == '{' && s[37] == '}' {
		s = s[1:37]
	}
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, errNotUUID
	}
	var id UUID
	digits := strings.ReplaceAll(s, "-", "")
	if n, err := hex.Decode(id[:], []byte(digits)); err != nil || n != len(id) || len(digits) != 32 {
		return UUID{}, errNotUUID
	}
	return id, nil
}

// HashUUID derives a stable UUID (version 8) from parts, for things whose own
// name is not a UUID, such as the subject of an OpenID Connect issuer.
func HashUUID(parts ...string) UUID {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	var id UUID
	copy(id[:], hash.Sum(nil))
	id.mark(8)
	return id
}

// RandomUUID draws a UUID (version 4) that carries no meaning.
func RandomUUID() UUID {
	var id UUID
	rand.Read(id[:]) // never fails
	id.mark(4)
	return id
}

// mark sets the version and the RFC 9562 variant.
func (id *UUID) mark(version byte) {
	id[6] = id[6]&0x0f | version<<4
	id[8] = id[8]&0x3f | 0x80
}

// IsZero reports whether id is the zero UUID.
func (id UUID) IsZero() bool { return id == UUID{} }

// MarshalText is [UUID.String], for logs and JSON.
func (id UUID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// String is the hyphenated form in lower case.
func (id UUID) String() string {
	var s [36]byte
	id.write(&s)
	return string(s[:])
}

// AppendText appends [UUID.String] to b. It never fails.
func (id UUID) AppendText(b []byte) ([]byte, error) {
	var s [36]byte
	id.write(&s)
	return append(b, s[:]...), nil
}

func (id UUID) write(s *[36]byte) {
	hex.Encode(s[0:8], id[0:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:36], id[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
}

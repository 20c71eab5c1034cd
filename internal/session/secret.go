package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
)

// secret is what only the browser holds: 256 random bits, in base64url.
type secret [32]byte

func newSecret() (s secret) {
	rand.Read(s[:])
	return s
}

func parseSecret(text string) (secret, bool) {
	s, ok := decode32(text)
	return s, ok
}

// Format prints nothing of it, under every verb.
func (s secret) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "redacted") }

// text is the secret as the browser holds it.
func (s secret) text() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

func (s secret) id() ID { return sha256.Sum256(s[:]) }

// decode32 reads 32 bytes in base64url, of which there is one way to write them.
func decode32(text string) (bytes [32]byte, ok bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(len(bytes)) {
		return bytes, false
	}
	decoded, ok := decode(text)
	if !ok {
		return bytes, false
	}
	return [32]byte(decoded), true
}

// decode reads base64url, of which there is one way to write the same bytes:
// the decoder alone passes over ends of lines.
func decode(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return decoded, err == nil
}

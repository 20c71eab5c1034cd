package pat

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// The layout of a secret, by index: 52 random characters, a fixed mark, year
// and month, 12 characters of platform data (ours: bucket, key id, keyed
// tag), 4 of provider data, the provider's signature, the checksum. Azure
// DevOps has issued this layout since July 2024.
const (
	markAt      = 52
	yearAt      = 58
	monthAt     = 59
	bucketAt    = 60
	keyAt       = 63
	tagAt       = 64
	providerAt  = 72
	signatureAt = 76
	checksumAt  = 80

	// SecretLength is the number of characters of every secret.
	SecretLength = 84

	mark         = "JQQJ99"
	providerData = "AAAA"
	firstYear    = 2024
)

// Secret is what its holder presents: 84 letters and digits. However it is
// printed, logged or encoded it says "redacted"; only [Secret.Reveal] tells.
// Two secrets are not to be compared by ==. The zero Secret holds nothing, and
// no key minted it.
type Secret struct {
	// text is a pointer because package fmt prints the hidden fields of the
	// structs around a Secret without asking its methods, but of a pointer
	// among them only the address.
	text *string
}

var errNotSecret = errors.New("not a personal access token: expected 84 letters and digits with a right checksum; copy the whole token")

// ParseSecret reads a secret as presented and checks its form and checksum.
// For what it refuses it allocates nothing. A secret that parses may still be
// invented: see [Keyring.Minted].
func ParseSecret(text string) (Secret, error) {
	if _, err := parseSecret(text); err != nil {
		return Secret{}, err
	}
	return secretOf(text), nil
}

// parseSecret is the characters of a secret whose form and checksum are right.
func parseSecret(text string) (secret [SecretLength]byte, err error) {
	if len(text) != SecretLength || text[markAt:yearAt] != mark || text[monthAt] < 'A' || text[monthAt] > 'L' {
		return secret, errNotSecret
	}
	for i := range len(text) {
		if base62Digit(text[i]) < 0 {
			return secret, errNotSecret
		}
	}
	copy(secret[:], text)
	if sum := checksum((*[checksumAt]byte)(secret[:])); text[checksumAt:] != string(sum[:]) {
		return secret, errNotSecret
	}
	return secret, nil
}

func secretOf(text string) Secret { return Secret{&text} }

// newSecret draws a secret; tag fills in the eight characters that
// authenticate the rest.
func newSecret(bucket Bucket, keyID byte, signature string, now time.Time, tag func(body *[checksumAt]byte)) Secret {
	var text [SecretLength]byte
	body := (*[checksumAt]byte)(text[:])
	randomBase62(body[:markAt])
	copy(body[markAt:], mark)
	body[yearAt] = yearDigit(now.Year())
	body[monthAt] = 'A' + byte(now.Month()-time.January)
	putBase62(body[bucketAt:keyAt], uint64(bucket))
	body[keyAt] = keyID
	copy(body[providerAt:], providerData)
	copy(body[signatureAt:], signature)
	tag(body)
	sum := checksum(body)
	copy(text[checksumAt:], sum[:])
	return secretOf(string(text[:]))
}

// yearDigit counts years from 2024 in the order of base64, which lasts to
// 2085; years beyond show as the nearest that can be written.
func yearDigit(year int) byte {
	const order = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return order[max(0, min(year-firstYear, len(order)-1))]
}

// Reveal is the secret itself, for the one answer that carries it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Bucket is the bucket in which the secret's token lies; ok is false where
// those characters stand for none.
func (s Secret) Bucket() (bucket Bucket, ok bool) {
	if s.text == nil {
		return 0, false
	}
	value, ok := readBase62((*s.text)[bucketAt:keyAt])
	return Bucket(value), ok && value <= 0xffff
}

// KeyID names the server key that minted the secret; 0 names none.
func (s Secret) KeyID() byte {
	if s.text == nil {
		return 0
	}
	return (*s.text)[keyAt]
}

const redacted = "redacted"

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Format prints "redacted" under every verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

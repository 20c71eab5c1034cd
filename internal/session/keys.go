package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Key is a server key. It is random, or derived for sessions alone from one
// that is.
type Key struct {
	// ID is the first byte of all that the key seals.
	ID byte
	// Secret is at least 32 bytes.
	Secret []byte
}

// Format prints the id alone, under every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "session key %q", k.ID) }

// Keys are the server keys. The first one seals; the others open what they
// sealed. They are safe for concurrent use.
type Keys struct {
	first byte
	byID  map[byte][]byte
}

// NewKeys makes Keys of at least one key, the sealing one first.
func NewKeys(keys ...Key) (*Keys, error) {
	if len(keys) == 0 {
		return nil, errors.New("no session key: at least one is needed to seal sessions")
	}
	k := &Keys{first: keys[0].ID, byID: map[byte][]byte{}}
	for _, key := range keys {
		if k.byID[key.ID] != nil {
			return nil, fmt.Errorf("session key id %q is used twice: give each key its own", key.ID)
		}
		if len(key.Secret) < 32 {
			return nil, fmt.Errorf("session key %q has %d bytes: at least 32 random bytes are needed", key.ID, len(key.Secret))
		}
		k.byID[key.ID] = append([]byte(nil), key.Secret...)
	}
	return k, nil
}

// Format prints the ids alone, under every verb.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%d session keys", len(k.byID)) }

// seal seals plain with the first key.
func (k *Keys) seal(salt []byte, purpose string, plain, bound []byte) []byte {
	sealed := []byte{k.first}
	return aead(k.byID[k.first], salt, purpose).Seal(sealed, nil, plain, bound)
}

// open opens what seal sealed with one of the keys, and the same salt, purpose
// and bound.
func (k *Keys) open(salt []byte, purpose string, sealed, bound []byte) (plain []byte, ok bool) {
	if len(sealed) == 0 || k.byID[sealed[0]] == nil {
		return nil, false
	}
	plain, err := aead(k.byID[sealed[0]], salt, purpose).Open(nil, nil, sealed[1:], bound)
	return plain, err == nil
}

// aead is AES-256-GCM, which puts a random nonce before what it seals, under
// the key for a purpose that follows from secret and salt (HKDF-SHA-256, RFC
// 5869). Keys of different purposes tell nothing of each other.
func aead(secret, salt []byte, purpose string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, secret, salt, "patrol/session/v1/"+purpose, 32)
	if err != nil {
		panic(err) // only for keys that are longer than HKDF makes
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for keys of other lengths
	}
	sealing, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for blocks other than those of AES
	}
	return sealing
}

package pat

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"
)

// Digest is what a store knows of a secret: its HMAC-SHA-256 under a key that
// is not in the store.
type Digest [sha256.Size]byte

// Seal is a MAC over what a token may do, so that nobody who can only write
// to the store can mint a token or widen one.
type Seal [sha256.Size]byte

// ServerKey is a key of the service. Everything that mints, finds and seals
// tokens derives from it.
type ServerKey struct {
	// ID is one letter or digit; it stands in every secret that the key
	// mints.
	ID byte
	// Secret is at least 32 random bytes.
	Secret []byte
}

// Format prints the id alone, under every verb.
func (k ServerKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "server key %c", k.ID) }

// DefaultSignature marks a secret as Patrol's, so that nobody's scanner
// reports it to Microsoft; test doubles of Azure DevOps may use "AZDO".
const DefaultSignature = "PTRL"

// Keyring holds the server keys. The first one mints; the others keep the
// tokens alive that they minted. It is safe for concurrent use.
type Keyring struct {
	signature string
	current   *tokenKey
	byID      [128]*tokenKey
}

// tokenKey is what derives from one server key.
type tokenKey struct {
	id                byte
	tag, digest, seal macPool
	fingerprint       [sha256.Size]byte
}

// NewKeyring derives a keyring from keys, the minting one first. signature is
// four letters or digits, the first a letter; "" means [DefaultSignature].
func NewKeyring(signature string, keys ...ServerKey) (*Keyring, error) {
	if signature == "" {
		signature = DefaultSignature
	}
	if !isSignature(signature) {
		return nil, fmt.Errorf("signature %q: expected four letters or digits, the first a letter", signature)
	}
	if len(keys) == 0 {
		return nil, errors.New("no server key: at least one is needed to mint tokens")
	}
	k := &Keyring{signature: signature}
	for _, key := range keys {
		if base62Digit(key.ID) < 0 {
			return nil, fmt.Errorf("server key id %q: expected one letter or digit", key.ID)
		}
		if k.byID[key.ID] != nil {
			return nil, fmt.Errorf("server key id %q is used twice: give each key its own", key.ID)
		}
		if len(key.Secret) < 32 {
			return nil, fmt.Errorf("server key %q has %d bytes: at least 32 random bytes are needed", key.ID, len(key.Secret))
		}
		derived, err := deriveTokenKey(key)
		if err != nil {
			return nil, err
		}
		k.byID[key.ID] = derived
	}
	k.current = k.byID[keys[0].ID]
	return k, nil
}

func isSignature(s string) bool {
	return len(s) == 4 && base62Digit(s[0]) >= 10 && !strings.ContainsFunc(s, func(r rune) bool {
		return r > 127 || base62Digit(byte(r)) < 0
	})
}

func deriveTokenKey(key ServerKey) (*tokenKey, error) {
	derived := &tokenKey{id: key.ID}
	for purpose, pool := range map[string]*macPool{"tag": &derived.tag, "digest": &derived.digest, "seal": &derived.seal} {
		secret, err := DeriveKey(key.Secret, purpose)
		if err != nil {
			return nil, fmt.Errorf("server key %q: %w", key.ID, err)
		}
		pool.init(secret)
	}
	fingerprint, err := DeriveKey(key.Secret, "fingerprint")
	if err != nil {
		return nil, fmt.Errorf("server key %q: %w", key.ID, err)
	}
	derived.fingerprint = [sha256.Size]byte(fingerprint)
	return derived, nil
}

// DeriveKey is the 32-byte key for one purpose that follows from a server
// key's secret (HKDF-SHA-256, RFC 5869). Keys of different purposes tell
// nothing of each other.
func DeriveKey(secret []byte, purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, nil, "patrol/v1/"+purpose, sha256.Size)
}

// Fingerprints identify the keys by id without telling them, so that a store
// can say whether it was filled under these keys.
func (k *Keyring) Fingerprints() map[byte][sha256.Size]byte {
	prints := map[byte][sha256.Size]byte{}
	for id, key := range k.byID {
		if key != nil {
			prints[byte(id)] = key.fingerprint
		}
	}
	return prints
}

// mint draws a secret in bucket with the current key.
func (k *Keyring) mint(bucket Bucket, now time.Time) (Secret, byte) {
	secret := newSecret(bucket, k.current.id, k.signature, now, k.current.tagBody)
	return secret, k.current.id
}

// tagBody writes the keyed tag of a secret's other characters into it.
func (key *tokenKey) tagBody(body *[checksumAt]byte) {
	sum := key.tag.sum(body[:tagAt], body[providerAt:checksumAt])
	putBase62(body[tagAt:providerAt], binary.BigEndian.Uint64(sum[:]))
}

// Minted reports whether one of these keys minted secret. It needs no store,
// so invented secrets end here, in time that does not depend on how wrong they
// are.
func (k *Keyring) Minted(secret Secret) bool {
	key := k.byID[secret.KeyID()&127]
	if key == nil {
		return false
	}
	var body [checksumAt]byte
	copy(body[:], secret.Reveal())
	key.tagBody(&body)
	var presented [checksumAt]byte
	copy(presented[:], secret.Reveal())
	return subtle.ConstantTimeCompare(body[tagAt:providerAt], presented[tagAt:providerAt]) == 1
}

// Identify is what the store knows a presented secret by, and the bucket where
// its token lies; ok is false for what is no secret and for what none of these
// keys minted. It asks no store and allocates nothing, so that noise and
// invented secrets cost no more than what is real.
func (k *Keyring) Identify(presented string) (digest Digest, bucket Bucket, ok bool) {
	secret, err := parseSecret(presented)
	if err != nil {
		return Digest{}, 0, false
	}
	key := k.byID[secret[keyAt]&127]
	if key == nil {
		return Digest{}, 0, false
	}
	body := *(*[checksumAt]byte)(secret[:])
	key.tagBody(&body)
	if subtle.ConstantTimeCompare(body[tagAt:providerAt], secret[tagAt:providerAt]) != 1 {
		return Digest{}, 0, false
	}
	number, ok := readBase62(presented[bucketAt:keyAt])
	return key.digest.sum(secret[:], nil), Bucket(number), ok && number <= 0xffff
}

// Digest is what the store knows secret by; ok is false where its key is not
// on the ring.
func (k *Keyring) Digest(secret Secret) (digest Digest, ok bool) {
	key := k.byID[secret.KeyID()&127]
	if key == nil {
		return Digest{}, false
	}
	var text [SecretLength]byte
	copy(text[:], secret.Reveal())
	return key.digest.sum(text[:], nil), true
}

// Sealed reports whether t is as it was when one of these keys sealed it.
// What a seal does not cover is the name and the revocation.
func (k *Keyring) Sealed(t Token) bool {
	key := k.byID[t.KeyID&127]
	if key == nil || strings.IndexByte(string(t.Scope), afterScope) >= 0 {
		return false
	}
	want := key.sealOf(t)
	return subtle.ConstantTimeCompare(want[:], t.Seal[:]) == 1
}

// seal renews t's seal. It stays under the key that minted the secret, or the
// token would outlive that key; one whose key is not on the ring cannot be
// sealed, and callers check [Keyring.Sealed] before they change it.
func (k *Keyring) seal(t *Token) {
	if key := k.byID[t.KeyID&127]; key != nil {
		t.Seal = key.sealOf(*t)
	}
}

// afterScope keeps the scope apart from the owner's name. No scope of ours has
// it; in one that does, a part of the name would pass for scopes.
const afterScope = 0

// sealOf is the seal of t under key: every field in a fixed place, so that no
// two tokens share an encoding.
func (key *tokenKey) sealOf(t Token) Seal {
	encoded := make([]byte, 0, 192+len(t.Scope)+len(t.OwnerName))
	encoded = append(encoded, t.ID[:]...)
	encoded = append(encoded, t.Digest[:]...)
	encoded = append(encoded, t.Owner[:]...)
	encoded = append(encoded, t.Tenant[:]...)
	encoded = append(encoded, t.Organization[:]...)
	encoded = append(encoded, t.KeyID, boolByte(t.AllOrgs))
	encoded = binary.BigEndian.AppendUint64(encoded, uint64(t.ValidFrom.UnixMicro()))
	encoded = binary.BigEndian.AppendUint64(encoded, uint64(t.ValidTo.UnixMicro()))
	encoded = append(encoded, t.Scope...)
	if t.OwnerName != "" { // tokens of before there were names keep their seals
		encoded = append(encoded, afterScope)
		encoded = append(encoded, t.OwnerName...)
	}
	return key.seal.sum(encoded, nil)
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// macPool computes HMAC-SHA-256 under one key without allocating.
type macPool struct{ pool sync.Pool }

// mac keeps its input and output, which would escape to the heap otherwise.
type mac struct {
	hash    hash.Hash
	in, out []byte
}

func (p *macPool) init(key []byte) {
	p.pool.New = func() any {
		return &mac{hash: hmac.New(sha256.New, key)}
	}
}

func (p *macPool) sum(first, second []byte) [sha256.Size]byte {
	m := p.pool.Get().(*mac)
	defer p.pool.Put(m)
	m.in = append(append(m.in[:0], first...), second...)
	m.hash.Reset()
	m.hash.Write(m.in)
	m.out = m.hash.Sum(m.out[:0])
	return [sha256.Size]byte(m.out)
}

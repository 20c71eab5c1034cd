package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

const (
	// maxKeys bounds the number of keys of an issuer; Entra has about ten.
	maxKeys = 100
	// RSA keys outside these sizes are too weak, or too slow to be meant well.
	minRSABits = 2048
	maxRSABits = 8192
)

// keyRing is what an issuer published at one time. It is never changed.
type keyRing struct {
	keys    []key
	fetched time.Time
}

// key is a public key to verify signatures with. It is used with its
// algorithms only, so never in a way that it was not meant for (RFC 8725
// section 3.1).
type key struct {
	id         string
	algorithms []string
	public     any // *rsa.PublicKey or *ecdsa.PublicKey
}

// ErrDevelopment means that an issuer is the development identity provider,
// which says so in its key set, and was not expected to be.
var ErrDevelopment = errors.New("this is a development identity provider, where anyone can sign in as anyone: name a real issuer")

var errNoKeys = errors.New("the key set holds no key to verify signatures with")

// parseKeyRing reads a JWK Set (RFC 7517). Keys that are of no use here are
// left out, as its section 5 asks for.
func parseKeyRing(text []byte, source keySource) (*keyRing, error) {
	var set struct {
		Keys        []json.RawMessage `json:"keys"`
		Development bool              `json:"patrol_development"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("the key set is not a JWK Set")
	}
	if set.Development && !source.development {
		return nil, ErrDevelopment
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set holds %d keys, more than the %d that are accepted", len(set.Keys), maxKeys)
	}
	ring := &keyRing{}
	for _, text := range set.Keys {
		if key, ok := parseKey(text, source); ok {
			ring.keys = append(ring.keys, key)
		}
	}
	if len(ring.keys) == 0 {
		return nil, errNoKeys
	}
	return ring, nil
}

// parseKey reads a JWK. Certificates in it are ignored. A key is of no use if
// its private part is published, or if it names an issuer (as Entra's do) that
// is not that of source.
func parseKey(text []byte, source keySource) (key, bool) {
	var published struct {
		ID         string   `json:"kid,omitempty"`
		Type       string   `json:"kty"`
		Algorithm  string   `json:"alg,omitempty"`
		Use        string   `json:"use,omitempty"`
		Operations []string `json:"key_ops,omitempty"`
		Issuer     string   `json:"issuer,omitempty"`
		N          string   `json:"n,omitempty"`
		E          string   `json:"e,omitempty"`
		Curve      string   `json:"crv,omitempty"`
		X          string   `json:"x,omitempty"`
		Y          string   `json:"y,omitempty"`
		Private    string   `json:"d,omitempty"`
	}
	if json.Unmarshal(text, &published) != nil || published.Private != "" ||
		(published.Use != "" && published.Use != "sig") ||
		(published.Operations != nil && !slices.Contains(published.Operations, "verify")) ||
		(published.Issuer != "" && !source.hasKeysOf(published.Issuer)) {
		return key{}, false
	}
	text, err := json.Marshal(published)
	if err != nil {
		return key{}, false
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(text); err != nil {
		return key{}, false
	}
	k := key{id: published.ID, algorithms: algorithmsOf(jwk.Key), public: jwk.Key}
	if published.Algorithm != "" {
		k.algorithms = slices.DeleteFunc(k.algorithms, func(name string) bool { return name != published.Algorithm })
	}
	return k, len(k.algorithms) > 0
}

// algorithmsOf lists what a key of that kind and size can be trusted with.
func algorithmsOf(public any) []string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits >= minRSABits && bits <= maxRSABits {
			return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
	case *ecdsa.PublicKey:
		switch public.Curve {
		case elliptic.P256():
			return []string{"ES256"}
		case elliptic.P384():
			return []string{"ES384"}
		}
	}
	return nil
}

// has reports whether a key of that id was published.
func (r *keyRing) has(id string) bool {
	return id != "" && slices.ContainsFunc(r.keys, func(k key) bool { return k.id == id })
}

// verifies reports whether a key that t names signed it. A token that names no
// key is accepted where only one can be meant (OpenID Connect Core section
// 10.1).
func (r *keyRing) verifies(t *token) bool {
	var candidates []key
	for _, k := range r.keys {
		if (t.keyID == "" || t.keyID == k.id) && slices.Contains(k.algorithms, t.algorithm) {
			candidates = append(candidates, k)
		}
	}
	if t.keyID == "" && len(candidates) > 1 {
		return false
	}
	return slices.ContainsFunc(candidates, func(k key) bool {
		_, err := t.jws.Verify(k.public)
		return err == nil
	})
}

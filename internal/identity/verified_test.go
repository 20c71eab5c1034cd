package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestKnownTokenIsCheckedOn(t *testing.T) {
	t.Parallel()
	now := &clock{now: start}
	p := newProvider(oldKey())
	v := newVerifier(t, config(p, now.Now))
	token := lasting(t, "rsa")
	accepts(t, v, token)
	refuses(t, v, token[:len(token)-8]+"AAAAAAAA") // what is known of one says nothing of another

	p.mu.Lock()
	p.keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{newKey()}}
	p.mu.Unlock()
	now.advance(fetchInterval)
	accepts(t, v, lasting(t, "next")) // makes the verifier fetch the new keys
	refuses(t, v, token)

	next := lasting(t, "next")
	accepts(t, v, next)
	now.advance(366 * 24 * time.Hour)
	if _, err := v.Authenticate(t.Context(), next); err == nil {
		t.Error("a known token is accepted after its end")
	}
}

func TestVerifiedIsBounded(t *testing.T) {
	t.Parallel()
	ring := &keyRing{fetched: start}
	issuer := &trust{keys: &keySet{}}
	issuer.keys.ring.Store(ring)
	digest := func(n int) (d [sha256.Size]byte) {
		binary.BigEndian.PutUint64(d[:], uint64(n))
		return d
	}
	var v verified
	for n := range 10 * maxVerified {
		v.add(digest(n), verifiedToken{trust: issuer, ring: ring})
		if _, ok := v.find(digest(0), start); !ok {
			t.Fatalf("a token in use was forgotten after %d others", n)
		}
	}
	if size := len(v.young) + len(v.older); size > 2*maxVerified {
		t.Errorf("%d tokens are remembered, want at most %d", size, 2*maxVerified)
	}
}

package identity

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/patrolhq/patrol/internal/pat"
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
	token := verifiedToken{trust: issuer, ring: ring, actor: pat.Actor{Groups: make([]string, 500)}}
	for n := range 10 * maxVerified / token.size() {
		v.add(digest(n), token)
		if _, ok := v.find(digest(0), start); !ok {
			t.Fatalf("a token in use was forgotten after %d others", n)
		}
	}
	if size := (len(v.young) + len(v.older)) * token.size(); size > 2*maxVerified {
		t.Errorf("%d bytes are remembered, want at most %d", size, 2*maxVerified)
	}
}

package identity

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// verified remembers tokens that passed every check, so that the next request
// with the same token costs a hash instead of a signature. What a token says
// never changes; what may change is asked each time: its times, and whether
// its issuer still publishes the keys it was verified with.
//
// It holds two generations: when the younger is full it becomes the older, and
// the older is forgotten. So it is bounded, and tokens in use stay.
type verified struct {
	mu           sync.Mutex
	young, older map[[sha256.Size]byte]verifiedToken
}

// verifiedToken is what a token was found to say.
type verifiedToken struct {
	trust  *trust
	ring   *keyRing
	claims *claims
	actor  pat.Actor
}

// maxVerified is the size of a generation: with claims of a few hundred bytes
// both take some megabytes.
const maxVerified = 4096

// find returns what is known of a token, if it still holds at now.
func (v *verified) find(digest [sha256.Size]byte, now time.Time) (verifiedToken, bool) {
	v.mu.Lock()
	t, ok := v.young[digest]
	if !ok {
		if t, ok = v.older[digest]; ok {
			v.put(digest, t)
		}
	}
	v.mu.Unlock()
	return t, ok && t.ring == t.trust.keys.ring.Load() && now.Sub(t.ring.fetched) < refreshAfter
}

// add remembers a token.
func (v *verified) add(digest [sha256.Size]byte, t verifiedToken) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(digest, t)
}

func (v *verified) put(digest [sha256.Size]byte, t verifiedToken) {
	if v.young == nil || len(v.young) >= maxVerified {
		v.young, v.older = make(map[[sha256.Size]byte]verifiedToken), v.young
	}
	v.young[digest] = t
}

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
	size         int // of young
	young, older map[[sha256.Size]byte]verifiedToken
}

// verifiedToken is what a token was found to say, and no more of it.
type verifiedToken struct {
	trust *trust
	ring  *keyRing
	times claims // of which only the times are set
	actor pat.Actor
}

// maxVerified bounds a generation, in bytes.
const maxVerified = 4 << 20

// size is about how much memory t takes.
func (t verifiedToken) size() int {
	const alone = 1 << 10
	size := alone + len(t.actor.Name) + len(t.actor.Username)
	for _, texts := range [][]string{t.actor.Groups, t.actor.Roles} {
		for _, text := range texts {
			size += 16 + len(text)
		}
	}
	return size
}

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
	if v.young == nil || v.size+t.size() > maxVerified {
		v.young, v.older, v.size = make(map[[sha256.Size]byte]verifiedToken), v.young, 0
	}
	v.young[digest] = t
	v.size += t.size()
}

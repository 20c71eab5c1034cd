// Package verify tells what a presented personal access token is good for. It
// is the path that every request of other people's services takes: a cache
// before the store, never a yes that the node's lease does not cover, and two
// ways to ask by HTTP, for gateways and for services.
//
// [Verifier.Verify] is where every decision is made, [Front] where every
// request enters.
package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// Source is where tokens are looked up. A token that does not exist is
// [pat.NotFound].
type Source interface {
	// Lookup is the token with that digest, as it was at a moment after the
	// call began.
	Lookup(ctx context.Context, bucket pat.Bucket, digest pat.Digest) (pat.Token, error)
}

// Lease says whether this node may answer from what it knows.
type Lease interface {
	// Hold waits, at most 2 seconds, until the node has a lease, and returns
	// the epoch of it. Its error is [pat.ErrUnavailable].
	Hold(ctx context.Context) (epoch uint64, err error)
	// Now is the time by which expiry is judged, in microseconds since 1970,
	// never going back, and the epoch of the lease that holds at this very
	// moment; ok is false where none does. It is cheap and allocates nothing.
	Now() (micros int64, epoch uint64, ok bool)
}

// Verifier tells what presented tokens are good for. All fields are needed. It
// is safe for concurrent use.
type Verifier struct {
	Keys   *pat.Keyring
	Scopes *pat.Catalogue
	Judge  *pat.Judge
	Source Source
	Lease  Lease
	Cache  *Cache
	Log    *slog.Logger

	// unsealed counts the rows whose seal is broken.
	unsealed  atomic.Int64
	complains seldom
}

// Found is what a verification learns of a token. It can be used again, and
// its slices then change.
type Found struct {
	Claim pat.Claim
	// Scope is the token's, OwnerName the sign-in name of its owner, empty
	// where it is not known.
	Scope, OwnerName []byte
	// At is the organization for which the token was judged.
	At pat.Organization

	digest pat.Digest
	// now is when it was judged, in microseconds since 1970.
	now int64
	// recorded is the use that waits in the cache to be recorded.
	recorded stamp
}

// errNoLease is an attempt that no lease covered from its look-up to its end.
var errNoLease = errors.New("the lease ended meanwhile")

// Verify judges the token that was presented, by demand, and leaves in found
// what it learnt, which says something only where the verdict is not
// [pat.Dead]. Its error is [pat.ErrUnavailable]. It allocates nothing where the
// token is cached, no secret, or invented.
func (v *Verifier) Verify(ctx context.Context, presented string, demand *pat.Demand, found *Found) (pat.Verdict, error) {
	digest, bucket, ok := v.Keys.Identify(presented)
	if !ok {
		return pat.Dead, nil
	}
	found.digest = digest
	verdict, err := v.attempt(ctx, bucket, demand, found)
	if err != errNoLease { //nolint:errorlint // never wrapped, and compared on each request
		return verdict, err
	}
	if _, err := v.Lease.Hold(ctx); err != nil {
		return pat.Dead, fmt.Errorf("waiting for a lease: %w", err)
	}
	verdict, err = v.attempt(ctx, bucket, demand, found)
	if errors.Is(err, errNoLease) {
		return pat.Dead, pat.ErrUnavailable
	}
	return verdict, err
}

// attempt judges the token of found's digest, cached or read. The lease is
// asked after the look-up, and must be the one under which the token was read:
// a verification that begins after a change has returned then sees it.
func (v *Verifier) attempt(ctx context.Context, bucket pat.Bucket, demand *pat.Demand, found *Found) (pat.Verdict, error) {
	epoch, cached := v.Cache.get(found)
	now, current, ok := v.Lease.Now()
	if !ok {
		return pat.Dead, errNoLease
	}
	if !cached || epoch != current {
		var known bool
		var err error
		if now, known, err = v.fill(ctx, bucket, current, found); err != nil || !known {
			return pat.Dead, err
		}
	}
	found.now = now
	verdict, at, err := v.Judge.Decide(ctx, &found.Claim, demand, now)
	if err != nil {
		return pat.Dead, unavailable("judging a token", err)
	}
	found.At = at
	return verdict, nil
}

// lookupTimeout bounds how long the source may take.
const lookupTimeout = 5 * time.Second

// fill reads the token of found's digest, and keeps it unless something changed
// near it meanwhile. The lease must be of epoch when it began and still when
// it ended, at now. known is false for a token that does not exist, or that
// somebody meddled with. Each request reads for itself: it must not be answered
// by what was read before it came.
func (v *Verifier) fill(ctx context.Context, bucket pat.Bucket, epoch uint64, found *Found) (now int64, known bool, err error) {
	generation := v.Cache.generation(&found.digest)
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	t, err := v.Source.Lookup(ctx, bucket, found.digest)
	now, current, ok := v.Lease.Now()
	switch {
	case !ok || current != epoch:
		return 0, false, errNoLease
	case pat.CodeOf(err) == pat.CodeTokenNotFound:
		return now, false, nil
	case err != nil:
		return 0, false, unavailable("looking a token up", err)
	case t.Digest != found.digest || t.Scope == "" || !v.Keys.Sealed(t): // no token is made without a scope
		v.complain(t.ID)
		return now, false, nil
	}
	found.Claim = v.Scopes.ClaimOf(t)
	found.Scope = append(found.Scope[:0], t.Scope...)
	found.OwnerName = append(found.OwnerName[:0], t.OwnerName...)
	found.recorded = stamp{}
	v.Cache.put(found, epoch, generation)
	return now, true, nil
}

// complain counts a row whose seal is broken, and logs that seldom.
func (v *Verifier) complain(token pat.UUID) {
	v.unsealed.Add(1)
	if v.complains.due() {
		v.Log.Error("a token was refused because its seal is broken: somebody wrote to the database", "token", token, "refused", v.unsealed.Load())
	}
}

// seldom lets through one log line a minute.
type seldom struct{ last atomic.Int64 }

func (s *seldom) due() bool {
	now, last := time.Now().Unix(), s.last.Load()
	return now-last >= 60 && s.last.CompareAndSwap(last, now)
}

// Used records that the token of found, which was just accepted, was used.
func (v *Verifier) Used(found *Found, u Use) {
	s := stampOf(u, found.now)
	if s == found.recorded {
		return
	}
	v.Cache.use(&found.digest, use{found.Claim.ID, s})
	found.recorded = s
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", pat.ErrUnavailable, doing, err)
}

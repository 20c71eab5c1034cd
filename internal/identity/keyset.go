package identity

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	// fetchInterval is the least time between two fetches of one key set,
	// except that the second may follow the first at once: the first only
	// shows what there was to begin with.
	fetchInterval = 10 * time.Second
	fetchBurst    = 2
	// refreshAfter is the age from which keys are fetched again unasked, so
	// that those the issuer withdrew go. Keys that could not be fetched again
	// by distrustAfter are not used any more; tokens live for an hour, so
	// those of a reachable issuer are not affected.
	refreshAfter  = 24 * time.Hour
	distrustAfter = 48 * time.Hour
)

// keySet holds the keys of one issuer. It fetches them when a token asks for
// a key that it does not have, as seldom as fetchInterval says, and one at a
// time for all callers.
type keySet struct {
	source keySource
	remote *remote
	now    func() time.Time
	log    *slog.Logger
	ring   atomic.Pointer[keyRing] // nil until the first fetch succeeded

	mu      sync.Mutex
	allowed *rate.Limiter
	running *fetch
	failure error // of the last fetch
}

// fetch is one fetch under way. Its error may be read when done is closed.
type fetch struct {
	done chan struct{}
	err  error
}

func newKeySet(source keySource, remote *remote, now func() time.Time, log *slog.Logger) *keySet {
	return &keySet{
		source: source, remote: remote, now: now, log: log,
		allowed: rate.NewLimiter(rate.Every(fetchInterval), fetchBurst),
	}
}

// verify checks the signature of t and returns the keys among which it found
// the right one.
func (s *keySet) verify(ctx context.Context, t *token) (*keyRing, error) {
	ring := s.ring.Load()
	if age := s.age(ring); age < distrustAfter {
		if age >= refreshAfter {
			s.refresh(ctx, ring)
		}
		if ring.verifies(t) {
			return ring, nil
		}
		if ring.has(t.keyID) {
			return nil, refuse("the access token's signature is wrong: sign in again")
		}
	}
	if err := s.await(ctx, s.refresh(ctx, ring)); err != nil {
		return nil, err
	}
	ring = s.ring.Load()
	if !ring.verifies(t) {
		return nil, refuse("the access token is not signed with a key that its issuer publishes: sign in again")
	}
	return ring, nil
}

// age is how long ago ring was fetched; no ring is infinitely old.
func (s *keySet) age(ring *keyRing) time.Duration {
	if ring == nil {
		return distrustAfter
	}
	return s.now().Sub(ring.fetched)
}

// refresh starts to replace seen by what the issuer publishes now, or joins
// the fetch under way, and returns it. It returns a finished one where seen
// has been replaced since, or where it is too early to ask again; that one
// failed if the last fetch did. So once a fetch ends well, there is a ring that
// is not too old.
func (s *keySet) refresh(ctx context.Context, seen *keyRing) *fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.running != nil:
		return s.running
	case s.ring.Load() != seen:
		return finished(nil)
	case !s.allowed.AllowN(s.now(), 1):
		return finished(s.failure)
	}
	f := &fetch{done: make(chan struct{})}
	s.running = f
	go s.run(context.WithoutCancel(ctx), f)
	return f
}

func finished(err error) *fetch {
	f := &fetch{done: make(chan struct{}), err: err}
	close(f.done)
	return f
}

// run carries out f. It does not end with the caller that happened to start
// it, because others wait as well.
func (s *keySet) run(ctx context.Context, f *fetch) {
	ring, err := s.remote.keys(ctx, s.source)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("fetching the keys of %s: %w: %w", s.source.issuer, pat.ErrUnavailable, err)
		s.log.WarnContext(ctx, "cannot fetch the keys of an issuer", "issuer", s.source.issuer, "error", err)
	} else {
		ring.fetched = s.now()
		s.ring.Store(ring)
		s.log.DebugContext(ctx, "fetched the keys of an issuer", "issuer", s.source.issuer, "keys", len(ring.keys))
	}
	f.err, s.failure, s.running = err, err, nil
	close(f.done)
}

// await waits for f, or for the end of ctx.
func (s *keySet) await(ctx context.Context, f *fetch) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("waiting for the keys of %s: %w", s.source.issuer, context.Cause(ctx))
	}
}

package verify

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// Use is what a token was used for, as far as it is known.
type Use struct {
	// Address is the client's.
	Address netip.Addr
	Agent   Agent
	// Scope is the index of a scope that was asked of the token, -1 where none
	// was.
	Scope int
}

// stamp is a use as rows keep it.
type stamp struct {
	second  uint32 // since 1970
	address [16]byte
	agent   Agent
	scope   uint16 // one more than the index, 0 for none
}

// use is a use of a token that is still to be recorded.
type use struct {
	token pat.UUID
	stamp
}

// stampOf is u at a moment, in microseconds since 1970.
func stampOf(u Use, micros int64) stamp {
	s := stamp{second: uint32(micros / 1e6), agent: u.Agent, scope: uint16(u.Scope + 1)}
	if u.Address.IsValid() {
		s.address = u.Address.As16()
	}
	return s
}

// spillway keeps the last uses of tokens that are not in the cache, or no more.
type spillway struct {
	mu   sync.Mutex
	uses map[pat.UUID]stamp
	lost int64
}

// maxSpilled bounds the spillway: with it full, uses are lost.
const maxSpilled = 1 << 15

func (s *spillway) add(u use) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.uses[u.token]
	switch {
	case ok && u.second < known.second:
		return
	case !ok && len(s.uses) == maxSpilled:
		s.lost++
		return
	case s.uses == nil:
		s.uses = map[pat.UUID]stamp{}
	}
	s.uses[u.token] = u.stamp
}

// take appends to batch, as far as it has room, uses that it forgets.
func (s *spillway) take(batch []use) []use {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, stamp := range s.uses {
		if len(batch) == cap(batch) {
			return batch
		}
		batch = append(batch, use{token, stamp})
		delete(s.uses, token)
	}
	s.uses = nil
	return batch
}

// Recorder keeps the last use of tokens.
type Recorder interface {
	Used(ctx context.Context, uses []pat.Usage) error
}

// Uses records what tokens were last used for: the cache gathers it, so that
// a use costs no write, and [Uses.Run] takes it to the store.
type Uses struct {
	Cache  *Cache
	Store  Recorder
	Scopes *pat.Catalogue
	Log    *slog.Logger

	// pending is what the store did not take.
	pending []pat.Usage
	batch   []use
	failing bool
	// recorded counts the uses that the store took.
	recorded atomic.Int64
}

// round is how long it takes to pass all of the cache. A use is recorded at
// most that late, and the time that the store takes.
const round = 30 * time.Second

// batchSize is how many uses the store is given at once.
const batchSize = 512

// flushTimeout bounds how long the store may take for one batch, and for
// everything at the end.
const flushTimeout = 10 * time.Second

// Run records uses until ctx ends, and then those that are left.
func (u *Uses) Run(ctx context.Context) {
	ticker := time.NewTicker(round / shards)
	defer ticker.Stop()
	for i := 0; ; i = (i + 1) % shards {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
			defer cancel()
			u.Flush(last)
			return
		case <-ticker.C:
			u.flush(ctx, i, i+1)
		}
	}
}

// Flush records all uses that are known, as far as the store takes them. It
// must not be called while [Uses.Run] runs.
func (u *Uses) Flush(ctx context.Context) { u.flush(ctx, 0, shards) }

// flush records what the store did not take before, what left the cache, and
// the uses in some of its shards. It ends where the store fails: what is in the
// cache stays there.
func (u *Uses) flush(ctx context.Context, from, to int) {
	if u.batch == nil {
		u.batch = make([]use, 0, batchSize)
	}
	if len(u.pending) > 0 && !u.record(ctx) {
		return
	}
	for {
		u.batch = u.Cache.spilled.take(u.batch[:0])
		if len(u.batch) == 0 {
			break
		}
		if !u.recordBatch(ctx) {
			return
		}
	}
	for i := from; i < to; i++ {
		if !u.sweep(ctx, &u.Cache.shards[i]) {
			return
		}
	}
}

// sweep records the uses in a shard.
func (u *Uses) sweep(ctx context.Context, s *shard) (ok bool) {
	var at uint64
	u.batch = u.batch[:0]
	for more := true; more; {
		s.mu.Lock()
		u.batch, at, more = s.collect(at, u.batch)
		s.mu.Unlock()
		if len(u.batch) == cap(u.batch) || !more {
			if !u.recordBatch(ctx) {
				return false
			}
			u.batch = u.batch[:0]
		}
	}
	return true
}

// recordBatch gives the store u.batch.
func (u *Uses) recordBatch(ctx context.Context) (ok bool) {
	for _, use := range u.batch {
		u.pending = append(u.pending, u.usage(use))
	}
	return len(u.pending) == 0 || u.record(ctx)
}

// usage is a use in the words of the domain.
func (u *Uses) usage(use use) pat.Usage {
	usage := pat.Usage{
		Token: use.token, At: time.Unix(int64(use.second), 0).UTC(), Agent: use.agent.String(), Scope: u.Scopes.Name(int(use.scope) - 1),
	}
	if use.address != [16]byte{} {
		usage.Address = netip.AddrFrom16(use.address).Unmap().String()
	}
	return usage
}

// record gives the store u.pending, which stays where it fails.
func (u *Uses) record(ctx context.Context) (ok bool) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := u.Store.Used(ctx, u.pending); err != nil {
		if !u.failing {
			u.Log.Warn("recording the last uses of tokens failed: they are kept for later", "error", err)
		}
		u.failing = true
		return false
	}
	u.recorded.Add(int64(len(u.pending)))
	u.pending, u.failing = u.pending[:0], false
	return true
}

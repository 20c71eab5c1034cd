package verify

import (
	"sync/atomic"
	"time"
)

// Outcome is how a request for a verification ended.
type Outcome uint8

// The outcomes. Refused is a token that is none, is dead, or, for
// introspection, does not concern the client.
const (
	Accepted Outcome = iota
	Refused
	RefusedOrganization
	RefusedScope
	// BadRequest is a question, a client or a request that is not understood.
	BadRequest
	// Unavailable could not be known.
	Unavailable
	// Failed is a fault of ours.
	Failed

	outcomes = iota
)

func (o Outcome) String() string {
	return [...]string{"accepted", "refused", "organization", "scope", "request", "unavailable", "failed"}[o]
}

// LatencyBounds are the upper bounds of the buckets of a [Latency] but for the
// last, which has none.
var LatencyBounds = [...]time.Duration{
	5 * time.Microsecond, 10 * time.Microsecond, 25 * time.Microsecond, 100 * time.Microsecond, 500 * time.Microsecond,
	2 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// Latency counts how long requests took inside this package.
type Latency struct {
	Buckets [len(LatencyBounds) + 1]int64
	Sum     time.Duration
}

// EndpointStats counts the requests of one endpoint.
type EndpointStats struct {
	Outcomes [outcomes]int64
	Latency  Latency
}

// Stats counts since the start.
type Stats struct {
	ForwardAuth, Introspection EndpointStats
	// Hits and Misses are look-ups in the cache. Each miss asks the store.
	Hits, Misses int64
	// Unsealed counts tokens that were refused because their seal is broken.
	Unsealed int64
	// Evictions are rows that left the cache to make room for others.
	Evictions int64
	// Rows are in the cache now, which takes up to Size bytes.
	Rows, Size int
	// LostUses counts the uses that could not be kept until the store took
	// them.
	LostUses int64
}

// Stats are the counts up to now.
func (f *Front) Stats() Stats {
	v := f.Verifier
	v.Cache.spilled.mu.Lock()
	lost := v.Cache.spilled.lost
	v.Cache.spilled.mu.Unlock()
	return Stats{
		ForwardAuth: f.forwardAuth.stats(), Introspection: f.introspection.stats(),
		Hits: v.Cache.hits.Load(), Misses: v.Cache.misses.Load(), Unsealed: v.unsealed.Load(),
		Evictions: v.Cache.evicted(), Rows: v.Cache.rows(), Size: v.Cache.size, LostUses: lost,
	}
}

// counts are the live form of EndpointStats.
type counts struct {
	outcomes [outcomes]atomic.Int64
	buckets  [len(LatencyBounds) + 1]atomic.Int64
	sum      atomic.Int64
}

func (c *counts) count(o Outcome, took time.Duration) {
	c.outcomes[o].Add(1)
	bucket := 0
	for bucket < len(LatencyBounds) && took > LatencyBounds[bucket] {
		bucket++
	}
	c.buckets[bucket].Add(1)
	c.sum.Add(int64(took))
}

func (c *counts) stats() (s EndpointStats) {
	for i := range c.outcomes {
		s.Outcomes[i] = c.outcomes[i].Load()
	}
	for i := range c.buckets {
		s.Latency.Buckets[i] = c.buckets[i].Load()
	}
	s.Latency.Sum = time.Duration(c.sum.Load())
	return s
}

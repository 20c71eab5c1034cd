package verify

import "time"

// LeaseTime is how long a lease holds, from before its renewal. Whoever changes
// a token waits longer than that for a node that does not answer.
const LeaseTime = 3 * time.Second

// grant is a lease as one renewal granted it.
type grant struct {
	epoch uint64
	// from is when the renewal began, before changes were read.
	from instant
	// asked is when the database was asked for its time, micros what it said,
	// in microseconds since 1970. Some of its answer's way is counted as
	// passed that had not: a token ends early rather than late.
	asked  instant
	micros int64
}

// holds reports whether the lease holds.
func (g *grant) holds(now instant) bool { return now.within(LeaseTime, g.from) }

// time is the database's: by the clock that went further since it was asked, as
// one may have stood while the machine was suspended.
func (g *grant) time(now instant) int64 {
	return g.micros + max((now.monotonic-g.asked.monotonic).Microseconds(), now.wall-g.asked.wall)
}

package verify

import "context"

// Alone is the lease of a process that has its database for itself: it always
// holds, since every change is made by this process.
//
// Its time is the furthest of what the wall clock says, what it said at the
// start and the monotonic clock since, and what Alone said before: a wall clock
// that is set back revives no token, and neither does a machine that slept,
// whose monotonic clock may have stood still.
type Alone struct {
	clock clock
	start int64 // in nanoseconds
	last  latest
}

// NewAlone starts with the time of now.
func NewAlone() *Alone { return newAlone(systemClock()) }

func newAlone(clock clock) *Alone {
	now := clock.now()
	return &Alone{clock: clock, start: now.wall*1000 - int64(now.monotonic)}
}

// aloneEpoch is the only one that there is.
const aloneEpoch = 1

// Hold returns at once.
func (a *Alone) Hold(context.Context) (epoch uint64, err error) { return aloneEpoch, nil }

// Now is the time; the lease holds.
func (a *Alone) Now() (micros int64, epoch uint64, ok bool) {
	now := a.clock.now()
	return a.last.advance(max(now.wall, (a.start+int64(now.monotonic))/1000)), aloneEpoch, true
}

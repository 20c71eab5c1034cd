package verify

import (
	"context"
	"sync/atomic"
	"time"
)

// Alone is the lease of a process that has its database for itself: it always
// holds, since every change is made by this process.
//
// Its time is the furthest of what the wall clock says, what it said at the
// start and the monotonic clock since, and what Alone said before: a wall clock
// that is set back revives no token, and neither does a machine that slept,
// whose monotonic clock may have stood still.
type Alone struct {
	read  func() (wall int64, elapsed time.Duration)
	start int64 // in nanoseconds
	last  atomic.Int64
}

// NewAlone starts with the time of now.
func NewAlone() *Alone {
	began := time.Now()
	return newAlone(func() (int64, time.Duration) {
		now := time.Now()
		return now.UnixMicro(), now.Sub(began)
	})
}

// newAlone reads clocks by read: the wall clock in microseconds since 1970,
// and the monotonic one since the start.
func newAlone(read func() (wall int64, elapsed time.Duration)) *Alone {
	a := &Alone{read: read}
	wall, elapsed := read()
	a.start = wall*1000 - int64(elapsed)
	return a
}

// aloneEpoch is the only one that there is.
const aloneEpoch = 1

// Hold returns at once.
func (a *Alone) Hold(context.Context) (epoch uint64, err error) { return aloneEpoch, nil }

// Now is the time; the lease holds.
func (a *Alone) Now() (micros int64, epoch uint64, ok bool) {
	wall, elapsed := a.read()
	now := max(wall, (a.start+int64(elapsed))/1000)
	for {
		last := a.last.Load()
		if now <= last {
			return last, aloneEpoch, true
		}
		if a.last.CompareAndSwap(last, now) {
			return now, aloneEpoch, true
		}
	}
}

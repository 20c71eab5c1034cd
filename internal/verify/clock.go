package verify

import (
	"sync/atomic"
	"time"
)

// clock reads two clocks at once: the wall clock, in microseconds since 1970,
// and the monotonic one, from a moment of its own. The first can be set; the
// second may stand while the machine is suspended.
type clock func() (wall int64, monotonic time.Duration)

// systemClock is the machine's.
func systemClock() clock {
	began := time.Now()
	return func() (int64, time.Duration) {
		now := time.Now()
		return now.UnixMicro(), now.Sub(began)
	}
}

// instant is what a clock said at a moment.
type instant struct {
	wall      int64
	monotonic time.Duration
}

func (c clock) now() (i instant) {
	i.wall, i.monotonic = c()
	return i
}

// within reports whether by both clocks i is at most limit after start, and not
// before it.
func (i instant) within(limit time.Duration, start instant) bool {
	wall, monotonic := i.wall-start.wall, i.monotonic-start.monotonic
	return wall >= 0 && wall < limit.Microseconds() && monotonic >= 0 && monotonic < limit
}

// latest is the latest time that was told, in microseconds since 1970.
type latest struct{ micros atomic.Int64 }

// advance is the later of now and all times before.
func (l *latest) advance(now int64) int64 {
	for {
		last := l.micros.Load()
		if now <= last {
			return last
		}
		if l.micros.CompareAndSwap(last, now) {
			return now
		}
	}
}

package devidp

import (
	"sync"
	"time"
)

// ledgerSize bounds the entries of a ledger, about two megabytes.
const ledgerSize = 1 << 14

// ledger remembers which one-time values were used. It forgets the oldest entry
// when it is full, and then remembers the time of what it forgot, so that its
// user can refuse everything that old instead of taking it for unused.
type ledger struct {
	mu    sync.Mutex
	at    map[string]time.Time
	order []string
	next  int
	floor time.Time
}

func newLedger(floor time.Time) *ledger {
	return &ledger{at: make(map[string]time.Time), floor: floor}
}

// use records id with a time, and answers the time that was recorded before and
// whether there was one.
func (l *ledger) use(id string, at time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if before, ok := l.at[id]; ok {
		return before, true
	}
	if len(l.order) < ledgerSize {
		l.order = append(l.order, id)
	} else {
		oldest := l.order[l.next]
		if forgotten := l.at[oldest]; forgotten.After(l.floor) {
			l.floor = forgotten
		}
		delete(l.at, oldest)
		l.order[l.next] = id
		l.next = (l.next + 1) % ledgerSize
	}
	l.at[id] = at
	return time.Time{}, false
}

// covers reports whether the ledger knows all values of that time that were
// used. Ask it after use, which may be when it forgets one.
func (l *ledger) covers(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return at.After(l.floor)
}

package store

import (
	"database/sql"
	"math/bits"
	"sync/atomic"
)

// Stats counts what was done since the database was opened.
type Stats struct {
	// Changes were committed in Commits transactions. Failures are the
	// transactions of which nothing was, or of which that is not known; each
	// failed all the changes in it.
	Changes, Commits, Failures int64
	// CommitSizes counts commits by how many changes they had: the element i
	// those of up to 1<<i, without those that the elements before it count.
	CommitSizes [7]int64
	// Readers and Writers are the connections.
	Readers, Writers sql.DBStats
}

// Stats are the counts up to now.
func (db *DB) Stats() Stats {
	s := db.writer.tally.stats()
	if db.creator != nil {
		s = s.and(db.creator.tally.stats())
	}
	s.Readers, s.Writers = db.readers.Stats(), db.writers.Stats()
	return s
}

// and adds what another goroutine counted.
func (s Stats) and(other Stats) Stats {
	s.Changes += other.Changes
	s.Commits += other.Commits
	s.Failures += other.Failures
	for i, n := range other.CommitSizes {
		s.CommitSizes[i] += n
	}
	return s
}

// tally is what a goroutine that writes counts.
type tally struct {
	changes, commits, failed atomic.Int64
	sizes                    [len(Stats{}.CommitSizes)]atomic.Int64
}

// committed counts a transaction of that many changes.
func (t *tally) committed(changes int) {
	t.commits.Add(1)
	t.changes.Add(int64(changes))
	t.sizes[min(bits.Len(uint(changes-1)), len(t.sizes)-1)].Add(1)
}

func (t *tally) stats() Stats {
	s := Stats{Changes: t.changes.Load(), Commits: t.commits.Load(), Failures: t.failed.Load()}
	for i := range t.sizes {
		s.CommitSizes[i] = t.sizes[i].Load()
	}
	return s
}

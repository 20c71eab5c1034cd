package store

import (
	"cmp"
	"context"
	"fmt"
	"os"
)

// walPages is how many pages the write-ahead log gathers before SQLite writes
// them back. Many, because those of indexes repeat.
const walPages = 4096

// walKeeper keeps the write-ahead log short. SQLite starts it anew once its
// pages are written back and nobody reads from it; where reads overlap without
// end that moment never comes, and it grows.
type walKeeper struct {
	path string
	// limit is how many bytes the log may have; zero means 64 MiB.
	limit int64
	turns int
}

// tend looks every 256 turns, and has SQLite wait for the reads of the moment
// where the log is too long.
func (k *walKeeper) tend(ctx context.Context, s *session) error {
	if k.turns++; k.turns%256 != 0 {
		return nil
	}
	info, err := os.Stat(k.path)
	k.limit = cmp.Or(k.limit, 64<<20)
	if err != nil || info.Size() <= k.limit {
		return nil // no log is a short one
	}
	if err := s.control(ctx, `PRAGMA busy_timeout = 250`); err != nil {
		return err
	}
	var busy, pages, written int64
	if err := s.row(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &written); err != nil {
		return err
	}
	if busy != 0 {
		k.limit = 2 * info.Size() // somebody reads for long: do not hold up writers at every turn
	}
	return s.control(ctx, fmt.Sprintf(`PRAGMA busy_timeout = %d`, busyTimeout.Milliseconds()))
}

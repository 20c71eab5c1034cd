package verify

import (
	"context"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// Ledger is where the nodes of one service keep what they know of each other.
// Every change of a token has a number, seq, in the order of their commits.
//
// Join makes a new connection, and Changes and Renew ask over that one: where it
// is lost, they fail. One goroutine calls them.
type Ledger interface {
	// Join inserts the row of a new epoch and returns once that is durable.
	// applied is a seq up to which the row says that the node knows all
	// changes: whatever it reads from then on was read after them.
	Join(ctx context.Context, epoch pat.UUID) (applied int64, err error)
	// Changes are the digests of the tokens that were changed after seq, and
	// up to which seq that is true, both as of the same moment.
	Changes(ctx context.Context, seq int64) (digests []pat.Digest, upTo int64, err error)
	// Renew says in the row that the node lives and knows all changes up to
	// applied. Without a row it fails. now is the database's time.
	Renew(ctx context.Context, epoch pat.UUID, applied int64) (now time.Time, err error)
	// Leave deletes the row of an epoch that has ended.
	Leave(ctx context.Context, epoch pat.UUID) error
	// Drop closes every connection to the database. What is being asked over
	// them fails.
	Drop()
	// Hints tell, until ctx ends, that there may be changes. They may be late
	// or missing.
	Hints(ctx context.Context) <-chan struct{}
}

// Memory is what a node remembers of tokens.
type Memory interface {
	// Invalidate forgets a token, and has nothing remembered of it that is
	// being read now. It is done when it returns.
	Invalidate(digest pat.Digest)
	// Clear forgets all tokens, likewise.
	Clear()
}

package pat

import (
	"context"
	"time"
)

// Store keeps tokens and the events of their changes. A method that returned
// nil has made its change durable. A commit that did not answer is
// [ErrUnknown], a store that cannot answer now [ErrUnavailable]; a token that
// does not exist, or is not owner's, is [NotFound]. The store is told the
// time; it never asks a clock.
type Store interface {
	// Create keeps a new token with its event.
	Create(ctx context.Context, t Token, e Event) error

	// Find is the owner's token with that id.
	Find(ctx context.Context, owner, id UUID) (Token, error)

	// Update replaces the owner's token by what change makes of it, with the
	// event that change returns, in one transaction that no other change of
	// the token can come between. A nil event means that nothing changed. A
	// refusal by change is returned as it is. change may run more than once
	// and must touch nothing but its argument.
	Update(ctx context.Context, owner, id UUID, change func(Token) (Token, *Event, error)) (Token, error)

	// List is at most q.Limit tokens, in q's order.
	List(ctx context.Context, q Query) ([]Token, error)

	// Expire marks at most limit tokens that ended by now and were not
	// marked yet, each with the event that of makes. It returns how many.
	Expire(ctx context.Context, now time.Time, limit int, of func(Token) Event) (int, error)

	// Lookup is the token with that digest, whoever's it is, as it was at a
	// moment after the call began.
	Lookup(ctx context.Context, bucket Bucket, digest Digest) (Token, error)

	// Used records uses; of several of one token the latest is kept. Uses of
	// tokens that do not exist are kept too, and shown to nobody.
	Used(ctx context.Context, uses []Usage) error

	// Usage is those of the owner's tokens among ids (at most [MaxPage]), each
	// with its last use.
	Usage(ctx context.Context, owner UUID, ids []UUID) ([]TokenUsage, error)
}

// Query selects and orders the tokens of one owner in one organization,
// those for all organizations among them.
type Query struct {
	Owner, Organization UUID
	Filter              Filter
	Sort                Sort
	Ascending           bool
	// At is the moment by which states are judged. It stays the same from
	// page to page, so that time passing between them moves no token.
	At time.Time
	// After is the last token of the page before; nil asks for the first.
	After *Position
	Limit int
}

// Filter is which states a query shows.
type Filter uint8

// The filters.
const (
	FilterActive Filter = iota
	FilterExpired
	FilterRevoked
	FilterAll
)

// States are the states that f shows, in order.
func (f Filter) States() []State {
	if f == FilterAll {
		return []State{Active, Expired, Revoked}
	}
	return []State{State(f)}
}

// Sort is what a query orders by; the id breaks ties, in the same direction.
type Sort uint8

// The sorts: by moment of creation, by name (code points), by state.
const (
	SortCreated Sort = iota
	SortName
	SortState
)

// Position is a token's place in the order of a query. Of Created, Name and
// State only the one that the query sorts by matters.
type Position struct {
	Created time.Time
	Name    string
	State   State
	ID      UUID
}

// PositionOf is t's place where states are judged at a moment.
func PositionOf(t Token, at time.Time) Position {
	return Position{Created: t.ValidFrom, Name: t.DisplayName, State: t.StateAt(at), ID: t.ID}
}

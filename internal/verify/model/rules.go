package model

import "strings"

// Rules is a set of them.
type Rules uint32

// The rules that make revocation strict.
const (
	// GenerationCheck: what a fill read is not inserted if there was an
	// invalidation since it began.
	GenerationCheck Rules = 1 << iota
	// EpochCheck: nor if the node's epoch changed since.
	EpochCheck
	// EarlierArrivalsOnly: such a fill answers nobody who came after it began.
	EarlierArrivalsOnly
	// EmptyCache: a new epoch begins with an empty cache.
	EmptyCache
	// ReadsAfterJoin: a fill begins after the node's row was inserted.
	ReadsAfterJoin
	// RowBesideRead: the statement that reads a token reads the node's row, too,
	// and counts only where that is there.
	RowBesideRead

	// LeaseCheck: a yes looks at the lease with the time of then.
	LeaseCheck
	// WallClock: a lease ends by whichever clock ends it first.
	WallClock
	// SameEpoch: the lease must be of the epoch by which the token was looked
	// up.
	SameEpoch

	// LeaseFromBefore: a lease counts from before its renewal was sent, not
	// from the answer.
	LeaseFromBefore
	// TimeBeforeReading: it counts from before the changes were read, even.
	TimeBeforeReading
	// ApplyBeforeRenewal: the cache knows of changes before the database is
	// told so.
	ApplyBeforeRenewal
	// RowForRenewal: a renewal that finds no row is an error.
	RowForRenewal
	// OneSnapshot: invalidations, and up to where they are, are read in one
	// statement.
	OneSnapshot
	// LeaseBeforeRow: a node that stops ends its lease before it deletes its
	// row.
	LeaseBeforeRow

	// CounterLast: the counter's row is locked from when a number is taken until
	// the commit, so that numbers are committed in their order.
	CounterLast
	// CounterAfterToken: a call that changes nothing reads the counter after
	// it read the token.
	CounterAfterToken
	// WaitOfUnchanged: it waits like one that does.
	WaitOfUnchanged
	// Delete: a row that stays unchanged is deleted, not passed over.
	Delete
	// ConditionalDelete: it is deleted only if it is unchanged still.
	ConditionalDelete
	// LongerWait: a row is watched for no less than a lease.
	LongerWait
	// MarginOfWait: it is watched for longer than a lease, as clocks differ.
	MarginOfWait
	// WindowFromAnswer: it is watched from when it was seen, not from when it
	// was asked for.
	WindowFromAnswer
	// CounterBesideRows: the statement that reads the nodes' rows reads the
	// counter, too, and counts only where that has come as far as the change.
	CounterBesideRows
	// TrimmingBelowTheLeast: only invalidations that all nodes have applied
	// are deleted.
	TrimmingBelowTheLeast

	allRules = iota
)

var ruleNames = strings.Fields(`GenerationCheck EpochCheck EarlierArrivalsOnly EmptyCache ReadsAfterJoin RowBesideRead
	LeaseCheck WallClock SameEpoch
	LeaseFromBefore TimeBeforeReading ApplyBeforeRenewal RowForRenewal OneSnapshot LeaseBeforeRow
	CounterLast CounterAfterToken WaitOfUnchanged Delete ConditionalDelete LongerWait MarginOfWait WindowFromAnswer CounterBesideRows
	TrimmingBelowTheLeast`)

func (r Rules) String() string {
	var names []string
	for i, name := range ruleNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

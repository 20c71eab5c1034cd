package store

import "time"

// pace decides how long a transaction stays open for more changes.
//
// A commit costs as much as dozens of changes. Callers that write one change
// after the other, side by side, would split into halves that take turns, one
// in the commit and one waiting for it; so a transaction waits for those that
// were answered last to ask again. It knows how many callers there were, waits
// for no more than those, and for no longer than the last commit took: whoever
// is alone never waits.
type pace struct {
	// callers is how many were in the last transaction or waited behind it.
	callers int
	// patience is how long the next transaction may wait in all.
	patience time.Duration
	waits    bool
	timer    *time.Timer
}

// begin starts a transaction.
func (p *pace) begin() { p.waits = false }

// late is when the transaction shall wait no longer, counted from its first
// wait.
func (p *pace) late() <-chan time.Time {
	if !p.waits {
		p.waits = true
		p.timer.Reset(p.patience)
	}
	return p.timer.C
}

// end learns from a transaction that was committed.
func (p *pace) end(callers int, commit time.Duration) {
	p.callers, p.patience = callers, min(commit, maxPatience)
}

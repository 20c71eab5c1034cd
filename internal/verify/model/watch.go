package model

// watch is what the process of the revokers knows of a node's row. It watches
// the rows for all of them, and has done so before they came.
type watch struct {
	state watchState
	// age is for how long, by its clock.
	age uint8
}

type watchState uint8

const (
	unseen watchState = iota
	// asked: the rows are on their way (only where WindowFromAnswer is left
	// out).
	asked
	// same: it has looked, and nothing was renewed since.
	same
)

// runWatch is what the watch of node n's row may do.
func (m Model) runWatch(w world, n int, e uint8, next step) {
	seen := &w.watches[n][e]
	then := func(what string) { next(action{what, n}, w) }
	switch {
	case seen.state == unseen && !w.rows[n][e].there:
	case seen.state == unseen && m.lacks(WindowFromAnswer):
		seen.state = asked
		then("has its row asked for")
	case seen.state == unseen, seen.state == asked:
		seen.state = same
		then("has its row looked at")
	case seen.age >= m.enough() && !m.lacks(Delete):
		w.remove(n, e)
		then("has its row deleted, which did not change")
	}
}

// enough is for how long a row must not change.
func (m Model) enough() uint8 {
	switch {
	case m.lacks(LongerWait):
		return leaseTicks - 1
	case m.lacks(MarginOfWait):
		return leaseTicks
	}
	return waitTicks
}

// outdate is what a renewal does to the watch of a row. The watch does not know
// of it, but what it saw is true no longer, and a delete on that condition will
// do nothing.
func (m Model) outdate(w *world, n int, e uint8) {
	if seen := &w.watches[n][e]; seen.state == same && !m.lacks(ConditionalDelete) {
		*seen = watch{}
	}
}

// remove deletes a row.
func (w *world) remove(n int, e uint8) { w.rows[n][e], w.watches[n][e] = row{}, watch{} }

// behind reports whether a node whose row is in d has yet to apply seq.
func (m Model) behind(w *world, d *database, seq uint8) bool {
	for n := range d.rows {
		for e, r := range d.rows[n] {
			if r.there && r.applied < seq && !m.passesOver(w.watches[n][e]) {
				return true
			}
		}
	}
	return false
}

// passesOver is true of nothing, but where rows are not deleted.
func (m Model) passesOver(seen watch) bool {
	return m.lacks(Delete) && seen.state == same && seen.age >= m.enough()
}

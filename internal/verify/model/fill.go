package model

// fill is a read of the token on its way into a node's cache.
type fill struct {
	phase fillPhase
	// epoch is the node's when it began.
	epoch uint8
	// good is what it read.
	good bool
	// epochChanged and generationChanged tell what happened since it began.
	epochChanged, generationChanged bool
}

type fillPhase uint8

const (
	noFill fillPhase = iota
	begun
	read
)

// runFill is what may happen to node i's fill.
func (m Model) runFill(w world, i int, next step) {
	n := &w.nodes[i]
	switch n.fill.phase {
	case noFill:
		if n.phase.joined() || n.phase == joining && m.lacks(ReadsAfterJoin) {
			n.fill = fill{phase: begun, epoch: n.epoch}
			next(action{"begins a fill", i}, w)
		}
	case begun:
		m.read(&w, i, n.fill.epoch, func(good bool, what string) {
			w := w
			w.nodes[i].fill.phase, w.nodes[i].fill.good = read, good
			next(action{"reads for its fill from " + what, i}, w)
		})
	case read:
		m.endFill(&w, i)
		next(action{"ends its fill", i}, w)
	}
}

// read reads the token, from the old primary too where a pooled connection
// leads there. The same statement reads the node's row, and its answer does
// not count without one.
func (m Model) read(w *world, i int, epoch uint8, got func(good bool, what string)) {
	if proven := w.rows[i][epoch].there || m.lacks(RowBesideRead); proven {
		got(!w.revoked, "the database")
	}
	if !w.failedOver {
		return
	}
	if proven := w.old.rows[i][epoch].there || m.lacks(RowBesideRead); proven {
		got(!w.old.revoked, "the old primary")
	}
}

// endFill inserts what was read and hands it to the verification that waits.
func (m Model) endFill(w *world, i int) {
	n := &w.nodes[i]
	f := n.fill
	n.fill = fill{}
	stale := f.epochChanged && !m.lacks(EpochCheck) || f.generationChanged && !m.lacks(GenerationCheck)
	if !stale {
		n.cached = n.cached || f.good
	}
	if w.asked.phase == waiting {
		w.asked.phase = notAsked
		if f.good && (!stale || m.lacks(EarlierArrivalsOnly)) {
			w.asked.phase, w.asked.epoch = found, f.epoch
		}
	}
}

// verification is a question that began after a revoke had returned.
type verification struct {
	phase verificationPhase
	// epoch is the one by which it looked up.
	epoch uint8
}

type verificationPhase uint8

const (
	notAsked verificationPhase = iota
	// missed: the cache has nothing, and it reads for itself.
	missed
	// waiting: a fill was on its way, and it waits for that.
	waiting
	// found: it knows that the token is good, and has yet to look at the lease.
	found
)

// verify is what may happen to a verification at node i.
func (m Model) verify(w world, i int, next step) {
	n := &w.nodes[i]
	v := &w.asked
	if !w.returned {
		return
	}
	switch v.phase {
	case notAsked:
		if n.phase != down {
			m.lookUp(w, i, next)
		}
	case missed:
		m.read(&w, i, v.epoch, func(good bool, what string) {
			if good {
				w := w
				w.asked.phase = found
				next(action{"verifies by what it reads from " + what, i}, w)
			}
		})
	case found:
		if m.holds(n) && (v.epoch == n.epoch || m.lacks(SameEpoch)) {
			w.accepted = true
			next(action{"accepts the token", i}, w)
		}
	}
}

// lookUp begins a verification.
func (m Model) lookUp(w world, i int, next step) {
	n := &w.nodes[i]
	w.asked = verification{epoch: n.epoch}
	if n.cached {
		w.asked.phase = found
		next(action{"is asked, and finds the token in its cache", i}, w)
		return
	}
	w.asked.phase = missed
	next(action{"is asked, and does not know the token", i}, w)
	if n.fill.phase != noFill {
		w.asked.phase = waiting
		next(action{"is asked, and waits for its fill", i}, w)
	}
}

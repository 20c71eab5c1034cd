package model

// phase is where a node's loop stands.
type phase uint8

const (
	// down: without an epoch; just started, crashed, or its lease was lost.
	down phase = iota
	// joining: the row of a new epoch was sent to the database.
	joining
	// idle: between two renewals.
	idle
	// reading: the time was noted, changes are being read.
	reading
	// counting: what was invalidated is read, up to where is not (only where
	// the two are read apart).
	counting
	// applying: changes were read, and the cache does not know yet.
	applying
	// renewing: the renewal was sent to the database.
	renewing
	// leaving: the service stops; its row is about to be deleted.
	leaving
)

// joined reports whether the row of the node's epoch is known to be there.
func (p phase) joined() bool { return p >= idle && p <= renewing }

type node struct {
	phase phase
	epoch uint8
	// lease is how long it holds, since how long ago its next one counts.
	lease, since span
	// read is up to where changes were read, applied up to where the cache
	// knows them, hit whether the token is among those read.
	read, applied uint8
	hit           bool
	// cached tells that the cache says that the token is good.
	cached  bool
	fill    fill
	request request
	// late is a request of a connection that was given up and that may still
	// reach the database.
	late request
	// severed tells that its connection leads to the old primary.
	severed bool
}

// span is a time by the clock that stands while the machine is suspended, and
// by the one that does not.
type span struct{ monotonic, wall uint8 }

// request is a message to the database.
type request struct {
	state   requestState
	insert  bool // of the row, or else a renewal
	epoch   uint8
	applied uint8
}

type requestState uint8

const (
	none requestState = iota
	sent
	// seen: an insert has its snapshot and has not committed.
	seen
	// done and refused: executed, the answer is on its way. A renewal is
	// refused where there is no row.
	done
	refused
)

// pass lets a tick pass.
func (n *node) pass(suspended bool) {
	n.lease.wall -= min(1, n.lease.wall)
	n.since.wall = min(n.since.wall+1, leaseTicks)
	if !suspended {
		n.lease.monotonic -= min(1, n.lease.monotonic)
		n.since.monotonic = min(n.since.monotonic+1, leaseTicks)
	}
}

// holds reports whether the node believes that it has a lease.
func (m Model) holds(n *node) bool {
	switch {
	case m.lacks(LeaseCheck):
		return n.phase.joined()
	case m.lacks(WallClock):
		return n.lease.monotonic > 0
	}
	return n.lease.monotonic > 0 && n.lease.wall > 0
}

// runNode is whatever node i may do next: nothing makes it do so, so that it
// may be stopped for any time between two steps.
func (m Model) runNode(w world, i int, next step) {
	n := w.nodes[i]
	then := func(what string, n node) {
		w := w
		w.nodes[i] = n
		next(action{what, i}, w)
	}
	switch n.phase {
	case down:
		if n.epoch < uint8(m.Epochs) {
			then("draws an epoch and sends its row", m.join(n))
		}
	case joining:
		if n.request.state == done {
			n.phase, n.applied, n.request = idle, n.request.applied, request{}
			then("has joined", n)
		}
	case idle:
		n.phase, n.since = reading, span{}
		then("notes the time", n)
	case reading:
		if !n.severed {
			then("reads changes", m.changes(n, &w.database))
		}
	case counting:
		if !n.severed {
			n.phase, n.read = applying, w.counter
			then("reads the counter", n)
		}
	case applying:
		then("applies changes and sends its renewal", m.apply(n))
	case renewing:
		switch n.request.state {
		case done:
			then("is renewed", m.renewed(n))
		case refused:
			then("finds its row gone", m.drop(n))
		}
	}
	if n.phase != down && n.phase != leaving {
		then("gives up its epoch", m.drop(n))
	}
	m.leave(w, i, next)
	m.deliver(w, i, next)
}

// join begins a new epoch, with an empty cache.
func (m Model) join(n node) node {
	n.phase, n.epoch = joining, n.epoch+1
	n.request = request{state: sent, insert: true, epoch: n.epoch}
	return m.forget(n)
}

// drop gives up lease, cache and connection. A crash does the same and more.
func (m Model) drop(n node) node {
	if !n.severed && (n.request.state == sent || n.request.state == seen) {
		n.late = n.request
	}
	n.phase, n.request, n.severed = down, request{}, false
	n.lease, n.since, n.read, n.applied, n.hit = span{}, span{}, 0, 0, false
	return m.forget(n)
}

// forget empties the cache.
func (m Model) forget(n node) node {
	if !m.lacks(EmptyCache) {
		n.cached = false
	}
	n.fill.epochChanged = n.fill.phase != noFill
	return n
}

// changes reads what was invalidated since the node last asked, and up to
// where that is.
func (m Model) changes(n node, d *database) node {
	n.phase, n.read = applying, d.counter
	for seq := n.applied + 1; seq <= d.counter; seq++ {
		n.hit = n.hit || d.invalidations[seq] == theToken
	}
	if m.lacks(OneSnapshot) {
		n.phase, n.read = counting, 0
	}
	return n
}

// apply tells the cache, then the database.
func (m Model) apply(n node) node {
	n.applied, n.read = n.read, 0
	if !m.lacks(ApplyBeforeRenewal) {
		n = invalidate(n)
	}
	n.phase = renewing
	if m.lacks(TimeBeforeReading) {
		n.since = span{}
	}
	n.request = request{state: sent, epoch: n.epoch, applied: n.applied}
	return n
}

func invalidate(n node) node {
	if n.hit {
		n.hit, n.cached = false, false
		n.fill.generationChanged = n.fill.phase != noFill
	}
	return n
}

// renewed takes the lease that the answer to a renewal grants.
func (m Model) renewed(n node) node {
	n.lease = span{leaseTicks - n.since.monotonic, leaseTicks - n.since.wall}
	if m.lacks(LeaseFromBefore) {
		n.lease = span{leaseTicks, leaseTicks}
	}
	n.phase, n.since, n.request = idle, span{}, request{}
	return invalidate(n)
}

// leave is how a node stops: no lease, then no row.
func (m Model) leave(w world, i int, next step) {
	n := &w.nodes[i]
	switch {
	case n.phase == idle && m.Leave:
		n.phase = leaving
		if !m.lacks(LeaseBeforeRow) {
			n.lease = span{}
		}
		next(action{"stops answering", i}, w)
	case n.phase == leaving && !n.severed && w.rows[i][n.epoch].there:
		w.remove(i, n.epoch)
		next(action{"deletes its row", i}, w)
	}
}

// deliver lets requests reach the database, sooner or later.
func (m Model) deliver(w world, i int, next step) {
	n := &w.nodes[i]
	if !n.severed && (n.request.state == sent || n.request.state == seen) {
		w := w
		m.execute(&w, i, &w.nodes[i].request)
		next(action{"has its request reach the database", i}, w)
	}
	if n.late.state == sent || n.late.state == seen {
		w := w
		late := &w.nodes[i].late
		m.execute(&w, i, late)
		if late.state != seen {
			*late = request{} // nobody waits for the answer
		}
		next(action{"has a request reach the database that it gave up", i}, w)
	}
}

func (m Model) execute(w *world, i int, r *request) {
	row := &w.rows[i][r.epoch]
	switch {
	case r.insert && r.state == sent:
		r.state, r.applied = seen, w.counter
	case r.insert:
		r.state = done
		for before := range r.epoch {
			w.remove(i, before) // the lease of that was given up
		}
		row.there, row.applied = true, r.applied
	case row.there:
		r.state = done
		row.applied = r.applied
		m.outdate(w, i, r.epoch)
	case m.lacks(RowForRenewal):
		r.state = done
	default:
		r.state = refused
	}
}

package model

// The bounds of a world. A [Model] uses as much of it as it is told to.
const (
	maxNodes  = 2
	maxEpochs = 2
	revokers  = 2
	maxSeq    = 2
)

// Time passes in ticks. A lease holds for leaseTicks after the moment from
// which it counts (3 s in the program), and a revoker deletes a row that it
// saw unchanged for waitTicks (3.3 s). The tick between them stands for clocks
// that do not run alike: in each history, a revoker's may gain one.
const (
	leaseTicks = 2
	waitTicks  = leaseTicks + 1
)

// world is everything that is true at one moment. It is comparable: two
// worlds that are equal have the same future.
type world struct {
	database
	// old is the database as a primary that was cut off keeps showing it, once
	// there was a failover.
	old        database
	failedOver bool

	nodes    [maxNodes]node
	revokers [revokers]revoker
	watches  [maxNodes][maxEpochs + 1]watch
	asked    verification

	// returned tells that a revoke has returned, and so that the token is dead.
	returned bool
	// drifted tells that a revoker's clock has gained its tick.
	drifted bool
	// accepted tells that a verification that began after that has said yes.
	accepted bool
}

// database is what was committed.
type database struct {
	revoked bool
	counter uint8
	// invalidations say for each seq of whom there is a row.
	invalidations [maxSeq + 1]subject
	rows          [maxNodes][maxEpochs + 1]row
}

// subject is whose invalidation a row is.
type subject uint8

const (
	nobody   subject = iota
	theToken         // the one whose verification is watched
	another
)

// row is a node's row, by node and epoch. Its renewal is not counted: each
// revoker remembers whether it changed since it looked.
type row struct {
	there   bool
	applied uint8
}

// least is the least seq that all nodes have applied.
func (d *database) least() uint8 {
	least := d.counter
	for _, rows := range d.rows {
		for _, r := range rows {
			if r.there {
				least = min(least, r.applied)
			}
		}
	}
	return least
}

// tick lets time pass for everybody.
func (m Model) tick(w world, next step) {
	m.pass(w, -1, false, "a tick passes", next)
	if m.Drift && !w.drifted {
		m.pass(w, -1, true, "a tick passes, two on the revokers' clocks", next)
	}
	if m.Suspend {
		for n := range m.Nodes {
			m.pass(w, n, false, "a tick passes while the machine is suspended of", next)
		}
	}
}

func (m Model) pass(w world, suspended int, fast bool, what string, next step) {
	for n := range w.nodes {
		w.nodes[n].pass(n == suspended)
	}
	ticks := uint8(1)
	if fast {
		w.drifted, ticks = true, 2
	}
	for n := range w.watches {
		for e := range w.watches[n] {
			if seen := &w.watches[n][e]; seen.state != unseen {
				seen.age = min(seen.age+ticks, waitTicks)
			}
		}
	}
	next(action{what, suspended}, w)
}

// failOver makes a copy the primary. What the old one has committed and
// answered is on it (the replication is synchronous); the connections of nodes
// still lead to the old one, which answers reads and commits nothing any more.
func (m Model) failOver(w world, next step) {
	if !m.Failover || w.failedOver {
		return
	}
	w.failedOver, w.old = true, w.database
	for n := range w.nodes {
		w.nodes[n].severed = w.nodes[n].phase != down
		w.nodes[n].late = request{}
	}
	next(action{"the database fails over, and the old primary lives on", -1}, w)
}

// trim deletes the invalidations that all nodes have applied.
func (m Model) trim(w world, next step) {
	upTo := w.least()
	if m.lacks(TrimmingBelowTheLeast) {
		upTo = w.counter
	}
	for seq := range w.invalidations[:upTo+1] {
		w.invalidations[seq] = nobody
	}
	next(action{"the sweeper trims invalidations", -1}, w)
}

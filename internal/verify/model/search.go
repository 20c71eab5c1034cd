package model

import (
	"fmt"
	"slices"
)

// step receives what may happen next, and the world after it.
type step func(action, world)

// action is something that happens, to whom: nodes first, then revokers; -1 is
// nobody.
type action struct {
	what string
	who  int
}

// Model says how large the worlds are, which faults happen in them besides
// those that always may, and which rules are left out.
type Model struct {
	// Nodes are one or two, and each has one or two Epochs.
	Nodes, Epochs int
	// Revokers are one or two. OtherToken has the second one change another
	// token.
	Revokers   int
	OtherToken bool
	// Failover lets the database fail over once; Suspend suspends machines,
	// whose monotonic clocks stand meanwhile; Drift lets a clock by which rows
	// are watched gain; Leave lets nodes stop in good order.
	Failover, Suspend, Drift, Leave bool

	Without Rules
}

// lacks reports whether a rule is left out.
func (m Model) lacks(rule Rules) bool { return m.Without&rule != 0 }

// Search visits every world from which the token may yet be accepted. way is a
// shortest one to a world in which it was, nil where there is none.
func (m Model) Search() (worlds int, way []string) {
	reached, from := newSet(), []int32{-1}
	reached.add(&world{})
	for i := 0; i < len(reached.worlds); i++ {
		if !reached.worlds[i].open() {
			continue
		}
		accepted := 0
		m.next(reached.worlds[i], func(_ action, w world) {
			if !reached.add(&w) {
				return
			}
			if w.accepted {
				accepted = len(from)
			}
			from = append(from, int32(i))
		})
		if accepted > 0 {
			return len(from), m.way(reached.worlds, from, accepted)
		}
	}
	return len(from), nil
}

// open reports whether the token may yet be accepted: it is good in the
// database, or somebody still knows it as good. Nobody learns so from a
// database in which it is revoked.
func (w *world) open() bool {
	if !w.revoked || w.failedOver && !w.old.revoked || w.asked.phase == found {
		return true
	}
	return slices.ContainsFunc(w.nodes[:], func(n node) bool { return n.cached || n.fill.good })
}

// next is everything that may happen in w.
func (m Model) next(w world, next step) {
	m.tick(w, next)
	m.failOver(w, next)
	m.trim(w, next)
	for n := range m.Nodes {
		m.runNode(w, n, next)
		for e := range w.rows[n] {
			m.runWatch(w, n, uint8(e), next)
		}
	}
	for r := range m.Revokers {
		m.runRevoker(w, r, next)
	}
	// Nodes know nothing of each other's caches, and are all alike: it is
	// enough to ask one of them.
	m.runFill(w, m.Nodes-1, next)
	m.verify(w, m.Nodes-1, next)
}

// way tells how the world at index to was reached.
func (m Model) way(worlds []world, from []int32, to int) (steps []string) {
	for ; from[to] >= 0; to = int(from[to]) {
		var last action
		m.next(worlds[from[to]], func(a action, w world) {
			if w == worlds[to] {
				last = a
			}
		})
		steps = append(steps, m.tell(last))
	}
	slices.Reverse(steps)
	return steps
}

func (m Model) tell(a action) string {
	switch {
	case a.who < 0:
		return a.what
	case a.who < m.Nodes:
		return fmt.Sprintf("node %d %s", a.who+1, a.what)
	}
	return fmt.Sprintf("revoker %d %s", a.who-m.Nodes+1, a.what)
}

// Stuck counts the worlds from which no revoke can ever return.
func (m Model) Stuck() (worlds, stuck int) {
	reached := newSet()
	reached.add(&world{})
	for i := 0; i < len(reached.worlds); i++ {
		m.next(reached.worlds[i], func(_ action, w world) { reached.add(&w) })
	}
	can := make([]bool, len(reached.worlds))
	for more := true; more; {
		more = false
		for i := len(can) - 1; i >= 0; i-- {
			if can[i] {
				continue
			}
			can[i] = reached.worlds[i].returned
			m.next(reached.worlds[i], func(_ action, w world) {
				after, _ := reached.find(&w)
				can[i] = can[i] || can[after.index-1]
			})
			more = more || can[i]
		}
	}
	for _, can := range can {
		if !can {
			stuck++
		}
	}
	return len(can), stuck
}

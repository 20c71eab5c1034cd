package model

// revoker is a call that changes a token.
type revoker struct {
	state revokerState
	// seq is the one for which it waits.
	seq uint8
}

type revokerState uint8

const (
	// changing: its transaction has not committed.
	changing revokerState = iota
	// drawn: it took its number and did not commit (only where CounterLast is
	// left out).
	drawn
	// unchanged: the token was revoked already; what it is to wait for is not
	// known yet.
	unchanged
	// counted: it knows what to wait for, and not whether anything is to be
	// changed (only where CounterAfterToken is left out).
	counted
	// committed: the answer to its commit is on its way.
	committed
	// awaiting: it waits for the nodes.
	awaiting
	ended
)

// runRevoker is whatever revoker i may do next. Nothing makes it do so: it may
// be slow, its answers may be lost, it may have died.
func (m Model) runRevoker(w world, i int, next step) {
	r := &w.revokers[i]
	other := i > 0 && m.OtherToken
	then := func(what string, w world) { next(action{what, m.Nodes + i}, w) }
	switch r.state {
	case changing:
		switch {
		case m.lacks(CounterLast):
			w.counter++
			r.state, r.seq = drawn, w.counter
			then("draws its number", w)
		case m.lacks(CounterAfterToken) && !other:
			r.state, r.seq = counted, w.counter
			then("reads the counter", w)
		default:
			m.change(w, i, other, then)
		}
	case drawn:
		commit(w, i, other, then)
	case counted:
		if w.revoked {
			r.state = awaiting
			then("finds the token revoked", w)
			return
		}
		m.change(w, i, other, then)
	case unchanged:
		if m.lacks(WaitOfUnchanged) {
			finish(&w, i)
			then("returns from the revoke", w)
			return
		}
		r.state, r.seq = awaiting, w.counter
		then("reads the counter", w)
	case committed:
		r.state = awaiting
		then("has committed", w)
	case awaiting:
		m.await(w, i, then)
	}
}

// change is the transaction. It is one step, since it locks the token and then
// the counter until it commits.
func (m Model) change(w world, i int, other bool, then func(string, world)) {
	r := &w.revokers[i]
	if w.failedOver && w.old.revoked && !other {
		w := w
		w.revokers[i].state, w.revokers[i].seq = awaiting, w.old.counter
		then("finds the token revoked on the old primary, and reads its counter", w)
	}
	if w.revoked && !other {
		r.state = unchanged
		then("finds the token revoked", w)
		return
	}
	w.counter++
	r.seq = w.counter
	commit(w, i, other, then)
}

func commit(w world, i int, other bool, then func(string, world)) {
	r := &w.revokers[i]
	if other {
		w.invalidations[r.seq] = another
		*r = revoker{state: ended} // nobody watches whether it waits
		then("changes another token", w)
		return
	}
	w.revoked, w.invalidations[r.seq] = true, theToken
	r.state = committed
	then("revokes the token in the database", w)
}

// await returns from the revoke once no row of a node is behind.
func (m Model) await(w world, i int, then func(string, world)) {
	seq := w.revokers[i].seq
	where := ""
	switch {
	case !m.behind(&w, &w.database, seq):
		where = "returns from the revoke"
	case w.failedOver && !m.behind(&w, &w.old, seq) && (w.old.counter >= seq || m.lacks(CounterBesideRows)):
		// A database that has not come to seq is not the one where the change
		// was committed.
		where = "returns from the revoke, having looked at the old primary"
	default:
		return
	}
	finish(&w, i)
	then(where, w)
}

func finish(w *world, i int) {
	w.revokers[i] = revoker{state: ended}
	w.returned = true
}

package storetest

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// model is what a store is to do, said in a few lines over a map.
type model struct {
	tokens map[pat.UUID]pat.Token
	// marked are the tokens whose end was recorded.
	marked map[pat.UUID]bool
}

func newModel() *model { return &model{map[pat.UUID]pat.Token{}, map[pat.UUID]bool{}} }

// find is the owner's token with that id.
func (m *model) find(owner, id pat.UUID) (pat.Token, bool) {
	t, ok := m.tokens[id]
	return t, ok && t.Owner == owner
}

// put keeps t as changed at a moment.
func (m *model) put(t pat.Token, at time.Time) {
	m.tokens[t.ID] = t
	if t.StateAt(at) != pat.Expired {
		delete(m.marked, t.ID)
	}
}

// due are the tokens whose end is to be recorded, soonest first.
func (m *model) due(now time.Time) []pat.Token {
	return slices.SortedFunc(m.filter(func(t pat.Token) bool {
		return t.StateAt(now) == pat.Expired && !m.marked[t.ID]
	}), func(a, b pat.Token) int { return a.ValidTo.Compare(b.ValidTo) })
}

// mark records the end of a token.
func (m *model) mark(id pat.UUID) {
	t := m.tokens[id]
	t.Version++
	m.tokens[id], m.marked[id] = t, true
}

// list is the answer to q.
func (m *model) list(q pat.Query) []pat.Token {
	states := q.Filter.States()
	all := slices.SortedFunc(m.filter(func(t pat.Token) bool {
		if t.Owner != q.Owner || !t.In(q.Organization) || !slices.Contains(states, t.StateAt(q.At)) {
			return false
		}
		return q.After == nil || compare(q, *q.After, pat.PositionOf(t, q.At)) < 0
	}), func(a, b pat.Token) int { return compare(q, pat.PositionOf(a, q.At), pat.PositionOf(b, q.At)) })
	return all[:min(len(all), q.Limit)]
}

// filter yields the tokens for which keep holds.
func (m *model) filter(keep func(pat.Token) bool) iter.Seq[pat.Token] {
	return func(yield func(pat.Token) bool) {
		for t := range maps.Values(m.tokens) {
			if keep(t) && !yield(t) {
				return
			}
		}
	}
}

// compare orders places as q does.
func compare(q pat.Query, a, b pat.Position) int {
	order := map[pat.Sort]int{
		pat.SortCreated: a.Created.Compare(b.Created),
		pat.SortName:    strings.Compare(a.Name, b.Name),
		pat.SortState:   cmp.Compare(a.State, b.State),
	}[q.Sort]
	order = cmp.Or(order, bytes.Compare(a.ID[:], b.ID[:]))
	if !q.Ascending {
		return -order
	}
	return order
}

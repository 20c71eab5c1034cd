package pat_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// memory is a [pat.Store] in memory, for the rules that stand above every
// store.
type memory struct {
	mu      sync.Mutex
	tokens  map[pat.UUID]pat.Token
	expired map[pat.UUID]bool
	events  []pat.Event
	fault   error // what every call answers, where it is set
}

func (m *memory) Create(_ context.Context, t pat.Token, e pat.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return m.fault
	}
	m.tokens[t.ID] = t
	m.events = append(m.events, e)
	return nil
}

func (m *memory) Find(_ context.Context, owner, id pat.UUID) (pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(owner, id)
}

func (m *memory) find(owner, id pat.UUID) (pat.Token, error) {
	t, ok := m.tokens[id]
	switch {
	case m.fault != nil:
		return pat.Token{}, m.fault
	case !ok || t.Owner != owner:
		return pat.Token{}, pat.NotFound()
	}
	return t, nil
}

func (m *memory) Update(_ context.Context, owner, id pat.UUID, change func(pat.Token) (pat.Token, *pat.Event, error)) (pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, err := m.find(owner, id)
	if err != nil {
		return pat.Token{}, err
	}
	changed, event, err := change(t)
	if err != nil || event == nil {
		return t, err
	}
	changed.Version = t.Version + 1
	m.tokens[id] = changed
	m.events = append(m.events, *event)
	return changed, nil
}

func (m *memory) List(_ context.Context, q pat.Query) ([]pat.Token, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return nil, m.fault
	}
	order := func(a, b pat.Position) int {
		var by int
		switch q.Sort {
		case pat.SortCreated:
			by = a.Created.Compare(b.Created)
		case pat.SortName:
			by = strings.Compare(a.Name, b.Name)
		case pat.SortState:
			by = cmp.Compare(a.State, b.State)
		}
		by = cmp.Or(by, slices.Compare(a.ID[:], b.ID[:]))
		if q.Ascending {
			return by
		}
		return -by
	}
	var found []pat.Token
	for _, t := range m.tokens {
		if t.Owner == q.Owner && t.In(q.Organization) && slices.Contains(q.Filter.States(), t.StateAt(q.At)) &&
			(q.After == nil || order(*q.After, pat.PositionOf(t, q.At)) < 0) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b pat.Token) int { return order(pat.PositionOf(a, q.At), pat.PositionOf(b, q.At)) })
	return found[:min(len(found), q.Limit)], nil
}

func (m *memory) Expire(_ context.Context, now time.Time, limit int, of func(pat.Token) pat.Event) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault != nil {
		return 0, m.fault
	}
	for id, t := range m.tokens {
		if n < limit && t.StateAt(now) == pat.Expired && !m.expired[id] {
			m.expired[id] = true
			m.events = append(m.events, of(t))
			n++
		}
	}
	return n, nil
}

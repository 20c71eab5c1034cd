//go:build !race

// Nothing here runs side by side, and the race detector would take minutes.

package model

import (
	"strings"
	"testing"
)

// small is the model that shows most.
var small = Model{Nodes: 1, Epochs: 2, Revokers: 1}

// with is small with something more.
func with(change func(*Model)) Model {
	m := small
	change(&m)
	return m
}

func TestNoDeadTokenIsAccepted(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]Model{
		"drifting clocks and nodes that leave": with(func(m *Model) { m.Drift, m.Leave = true, true }),
		"two revokes of one token":             with(func(m *Model) { m.Revokers = 2 }),
		"another token's change":               with(func(m *Model) { m.Revokers, m.OtherToken = 2, true }),
		"failover":                             with(func(m *Model) { m.Failover = true }),
		"failover, two revokes":                {Nodes: 1, Epochs: 1, Revokers: 2, Failover: true},
		"suspended machine":                    with(func(m *Model) { m.Suspend = true }),
		"two nodes":                            {Nodes: 2, Epochs: 1, Revokers: 1},
	} {
		t.Run(name, func(t *testing.T) {
			worlds, way := m.Search()
			if way != nil {
				t.Errorf("a dead token is accepted:\n%s", strings.Join(way, "\n"))
			}
			t.Logf("%d worlds", worlds)
		})
	}
}

// TestEveryRuleIsNeeded: the model sees what each rule prevents.
func TestEveryRuleIsNeeded(t *testing.T) {
	t.Parallel()
	// Most are seen in the small model; these need more to happen.
	in := map[Rules]Model{
		WallClock:         with(func(m *Model) { m.Suspend = true }),
		LeaseBeforeRow:    with(func(m *Model) { m.Leave = true }),
		CounterAfterToken: with(func(m *Model) { m.Revokers = 2 }),
		WaitOfUnchanged:   with(func(m *Model) { m.Revokers = 2 }),
		MarginOfWait:      with(func(m *Model) { m.Drift = true }),
		RowBesideRead:     with(func(m *Model) { m.Failover = true }),
		CounterBesideRows: with(func(m *Model) { m.Failover = true }),
	}
	// These are covered by others, which are left out with them.
	covered := map[Rules]Rules{
		ReadsAfterJoin:    RowBesideRead,
		TimeBeforeReading: ConditionalDelete,
	}
	for i := range allRules {
		rule := Rules(1) << i
		t.Run(rule.String(), func(t *testing.T) {
			m, ok := in[rule]
			if !ok {
				m = small
			}
			m.Without = rule
			worlds, way := m.Search()
			if others := covered[rule]; others != 0 {
				if way != nil {
					t.Errorf("a dead token is accepted without it, though %v is there: say so\n%s", others, strings.Join(way, "\n"))
				}
				m.Without |= others
				worlds, way = m.Search()
			}
			if way == nil {
				t.Errorf("no dead token is accepted without it, in %d worlds", worlds)
			}
			t.Logf("%d worlds:\n%s", worlds, strings.Join(way, "\n"))
		})
	}
}

func TestRevokesReturn(t *testing.T) {
	t.Parallel()
	worlds, stuck := Model{Nodes: 1, Epochs: 1, Revokers: 1, Drift: true, Leave: true}.Stuck()
	if stuck > 0 {
		t.Errorf("no revoke can return in %d of %d worlds", stuck, worlds)
	}
	t.Logf("%d worlds", worlds)
}

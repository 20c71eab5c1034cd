//go:build linux

package faults

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// mischief does what the service must survive.
type mischief struct {
	t       *testing.T
	history *history
	cluster *postgrestest.Cluster
	// ways are those of the nodes to the database.
	ways map[*node]*proxy
	// turn counts what was done, done how often each.
	turn int
	done map[string]int
	// stopped counts the revokes that were acknowledged while a node was stopped
	// that had the token cached.
	stopped int
}

// one does the next of all that there is.
func (m *mischief) one() {
	m.t.Helper()
	all := []struct {
		name string
		do   func(*node)
	}{
		{"stop", m.stopAndRevoke},
		{"cut", m.cut},
		{"crash", m.crash},
		{"kill", m.kill},
		{"silence", m.silence},
		{"restart", m.restart},
		{"stop", m.stopAndRevoke},
		{"stop and crash", m.stopAndCrash},
		{"stop briefly", m.stopBriefly},
		{"kill", m.kill},
		{"cut", m.cut},
		{"silence", m.silence},
	}
	next := all[m.turn%len(all)]
	m.turn++
	next.do(m.history.nodes[rand.IntN(len(m.history.nodes))])
	m.done[next.name]++
}

// stopAndRevoke stops a node that has a token cached, revokes the token
// elsewhere, and has the node go on with a question in its socket.
func (m *mischief) stopAndRevoke(n *node) {
	h := m.history
	others := slices.DeleteFunc(slices.Clone(h.nodes), func(other *node) bool { return other == n })
	token := h.create(others[0], callTimeout)
	if token == nil || !h.present(n, token, scopes[0], callTimeout).says(http.StatusOK) || !h.present(n, token, scopes[0], callTimeout).says(http.StatusOK) {
		return // it has not recovered from what was before
	}
	n.stop()
	defer n.cont()
	if h.revoke(others[1], token, callTimeout).open {
		return
	}
	m.stopped++
	read := h.enqueue(n, token)
	n.cont()
	h.present(n, token, scopes[0], callTimeout)
	read()
}

// stopBriefly stops a node for less or more than its lease.
func (m *mischief) stopBriefly(n *node) {
	n.stop()
	defer n.cont()
	time.Sleep(time.Duration(rand.Int64N(int64(4 * time.Second)))) // the length of the fault
}

// kill kills a node and starts it again.
func (m *mischief) kill(n *node) {
	n.kill()
	if err := n.start(); err != nil {
		m.t.Errorf("%v", err)
	}
}

// cut ends every connection that the nodes have to the database.
func (m *mischief) cut(*node) {
	pool := sidePool(m.t, m.cluster)
	defer pool.Close()
	execute(m.t, pool, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patrold'`)
}

// silence has nothing pass between a node and the database for less or more than
// a lease. What was sent then arrives late.
func (m *mischief) silence(n *node) {
	m.ways[n].silence()
	defer m.ways[n].heal()
	time.Sleep(time.Duration(rand.Int64N(int64(5 * time.Second)))) // the length of the fault
}

// restart restarts the database in order, crash without.
func (m *mischief) restart(*node) {
	if err := m.cluster.Restart(); err != nil {
		m.t.Errorf("restarting the database: %v", err)
	}
}

func (m *mischief) crash(*node) {
	m.cluster.Kill()
	if err := m.cluster.Start(); err != nil {
		m.t.Errorf("starting the database: %v", err)
	}
}

// stopAndCrash has the database fail while a node is stopped.
func (m *mischief) stopAndCrash(n *node) {
	n.stop()
	defer n.cont()
	m.crash(n)
}

//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// durationVariable says how long TestHistory does its worst.
const durationVariable = "PATROL_FAULTS_DURATION"

func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(durationVariable)
	if text == "" {
		return 15 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("%s=%q: write a duration, such as 60s", durationVariable, text)
	}
	return d
}

// TestHistory has clients create, update, revoke and present tokens on random
// nodes of three while nodes are killed, stopped and continued, and cut off for a
// while, and the database is restarted, killed and loses its connections. Then it holds every answer
// against the promise, and the database against what was acknowledged.
func TestHistory(t *testing.T) {
	lasts := duration(t)
	cluster := postgrestest.New(t)
	side := sidePool(t, cluster)
	var nodes []*node
	ways, data := map[*node]*proxy{}, ""
	for _, name := range []string{"a", "b", "c"} {
		way := newProxy(t, cluster.Address())
		n := newNode(t, name, data, through(t, way, cluster.URL("postgres")))
		nodes, ways[n], data = append(nodes, n), way, n.options.Data
	}
	h := &history{nodes: nodes, unacknowledged: map[string]bool{}, counts: map[string]int{}}
	done := make(chan struct{})
	var work sync.WaitGroup
	for range 12 {
		work.Go(func() { repeat(done, time.Millisecond, h.change) })
	}
	for range 6 {
		work.Go(func() { repeat(done, 5*time.Millisecond, h.ask) })
	}
	end := sync.OnceFunc(func() {
		close(done)
		work.Wait()
	})
	defer end()
	m := &mischief{t: t, history: h, cluster: cluster, ways: ways, done: map[string]int{}}
	for deadline := time.Now().Add(lasts); time.Now().Before(deadline) && !t.Failed(); {
		m.one()
		h.rest()
	}
	end()
	for _, n := range nodes {
		t.Logf("%s is ready and takes writes after %v", n.name, awaitReady(t, n))
	}
	h.presentAll(t)
	h.lookAll(t, side)

	for _, token := range h.all {
		if check(t, token.history); t.Failed() {
			break // one is enough to read
		}
	}
	h.checkEvents(t, side)
	h.checkNames(t, side)
	h.checkLogs(t)
	h.wantEnough(t, m, lasts)
}

// repeat calls over and over, as clients do: with pauses, and longer ones where
// they got no answer.
func repeat(done <-chan struct{}, pause time.Duration, call func() operation) {
	const longer = 50 * time.Millisecond
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		if o := call(); o.open {
			timer.Reset(longer)
		} else {
			timer.Reset(pause)
		}
	}
}

// history is what clients did and were told.
type history struct {
	nodes []*node

	mu sync.Mutex
	// all are the tokens whose creation was acknowledged, pool those that are
	// still of use, and unacknowledged the names of those that may exist too.
	all, pool      []*token
	unacknowledged map[string]bool
	named, ended   int
	counts         map[string]int
}

// token is one of the tokens, with what was done to it.
type token struct {
	id, secret string
	history    []operation
	// changes counts calls that change it, underway those that have not ended,
	// and doubts those that are open.
	changes, underway, doubts int
	// ends is when it was last asked to end soon, 0 if never.
	ends time.Duration
	// revoking tells that a revoke is underway, doubtful that one is open.
	revoking, doubtful bool
}

const (
	// poolSize is how many tokens are worked on at a time: few, so that nodes
	// have them cached.
	poolSize = 8
	// maxChanges and maxDoubts bound what befalls a token before it is revoked,
	// the latter with calls that are underway and may come to be open: the search
	// for an order takes twice as long with each.
	maxChanges = 20
	maxDoubts  = 5
)

// rest waits until a few calls have ended, so that not all is mischief.
func (h *history) rest() {
	const calls = 300
	h.mu.Lock()
	until := h.ended + calls
	h.mu.Unlock()
	patience := time.NewTimer(3 * time.Second)
	defer patience.Stop()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		h.mu.Lock()
		enough := h.ended >= until
		h.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-patience.C:
			return
		case <-retry.C:
		}
	}
}

// someone is one of the nodes, and how long a caller waits for it, of whom some
// die soon.
func (h *history) someone() (n *node, patience time.Duration) {
	patience = callTimeout
	if rand.IntN(10) == 0 {
		patience = time.Duration(1+rand.IntN(20)) * time.Millisecond
	}
	return h.nodes[rand.IntN(len(h.nodes))], patience
}

// change makes a call that may change a token.
func (h *history) change() operation {
	n, patience := h.someone()
	t, worn := h.pick()
	switch dice := rand.IntN(20); {
	case t == nil:
		return h.add(n, patience)
	case worn || dice == 0:
		return h.revoke(n, t, patience)
	case dice < 14 && h.mayUpdate(t):
		return h.update(n, t, patience)
	default:
		return h.get(n, t, patience)
	}
}

// mayUpdate counts an update of a token as underway, unless there are too many.
func (h *history) mayUpdate(t *token) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t.underway+t.doubts >= maxDoubts {
		return false
	}
	t.underway++
	return true
}

// ask presents a token.
func (h *history) ask() operation {
	n, patience := h.someone()
	t, _ := h.pick()
	if t == nil {
		return operation{open: true}
	}
	return h.present(n, t, questions[rand.IntN(len(questions))], min(patience, askTimeout))
}

// askTimeout is how long one waits who presents a token: who asks a stopped node
// shall ask another soon.
const askTimeout = 2 * time.Second

// pick is one of the tokens, nil where another is wanted. It is worn when it
// should be revoked.
func (h *history) pick() (t *token, worn bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pool) < poolSize {
		return nil, false
	}
	t = h.pool[rand.IntN(len(h.pool))]
	hasEnded := t.ends > 0 && since() > t.ends+time.Second
	return t, !t.revoking && (t.changes >= maxChanges || t.doubts >= maxDoubts || t.doubtful || hasEnded)
}

// record adds a call that has ended to a token's history.
func (h *history) record(t *token, o operation) operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count(o)
	if o.kind == revokes && o.open {
		if t.doubtful {
			return o // what it may do, the one before may do, at any later time
		}
		t.doubtful = true
	}
	t.history = append(t.history, o)
	if o.kind == updates {
		t.changes++
		t.underway--
		if o.open {
			t.doubts++
		}
	}
	if o.kind == revokes && !o.open { // dead: it stays a while, to be presented
		h.retire()
	}
	return o
}

// retire takes the oldest token out of the pool that is known to be revoked,
// where there is more than one.
func (h *history) retire() {
	dead := func(t *token) bool {
		return slices.ContainsFunc(t.history, func(o operation) bool { return o.kind == revokes && !o.open })
	}
	var n int
	for _, t := range h.pool {
		if dead(t) {
			n++
		}
	}
	if first := slices.IndexFunc(h.pool, dead); n > 1 {
		h.pool = slices.Delete(h.pool, first, first+1)
	}
}

func (h *history) count(o operation) {
	h.ended++
	what := string(o.kind)
	if o.open {
		what += " open"
	} else if o.kind == presents {
		what = fmt.Sprintf("%s %d", what, o.answer.status)
	}
	h.counts[what]++
}

// presentAll presents every token to every node at the end, when all are well.
func (h *history) presentAll(t *testing.T) {
	t.Helper()
	for _, token := range h.all {
		for _, n := range h.nodes {
			await(t, n.name+" answers", func() bool { return h.present(n, token, scopes[0], callTimeout).answer.known() })
		}
	}
}

// checkLogs fails if a node has written a secret.
func (h *history) checkLogs(t *testing.T) {
	t.Helper()
	for _, n := range h.nodes {
		log := n.log.String()
		for _, token := range h.all {
			if strings.Contains(log, token.secret) {
				t.Errorf("the log of %s has the secret of token %s", n.name, token.id)
			}
		}
	}
}

// hits counts how often the nodes found a token in their caches, since they
// were started last.
func (h *history) hits(t *testing.T) (hits int) {
	t.Helper()
	for _, n := range h.nodes {
		hits += n.counter(t, `patrol_verify_cache_lookups_total{result="hit"}`)
	}
	return hits
}

// wantEnough fails if so little happened that the test proves nothing.
func (h *history) wantEnough(t *testing.T, m *mischief, lasted time.Duration) {
	t.Helper()
	t.Logf("%d tokens; mischief: %v, and %d revokes acknowledged past a stopped node that had the token cached; calls: %v",
		len(h.all), m.done, m.stopped, h.counts)
	seconds := int(lasted.Seconds())
	for what, least := range map[string]int{
		"present 200": 5 * seconds, "present 401": seconds, "present 403": seconds, "present 503": 1, "answered by 503": 1,
		"update": seconds, "revoke": seconds / 4, "get": seconds, "present open": 1, "update open": 1,
	} {
		if h.counts[what] < least {
			t.Errorf("%d times %s, want %d or more", h.counts[what], what, least)
		}
	}
	if faults := h.counts["answered by 500"]; faults > 0 {
		t.Errorf("%d calls were answered by 500: a database that is away is 503", faults)
	}
	if hits, least := h.hits(t), 5*seconds; hits < least {
		t.Errorf("%d tokens were found in caches, want %d or more", hits, least)
	}
	if least := max(1, seconds/30); m.stopped < least {
		t.Errorf("%d revokes past a stopped node, want %d or more", m.stopped, least)
	}
}

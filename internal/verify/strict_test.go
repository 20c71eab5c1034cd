package verify

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// These tests hold the promise itself: a verification that begins after a
// change has returned goes by it, at whichever node it is asked.

// service is one of many nodes, with a database.
type service struct {
	testing.TB
	url          string
	organization pat.Organization
	caller       pat.Caller
	code         *pat.Demand
}

func newService(t testing.TB) *service {
	t.Helper()
	return newServiceOn(t, postgrestest.Database(t))
}

// newServiceOn has the database at a URL.
func newServiceOn(t testing.TB, url string) *service {
	t.Helper()
	tenant := pat.RandomUUID()
	s := &service{TB: t, url: url, organization: pat.Organization{ID: pat.RandomUUID(), Name: "contoso", Tenant: tenant}}
	s.caller = pat.Caller{
		Actor:        pat.Actor{ID: pat.RandomUUID(), Tenant: tenant, Username: "alice@contoso.example", Permissions: pat.ReadTokens | pat.ManageTokens},
		Organization: s.organization,
	}
	index, ok := catalogue(t).Index("vso.code")
	if !ok {
		t.Fatal("there is no scope vso.code")
	}
	s.code = &pat.Demand{Organization: s.organization, Scopes: pat.ScopeSet{}.With(index)}
	return s
}

// peer is a node of a service, as a process of its own would have it.
type peer struct {
	*pat.Service
	db       *store.DB
	valve    *valve
	clock    *stoppable
	node     *Node
	verifier *Verifier
}

// start starts another node.
func (s *service) start() *peer {
	s.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.OpenPostgres(s.Context(), s.url, store.PostgresOptions{}, log)
	if err != nil {
		s.Fatalf("OpenPostgres = %v", err)
	}
	policy := func(context.Context, pat.Organization) (pat.Policy, error) { return pat.Policy{}, nil }
	cache := NewCache(MinCacheSize)
	db.OnChange(cache.Invalidate)
	p := &peer{
		Service: &pat.Service{Store: db, Keys: keyring(s), Scopes: catalogue(s), Policy: policy},
		db:      db, valve: &valve{Nodes: db.Nodes()}, clock: &stoppable{system: systemClock()},
	}
	p.node = newNode(p.valve, cache, p.clock.read, log)
	p.node.start()
	byID := func(id pat.UUID) (pat.Organization, bool) { return s.organization, id == s.organization.ID }
	p.verifier = &Verifier{
		Keys: p.Keys, Scopes: p.Scopes, Source: db.Nodes(), Lease: p.node, Cache: cache, Log: log,
		Judge: &pat.Judge{Organizations: byID, Policy: policy},
	}
	s.Cleanup(func() {
		p.valve.open()
		p.node.Close()
		db.Close()
	})
	return p
}

// valve is between a node's loop and its ledger. Closed, it holds the loop up
// as if the process were stopped: no deadline ends that.
type valve struct {
	*store.Nodes
	mu     sync.Mutex
	closed chan struct{}
}

func (v *valve) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.closed = make(chan struct{})
}

func (v *valve) open() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed != nil {
		close(v.closed)
		v.closed = nil
	}
}

func (v *valve) pass() {
	v.mu.Lock()
	closed := v.closed
	v.mu.Unlock()
	if closed != nil {
		<-closed
	}
}

func (v *valve) Changes(ctx context.Context, seq int64) ([]pat.Digest, int64, error) {
	v.pass()
	defer v.pass()
	return v.Nodes.Changes(ctx, seq)
}

func (v *valve) Renew(ctx context.Context, epoch pat.UUID, applied int64) (time.Time, error) {
	v.pass()
	defer v.pass()
	return v.Nodes.Renew(ctx, epoch, applied)
}

// stoppable is a clock whose monotonic part stops, as it does while a machine
// is suspended, and whose wall clock is set.
type stoppable struct {
	system clock
	mu     sync.Mutex
	// stopped is where the monotonic clock stands, if it does; lost is how much
	// of it was lost before.
	stopped bool
	at      time.Duration
	lost    time.Duration
	set     time.Duration
}

func (s *stoppable) read() (int64, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wall, monotonic := s.system()
	if monotonic -= s.lost; s.stopped {
		monotonic = s.at
	}
	return wall + s.set.Microseconds(), monotonic
}

func (s *stoppable) stop() {
	_, now := s.read()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.at = true, now
}

func (s *stoppable) goOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, monotonic := s.system()
	s.stopped, s.lost = false, monotonic-s.at
}

func (s *stoppable) setBy(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set += by
}

// life is a token as far as its changes have returned.
type life struct {
	token  pat.Token
	secret string
	stage  atomic.Int32
}

// The stages.
const (
	made     int32 = iota
	narrowed       // it has lost the scope that is asked of it
	ended          // it was revoked
)

// want is the verdict where no change is under way.
func want(stage int32) pat.Verdict {
	return [...]pat.Verdict{pat.Good, pat.MissingScope, pat.Dead}[stage]
}

// ask has p verify l, and fails the test where p goes by what was before a
// change that has returned.
func (s *service) ask(p *peer, l *life) (stage int32, verdict pat.Verdict, err error) {
	stage = l.stage.Load()
	verdict, err = p.verifier.Verify(s.Context(), l.secret, s.code, new(Found))
	switch {
	case err != nil && !errors.Is(err, pat.ErrUnavailable):
		s.Errorf("Verify = %v, want an answer or %v", err, pat.ErrUnavailable)
	case err == nil && (verdict == pat.Good && stage > made || verdict == pat.MissingScope && stage > narrowed):
		s.Errorf("Verify = %v of a token whose last change made it %v", verdict, want(stage))
	}
	return stage, verdict, err
}

// until repeats a change until it is done for certain.
func (s *service) until(change func() error) {
	for {
		err := change()
		if err == nil {
			return
		}
		if !errors.Is(err, pat.ErrUnavailable) && !errors.Is(err, pat.ErrUnknown) {
			s.Errorf("a change = %v, want it done, unavailable or unknown", err)
			return
		}
	}
}

// run takes tokens through their lives at whichever peer, many at once, while
// others ask about them all the time. answered is told of each peer's answer
// right after a change, and more says whether there is to be another life.
func (s *service) run(peers func() []*peer, answered func(stage int32, verdict pat.Verdict, err error), more func() bool) {
	const workers = 16
	var current [workers]atomic.Pointer[life]
	one := func() *peer {
		all := peers()
		return all[rand.IntN(len(all))]
	}
	var work, background sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		background.Go(func() {
			pace := time.NewTicker(time.Millisecond) // the nodes need the processor, too
			defer pace.Stop()
			for {
				select {
				case <-stop:
					return
				case <-pace.C:
				}
				if l := current[rand.IntN(workers)].Load(); l != nil {
					s.ask(one(), l)
				}
			}
		})
	}
	for i := range workers {
		work.Go(func() {
			for more() {
				s.live(one, peers, &current[i], answered)
			}
		})
	}
	work.Wait()
	close(stop)
	background.Wait()
}

// live is the life of one token.
func (s *service) live(one func() *peer, all func() []*peer, current *atomic.Pointer[life], answered func(int32, pat.Verdict, error)) {
	l := &life{}
	s.until(func() error {
		token, secret, err := one().Create(s.Context(), s.caller, pat.Creation{DisplayName: "t", Scope: "vso.code"})
		if err == nil {
			l.token, l.secret = token, secret.Reveal()
		}
		return err
	})
	current.Store(l)
	steps := []func() error{
		func() error { return nil },
		func() error {
			_, err := one().Update(s.Context(), s.caller, l.token.ID, pat.Change{Scope: new("vso.work")})
			return err
		},
		func() error { return one().Revoke(s.Context(), s.caller, l.token.ID) },
	}
	for stage, step := range steps {
		s.until(step)
		l.stage.Store(int32(stage))
		var work sync.WaitGroup
		for _, p := range all() {
			work.Go(func() { answered(s.ask(p, l)) })
		}
		work.Wait()
	}
}

// TestStrict changes tokens at three nodes: every answer after a change is the
// right one.
func TestStrict(t *testing.T) {
	t.Parallel()
	s := newService(t)
	peers := []*peer{s.start(), s.start(), s.start()}
	var lives atomic.Int64
	s.run(func() []*peer { return peers }, func(stage int32, verdict pat.Verdict, err error) {
		if err != nil || verdict != want(stage) {
			t.Errorf("Verify = %v, %v, want %v", verdict, err, want(stage))
		}
	}, func() bool { return lives.Add(1) <= 1000 })
	for i, p := range peers {
		if stats := p.node.Stats(); stats.Epochs != 1 {
			t.Errorf("node %d lost its lease %d times though nothing happened", i, stats.Epochs-1)
		}
	}
}

// TestStrictWhateverHappens does the same while nodes are stopped, suspended
// and cut off, lose their rows, and die.
func TestStrictWhateverHappens(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var mu sync.Mutex
	peers := []*peer{s.start(), s.start(), s.start()}
	alive := func() []*peer {
		mu.Lock()
		defer mu.Unlock()
		return peers
	}
	var right, unknown atomic.Int64
	var over atomic.Bool
	var work sync.WaitGroup
	work.Go(func() {
		s.run(alive, func(stage int32, verdict pat.Verdict, err error) {
			switch {
			case err != nil:
				unknown.Add(1)
			case verdict == want(stage):
				right.Add(1)
			}
		}, func() bool { return !over.Load() })
	})
	s.trouble(alive, func(dead *peer) {
		instead := s.start()
		mu.Lock()
		defer mu.Unlock()
		peers = append(slices.DeleteFunc(slices.Clone(peers), func(p *peer) bool { return p == dead }), instead)
	})
	over.Store(true)
	work.Wait()
	if right.Load() < 100 {
		t.Errorf("%d answers were right, and %d unknown: want many that were right", right.Load(), unknown.Load())
	}
	t.Logf("%d answers right, %d unknown", right.Load(), unknown.Load())
}

// longer is for longer than a node may be silent.
const longer = store.SilenceOfNode + 500*time.Millisecond

// trouble makes trouble of each kind for one node after the other.
func (s *service) trouble(peers func() []*peer, died func(*peer)) {
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-s.Context().Done():
		}
	}
	side, err := sql.Open("pgx", s.url)
	if err != nil {
		s.Error(err)
		return
	}
	defer side.Close()
	execute := func(text string) {
		if _, err := side.ExecContext(s.Context(), text); err != nil {
			s.Error(err)
		}
	}
	for i, trouble := range []func(*peer){
		func(p *peer) { // it is stopped
			p.valve.close()
			wait(longer)
			p.valve.open()
		},
		func(p *peer) { // its machine is suspended, and its clock stands
			p.clock.stop()
			p.valve.close()
			wait(longer)
			p.clock.goOn()
			p.valve.open()
		},
		func(p *peer) { p.clock.setBy(time.Minute) },
		func(p *peer) { p.clock.setBy(-time.Minute) },
		func(p *peer) { p.db.Reconnect() },
		func(*peer) {
			execute(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'patrold'`)
		},
		func(p *peer) { // it dies without leaving
			p.valve.close()
			died(p)
		},
	} {
		all := peers()
		trouble(all[i%len(all)])
		wait(500 * time.Millisecond)
	}
}

package verify

import (
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestFailover has the database fail over while its old primary lives on,
// behind all connections of before: nodes that have not noticed go by what they
// know until their leases end, and nobody's change returns before that.
func TestFailover(t *testing.T) {
	t.Parallel()
	old := postgrestest.New(t)
	standby := old.Standby(t)
	router := postgrestest.NewRouter(t, old)
	s := newServiceOn(t, router.URL("postgres"))
	revoker, node := s.start(), s.start()
	lives := make([]*life, 20)
	for i := range lives {
		token, secret, err := revoker.Create(t.Context(), s.caller, pat.Creation{DisplayName: "t", Scope: "vso.code"})
		if err != nil {
			t.Fatalf("Create = %v", err)
		}
		lives[i] = &life{token: token, secret: secret.Reveal()}
	}
	for _, l := range lives[:10] { // which are cached from then on
		if _, verdict, err := s.ask(node, l); verdict != pat.Good || err != nil {
			t.Errorf("Verify = %v, %v, want %v", verdict, err, pat.Good)
		}
	}
	standby.Promote(t)
	router.Lead(standby)
	over := make(chan struct{})
	var work sync.WaitGroup
	for _, l := range lives {
		work.Go(func() {
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for {
				s.ask(node, l)
				select {
				case <-over:
					return
				case <-pace.C:
				}
			}
		})
	}
	for _, l := range lives {
		s.until(func() error { return revoker.Revoke(t.Context(), s.caller, l.token.ID) })
		l.stage.Store(ended)
	}
	close(over)
	work.Wait()
	for _, l := range lives {
		if _, verdict, err := s.ask(node, l); verdict != pat.Dead || err != nil {
			t.Errorf("after all that, Verify = %v, %v, want %v", verdict, err, pat.Dead)
		}
	}
}

//go:build linux

package faults

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// leaseTime is how long a node may go by what it knows.
const leaseTime = 3 * time.Second

// TestCutOff: a node that cannot reach the database says yes for as long as its
// lease holds, never to what was revoked on another node, and 503 after that.
// The others' revokes wait for it, and return. Once it reaches the database
// again it is ready by itself.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(*proxy){"connections break": (*proxy).cut, "nothing arrives": (*proxy).silence} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := postgrestest.New(t)
			way := newProxy(t, cluster.Address())
			a := newNode(t, "a", "", through(t, way, cluster.URL("postgres")))
			b := newNode(t, "b", a.options.Data, cluster.URL("postgres"))
			id, revoked := createToken(t, b)
			_, kept := createToken(t, b)
			_, unread := createToken(t, b)
			for _, secret := range []string{revoked, kept} {
				warm(t, a, secret)
				warm(t, b, secret)
			}

			interrupt(way)
			cut := time.Now()
			watched := watch(t, a, revoked, kept, unread)
			took := revoke(t, b, id)
			returned := time.Now()
			t.Logf("the revoke took %v", took)
			if took > recovery {
				t.Errorf("the revoke took %v with a node cut off, want 3.3 s and a little", took)
			}
			mustSay(t, b, revoked, http.StatusUnauthorized)
			mustSay(t, b, kept, http.StatusOK)
			await(t, "a is not ready", func() bool { return a.status(call(t), "/readyz") == http.StatusServiceUnavailable })
			_, err := sdk(t, a).Create(call(t), api.PatTokenCreateRequest{DisplayName: "cut off", Scope: "vso.code"})
			wantUnavailable(t, "Create on a node that is cut off", err)
			way.heal()
			healed := time.Now()
			t.Logf("ready and taking writes %v after the network", awaitReady(t, a))
			if late := time.Since(healed); late > recovery {
				t.Errorf("ready %v after the network, want 3 s", late)
			}
			mustSay(t, a, revoked, http.StatusUnauthorized)
			mustSay(t, a, kept, http.StatusOK)
			mustSay(t, a, unread, http.StatusOK)

			var refused int
			for _, s := range watched() {
				switch late := s.began.Sub(cut); {
				case s.secret == revoked && s.began.After(returned) && s.status == http.StatusOK:
					t.Errorf("yes to a revoked token %v after the revoke had returned", s.began.Sub(returned))
				case late > leaseTime && s.began.Before(healed) && s.ended.Before(healed) && s.status == http.StatusOK:
					t.Errorf("yes %v after the node was cut off, want none after %v", late, leaseTime)
				case s.status == http.StatusServiceUnavailable:
					refused++
				case s.status == 0:
					t.Errorf("no answer in %v", s.ended.Sub(s.began))
				}
			}
			if refused == 0 {
				t.Error("the node never said that it does not know: the test proves nothing")
			}
		})
	}
}

// wantUnavailable fails unless err is a 503 in the API's envelope.
func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusServiceUnavailable || e.Code != "ServiceUnavailableException" && e.Code != "OutcomeUnknownException" {
		t.Errorf("%s = %v, want status 503 with an envelope", what, err)
	}
}

// saying is what a node said to a secret, and when.
type saying struct {
	answer
	secret       string
	began, ended time.Time
}

// watch presents secrets to a node over and over until stop, which returns what
// it said.
func watch(t *testing.T, n *node, secrets ...string) (stop func() []saying) {
	t.Helper()
	var mu sync.Mutex
	var all []saying
	done := make(chan struct{})
	var work sync.WaitGroup
	for _, secret := range secrets {
		work.Go(func() {
			pause := time.NewTicker(5 * time.Millisecond)
			defer pause.Stop()
			for {
				select {
				case <-done:
					return
				case <-pause.C:
				}
				s := saying{secret: secret, began: time.Now()}
				s.answer = say(t, n, secret)
				s.ended = time.Now()
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
			}
		})
	}
	end := sync.OnceFunc(func() {
		close(done)
		work.Wait()
	})
	t.Cleanup(end)
	return func() []saying {
		end()
		return all
	}
}

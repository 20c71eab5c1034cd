package signin_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// TestDiscoveryIsShared: the provider is asked once for all who sign in
// meanwhile, and goes on being asked when the first of them leaves.
func TestDiscoveryIsShared(t *testing.T) {
	t.Parallel()
	i := imitate(t, nil)
	var asked atomic.Int32
	begun, answer := make(chan struct{}, 1), make(chan struct{})
	c := i.config(signin.KindOIDC)
	c.HTTP = &http.Client{Transport: spy{i.transport, func(*http.Request) {
		asked.Add(1)
		begun <- struct{}{}
		<-answer
	}}}
	p := newProvider(t, c)

	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := p.Begin(leaving, newAttempt())
		left <- err
	}()
	<-begun
	var others sync.WaitGroup
	for range 8 {
		others.Go(func() {
			if _, err := p.Begin(t.Context(), newAttempt()); err != nil {
				t.Errorf("Begin = %v, want an address", err)
			}
		})
	}
	leave()
	refused(t, <-left, signin.ReasonUnreachable)
	close(answer)
	others.Wait()
	if got := asked.Load(); got != 1 {
		t.Errorf("the provider was asked %d times, want once", got)
	}
}

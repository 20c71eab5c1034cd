//go:build linux

package faults

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestStopped: a node that was stopped while it had a token cached, and goes on
// after that was revoked elsewhere, never accepts it again: neither for requests
// that waited in its sockets nor for new ones. The revoke waits for the node as
// long as it could be asleep, and no longer.
func TestStopped(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	a := newNode(t, "a", "", cluster.URL("postgres"))
	b := newNode(t, "b", a.options.Data, cluster.URL("postgres"))
	c := newNode(t, "c", a.options.Data, cluster.URL("postgres"))
	const waiting = 16
	for round, by := range []*node{b, b, c, c} {
		id, secret := createToken(t, b)
		warm(t, a, secret)
		a.stop()
		if round%2 == 1 {
			giveUp(t, b, id)
		}
		took := revoke(t, by, id)
		t.Logf("round %d: the revoke took %v", round, took)
		if took > recovery {
			t.Errorf("the revoke took %v with a stopped node, want 3.3 s and a little", took)
		}
		var answers []func() (answer, error)
		for range waiting {
			read, err := a.enqueue(secret, "vso.code")
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, read)
		}
		a.cont()
		if got := say(t, a, secret); got.status == http.StatusOK {
			t.Errorf("a request after the stop is answered %v, for a revoked token", got)
		}
		for _, read := range answers {
			if got, err := read(); err != nil || got.status == http.StatusOK {
				t.Errorf("a request that waited is answered %v, %v, for a revoked token", got, err)
			}
		}
		mustSay(t, a, secret, http.StatusUnauthorized)
	}
}

// giveUp revokes a token, and does not wait until that is done everywhere. It
// returns once it is committed: to revoke the token again then changes nothing,
// but is no sooner done.
func giveUp(t *testing.T, n *node, id string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() { gone <- sdk(t, n).Revoke(ctx, id) }()
	await(t, "the revoke is committed", func() bool {
		for token, err := range sdk(t, n).List(call(t), client.ListOptions{Filter: api.FilterRevoked}) {
			if err == nil && token.AuthorizationID == id {
				return true
			}
		}
		return false
	})
	cancel()
	if err := <-gone; err == nil {
		t.Error("a revoke returned while a node that had the token cached was stopped")
	}
}

// TestStoppedBriefly: a revoke that waits for a stopped node returns soon after
// the node goes on, which has then heard of it.
func TestStoppedBriefly(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	a := newNode(t, "a", "", cluster.URL("postgres"))
	b := newNode(t, "b", a.options.Data, cluster.URL("postgres"))
	for round := range 3 {
		id, secret := createToken(t, b)
		warm(t, a, secret)
		a.stop()
		went := time.AfterFunc(time.Second, a.cont)
		took := revoke(t, b, id)
		if got := say(t, a, secret); got.status == http.StatusOK {
			t.Errorf("a request after the revoke is answered %v", got)
		}
		t.Logf("round %d: the revoke took %v", round, took)
		if went.Stop() {
			t.Errorf("the revoke returned after %v, while a node that had the token cached was stopped and could go on", took)
			a.cont()
		}
		mustSay(t, a, secret, http.StatusUnauthorized)
	}
}

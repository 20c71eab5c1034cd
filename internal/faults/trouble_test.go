//go:build linux

package faults

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestAway: while the database is away nodes say so, and soon after it is back
// they are ready, by themselves.
func TestAway(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	a := newNode(t, "a", "", cluster.URL("postgres"))
	b := newNode(t, "b", a.options.Data, cluster.URL("postgres"))
	id, secret := createToken(t, a)
	_, kept := createToken(t, a)
	for _, end := range []func(){cluster.Stop, cluster.Kill} {
		warm(t, a, secret)
		warm(t, b, kept)
		end()
		ended := time.Now()
		mustRefuse(t, a, id)
		await(t, "nobody says yes", func() bool {
			return say(t, a, secret).status == http.StatusServiceUnavailable && say(t, b, kept).status == http.StatusServiceUnavailable
		})
		t.Logf("nobody says yes %v after the end of the database", time.Since(ended))
		if got := b.status(call(t), "/readyz"); got != http.StatusServiceUnavailable {
			t.Errorf("readyz = %d, want 503", got)
		}
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		awaitReady(t, a)
		awaitReady(t, b)
		took := time.Since(started)
		t.Logf("both are ready and take writes %v after the database", took)
		if took > recovery {
			t.Errorf("both are ready %v after the database, want 3 s", took)
		}
	}
	mustSay(t, b, secret, http.StatusOK)
	revoke(t, a, id)
	mustSay(t, b, secret, http.StatusUnauthorized)
}

// TestReadOnly: where the database takes no writes, as a standby does, nodes
// keep no lease and say so; once it takes them, all is well again.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	side := sidePool(t, cluster)
	n := newNode(t, "a", "", cluster.URL("postgres"))
	id, secret := createToken(t, n)
	_, kept := createToken(t, n)
	warm(t, n, secret)
	warm(t, n, kept)

	execute(t, side, `ALTER SYSTEM SET default_transaction_read_only = on`)
	execute(t, side, `SELECT pg_reload_conf()`)
	mustRefuse(t, n, id)
	await(t, "nobody says yes", func() bool { return say(t, n, kept).status == http.StatusServiceUnavailable })
	if got := n.status(call(t), "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz = %d, want 503", got)
	}

	execute(t, side, `ALTER SYSTEM RESET default_transaction_read_only`)
	execute(t, side, `SELECT pg_reload_conf()`)
	t.Logf("ready and taking writes %v after the database", awaitReady(t, n))
	mustSay(t, n, kept, http.StatusOK)
	revoke(t, n, id)
	mustSay(t, n, secret, http.StatusUnauthorized)
}

// mustRefuse has a node refuse what it cannot write, clearly, though it may have
// to find that out first.
func mustRefuse(t *testing.T, n *node, id string) {
	t.Helper()
	c := sdk(t, n)
	request := api.PatTokenCreateRequest{DisplayName: "in vain", Scope: "vso.code"}
	await(t, n.name+" takes no writes", func() bool {
		_, err := c.Create(call(t), request)
		return err != nil
	})
	_, err := c.Create(call(t), request)
	wantUnavailable(t, "Create", err)
	_, err = c.Update(call(t), api.PatTokenUpdateRequest{AuthorizationID: id, DisplayName: new("in vain")})
	wantUnavailable(t, "Update", err)
	wantUnavailable(t, "Revoke", c.Revoke(call(t), id))
}

// TestNoConnections: where others have taken all of the server's connections,
// nodes that lost theirs say so, and get them back by themselves.
func TestNoConnections(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t, "max_connections=30")
	side, err := sidePool(t, cluster).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer side.Close()
	n := newNode(t, "a", "", cluster.URL("postgres"))
	id, secret := createToken(t, n)
	_, kept := createToken(t, n)
	warm(t, n, secret)
	warm(t, n, kept)

	crowd := occupy(t, cluster)
	if _, err := side.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'patrold'`); err != nil {
		t.Fatal(err)
	}
	await(t, "nobody says yes", func() bool { return say(t, n, kept).status == http.StatusServiceUnavailable })
	mustRefuse(t, n, id)
	if got := n.status(call(t), "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("readyz = %d, want 503", got)
	}

	crowd()
	t.Logf("ready and taking writes %v after there are connections", awaitReady(t, n))
	mustSay(t, n, kept, http.StatusOK)
	revoke(t, n, id)
	mustSay(t, n, secret, http.StatusUnauthorized)
}

// occupy takes every connection that the server has, and each that it gets back,
// until leave.
func occupy(t *testing.T, cluster *postgrestest.Cluster) (leave func()) {
	t.Helper()
	pool := sidePool(t, cluster)
	ctx, stop := context.WithCancel(context.Background())
	full, left := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		var taken []*sql.Conn
		isFull := false
		for ctx.Err() == nil {
			conn, err := pool.Conn(ctx)
			if err == nil {
				taken = append(taken, conn)
				continue
			}
			if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "53300" && !isFull {
				isFull = true
				close(full)
			}
		}
		for _, conn := range taken {
			conn.Close()
		}
		pool.Close()
	}()
	leave = func() {
		stop()
		<-left
	}
	t.Cleanup(leave)
	select {
	case <-full:
	case <-time.After(recovery):
		t.Fatal("the server has no end of connections")
	}
	return leave
}

// TestSlow: where each question to the database takes half a second on one
// node's way, that node answers slowly or says that it cannot, and never wrongly;
// the revokes of both nodes hold on both.
func TestSlow(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	way := newProxy(t, cluster.Address())
	slow := newNode(t, "slow", "", through(t, way, cluster.URL("postgres")))
	fast := newNode(t, "fast", slow.options.Data, cluster.URL("postgres"))
	way.slow(500 * time.Millisecond)
	for _, by := range []*node{fast, slow} {
		id, secret := createToken(t, fast)
		warm(t, fast, secret)
		warm(t, slow, secret)
		took := revoke(t, by, id)
		t.Logf("a revoke on the %s node took %v", by.name, took)
		for _, n := range []*node{fast, slow} {
			if got := say(t, n, secret); got.status == http.StatusOK {
				t.Errorf("after a revoke on the %s node, the %s one says %v", by.name, n.name, got)
			}
		}
	}
	_, kept := createToken(t, fast)
	watched := watch(t, slow, kept)
	mustSay(t, slow, kept, http.StatusOK)
	way.drop()
	await(t, "the slow node joins the others anew", func() bool { return say(t, slow, kept).status == http.StatusOK })
	way.slow(0)
	t.Logf("ready and taking writes %v after the network", awaitReady(t, slow))
	mustSay(t, slow, kept, http.StatusOK)
	for _, s := range watched() {
		if s.status != http.StatusOK && s.status != http.StatusServiceUnavailable {
			t.Errorf("the slow node says %v to a good token", s.answer)
		}
	}
}

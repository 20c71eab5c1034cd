//go:build linux

package faults

import (
	"bufio"
	"context"
	"database/sql"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// through is url by way of a proxy.
func through(t *testing.T, p *proxy, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the database's URL cannot be read")
	}
	u.Host = p.address()
	return u.String()
}

// sidePool asks the database past all nodes and proxies.
func sidePool(t *testing.T, cluster *postgrestest.Cluster) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", cluster.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func execute(t *testing.T, pool *sql.DB, statement string, arguments ...any) {
	t.Helper()
	if _, err := pool.ExecContext(t.Context(), statement, arguments...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// call is t's context for one call.
func call(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), callTimeout)
	t.Cleanup(cancel)
	return ctx
}

// sdk is the client of a node that runs.
func sdk(t *testing.T, n *node) *client.Client {
	t.Helper()
	c, err := n.client()
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
	return c
}

// createToken makes a token that is good for vso.code.
func createToken(t *testing.T, n *node) (id, secret string) {
	t.Helper()
	token, err := sdk(t, n).Create(call(t), api.PatTokenCreateRequest{DisplayName: "of a fault test", Scope: "vso.code"})
	if err != nil {
		t.Fatalf("Create on %s = %v", n.name, err)
	}
	return token.AuthorizationID, *token.Token
}

// revoke revokes a token on a node, again until it is known to be done, and
// returns how long the last call took.
func revoke(t *testing.T, n *node, id string) time.Duration {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		began := time.Now()
		if err = sdk(t, n).Revoke(call(t), id); err == nil {
			return time.Since(began)
		}
	}
	t.Fatalf("Revoke on %s = %v, for a minute", n.name, err)
	return 0
}

// say is what a node says of a secret. Where no answer comes, its status is 0.
func say(t *testing.T, n *node, secret string) answer {
	t.Helper()
	a, err := n.verify(call(t), secret, "vso.code")
	if err != nil {
		return answer{}
	}
	return a
}

// mustSay has a node asked until it knows, and fails unless it then says status.
func mustSay(t *testing.T, n *node, secret string, status int) {
	t.Helper()
	var a answer
	await(t, n.name+" answers", func() bool {
		a = say(t, n, secret)
		return a.known()
	})
	if a.status != status {
		t.Errorf("%s says %v, want %d", n.name, a, status)
	}
}

// warm has a node say yes to a secret twice, the second time from its cache.
func warm(t *testing.T, n *node, secret string) {
	t.Helper()
	mustSay(t, n, secret, http.StatusOK)
	mustSay(t, n, secret, http.StatusOK)
}

// recovery is how long anything may take that takes three seconds on a machine
// that has nothing else to do.
const recovery = 15 * time.Second

// await asks until something is so, and returns how long that took. It fails
// the test if it takes much too long.
func await(t *testing.T, what string, so func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for !so() {
		if time.Since(began) > 2*recovery {
			t.Fatalf("%v later it is not so that %s", time.Since(began).Round(time.Second), what)
		}
		<-retry.C
	}
	return time.Since(began)
}

// status is that of a GET, 0 where no answer came.
func (n *node) status(ctx context.Context, path string) int {
	l, err := n.current()
	if err != nil {
		return 0
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.info.API+path, nil)
	if err != nil {
		return 0
	}
	resp, err := l.http.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// awaitReady waits until a node is ready and takes a write, and returns how
// long that took.
func awaitReady(t *testing.T, n *node) time.Duration {
	t.Helper()
	began := time.Now()
	await(t, n.name+" is ready", func() bool { return n.status(call(t), "/readyz") == http.StatusOK })
	await(t, n.name+" takes writes", func() bool {
		_, err := sdk(t, n).Create(call(t), api.PatTokenCreateRequest{DisplayName: "after a fault", Scope: "vso.code"})
		return err == nil
	})
	return time.Since(began)
}

// counter is a metric of a node that runs, by its name and labels.
func (n *node) counter(t *testing.T, name string) int {
	t.Helper()
	l, err := n.current()
	if err != nil {
		t.Fatalf("%s: %v", n.name, err)
	}
	req, err := http.NewRequestWithContext(call(t), http.MethodGet, l.info.Metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := l.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			count, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("%s of %s: %v", name, n.name, err)
			}
			return int(count)
		}
	}
	t.Fatalf("%s has no metric %s", n.name, name)
	return 0
}

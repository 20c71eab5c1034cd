package daemon_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
	"github.com/patrolhq/patrol/internal/verify"
)

// TestNodesAreOutwaited: clocks may differ by a tenth.
func TestNodesAreOutwaited(t *testing.T) {
	t.Parallel()
	if least := verify.LeaseTime * 11 / 10; store.SilenceOfNode < least {
		t.Errorf("a node's row is deleted after %v of silence, want %v at least: it holds its lease for %v", store.SilenceOfNode, least, verify.LeaseTime)
	}
}

const leaseTime = verify.LeaseTime

// nodes are two services on one database.
func nodes(t *testing.T, database string) (services [2]*patroltest.Server) {
	t.Helper()
	first := t.TempDir()
	for i := range services {
		data := first
		if i > 0 {
			data = withKeysOf(t, first)
		}
		var stop func()
		services[i], stop = run(t, daemon.DevOptions{Data: data, Database: database})
		t.Cleanup(stop)
	}
	return services
}

// status is how s answers to a request for a URL, with secret as a password.
func status(t *testing.T, s *patroltest.Server, url, secret string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("", secret)
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestNodesKnowOfChanges: what one node changed, the other knows.
func TestNodesKnowOfChanges(t *testing.T) {
	t.Parallel()
	services := nodes(t, postgrestest.Database(t))
	for i := range 20 {
		changer := alice(t, services[i%2])
		created, err := changer.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"})
		if err != nil {
			t.Fatalf("Create = %v", err)
		}
		verify := func(when string, want int) {
			t.Helper()
			for node, s := range services {
				for range 2 { // from the database and from the cache
					if got := status(t, s, s.Verify.URL+"/contoso/vso.code", *created.Token); got != want {
						t.Errorf("%s, node %d answers %d, want %d", when, node, got, want)
					}
				}
			}
		}
		verify("at first", http.StatusOK)
		if _, err := changer.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: created.AuthorizationID, Scope: new("vso.work")}); err != nil {
			t.Errorf("Update = %v", err)
		}
		verify("with another scope", http.StatusForbidden)
		if err := changer.Revoke(t.Context(), created.AuthorizationID); err != nil {
			t.Errorf("Revoke = %v", err)
		}
		verify("when it is revoked", http.StatusUnauthorized)
	}
}

// TestDatabaseReturns: without the database a node says that it does not know,
// and soon after its return it works.
func TestDatabaseReturns(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), Database: cluster.URL("postgres")})
	defer stop()
	c := alice(t, s)
	created, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"})
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	verify := func() int { return status(t, s, s.Verify.URL+"/contoso/vso.code", *created.Token) }
	ready := func() int { return status(t, s, s.API+"/readyz", "") }
	if v, r := verify(), ready(); v != http.StatusOK || r != http.StatusOK {
		t.Errorf("at first the node answers %d, and to /readyz %d", v, r)
	}
	cluster.Stop()
	for began := time.Now(); verify() != http.StatusServiceUnavailable; {
		if time.Since(began) > 2*leaseTime {
			t.Fatal("the node accepts a token for longer than its lease can hold")
		}
	}
	if r := ready(); r != http.StatusServiceUnavailable {
		t.Errorf("while the database is away, /readyz is %d", r)
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	returned := time.Now()
	for ready() != http.StatusOK {
		if time.Since(returned) > 30*time.Second {
			t.Fatal("the node is not ready though its database is back")
		}
	}
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "later", Scope: "vso.code"}); err != nil {
		t.Errorf("Create when the node is ready again = %v", err)
	}
	if v := verify(); v != http.StatusOK {
		t.Errorf("then the node answers %d", v)
	}
	t.Logf("the node is ready %v after the database", time.Since(returned)) // 3 s at most, where nobody else needs the machine
}

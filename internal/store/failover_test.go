package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// TestOldPrimaryIsNotBelieved: a database fails over, and the old primary lives
// on behind connections of before. What it says of a token, and of who knows of
// a change, counts no more.
func TestOldPrimaryIsNotBelieved(t *testing.T) {
	t.Parallel()
	old := postgrestest.New(t)
	router := postgrestest.NewRouter(t, old)
	asking, changing := openPostgres(t, router.URL("postgres")), openPostgres(t, router.URL("postgres"))
	tokens := []pat.Token{kept(t, asking), kept(t, asking)}
	standby := old.Standby(t)
	nodes := asking.Nodes()
	t.Cleanup(nodes.hangUp)
	// The pools have connections, which stay.
	if _, err := asking.Find(t.Context(), tokens[0].Owner, tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := changing.settlement.settle(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	standby.Promote(t)
	router.Lead(standby)

	row := pat.RandomUUID()
	applied, err := nodes.Join(t.Context(), row)
	if err != nil {
		t.Fatalf("Join = %v", err)
	}
	elsewhere := openPostgres(t, standby.URL("postgres"))
	done := make(chan error, 2)
	go func() { done <- revoke(context.Background(), elsewhere, tokens[0]) }()
	var upTo int64
	for upTo == applied {
		if _, upTo, err = nodes.Changes(t.Context(), applied); err != nil {
			t.Fatal(err)
		}
	}
	// On the old primary nobody is behind: there is no node.
	go func() { done <- changing.settlement.settle(context.Background(), upTo) }()
	for began := time.Now(); time.Since(began) < time.Second; {
		if _, err := nodes.Renew(t.Context(), row, applied); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			t.Fatalf("while the node does not know of it, a change returns %v", err)
		default:
		}
	}
	if _, err := nodes.Renew(t.Context(), row, upTo); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Errorf("a change = %v", err)
		}
	}
	if got, err := nodes.Lookup(t.Context(), tokens[0].ID.Bucket(), tokens[0].Digest); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("Lookup over a connection of before = %v, %v, want %v", got, err, pat.ErrUnavailable)
	}
	if _, err := nodes.Join(t.Context(), pat.RandomUUID()); err != nil {
		t.Fatalf("Join = %v", err)
	}
	for i, wantRevoked := range []bool{true, false} {
		got, err := nodes.Lookup(t.Context(), tokens[i].ID.Bucket(), tokens[i].Digest)
		if err != nil || got.RevokedAt.IsZero() == wantRevoked {
			t.Errorf("Lookup of token %d over a new connection = revoked at %v, %v", i, got.RevokedAt, err)
		}
	}
}

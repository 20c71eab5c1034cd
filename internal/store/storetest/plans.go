package storetest

import (
	"fmt"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// plans does everything once on a table with some thousand rows of several
// owners and looks at how the database did it, without and with statistics.
func plans(t *testing.T, db Database) {
	organization := pat.RandomUUID()
	for _, n := range []int{2500, 200, 20} {
		fill(t, db, pat.RandomUUID(), organization, n)
	}
	owner := pat.RandomUUID()
	for _, token := range fill(t, db, owner, organization, 50).tokens {
		find(t, db, owner, token.ID)
		if _, err := db.Lookup(t.Context(), token.ID.Bucket(), token.Digest); err != nil {
			t.Errorf("Lookup = %v", err)
		}
		record(t, db, use(token, noon))
		usages(t, db, owner, token)
	}
	for _, q := range kinds() {
		q.Owner, q.Organization, q.At, q.Limit = owner, organization, noon, 5
		pages(t, db, q, func() {})
	}
	signInAndOut(t, db)
	for _, when := range []string{"without statistics", "with statistics"} {
		scans, seen := db.FullScans(t)
		for _, plan := range scans {
			t.Errorf("%s, a statement reads a whole table:\n%s", when, plan)
		}
		if want := 41; seen < want {
			t.Errorf("%s, %d statements were explained, want at least %d", when, seen, want)
		}
		if _, err := db.SQL.ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatalf("ANALYZE: %v", err)
		}
	}
}

// signInAndOut does everything with sessions, of which some hundred remain.
func signInAndOut(t *testing.T, db Database) {
	signedIn := newSessions(500)
	for i := range signedIn {
		signedIn[i].Owner = fmt.Sprint("owner ", i/10)
	}
	addAll(t, db, signedIn)
	r := signedIn[250]
	wantSession(t, db, r)
	if err := db.Sessions.SeeSession(t.Context(), r.ID, noon); err != nil {
		t.Errorf("SeeSession = %v", err)
	}
	if err := db.Sessions.SaveSession(t.Context(), r); err != nil {
		t.Errorf("SaveSession = %v", err)
	}
	if ended, err := db.Sessions.EndSessions(t.Context(), r.Owner, r.ID); err != nil || ended != 1 {
		t.Errorf("EndSessions = %d, %v, want 1", ended, err)
	}
	if swept, err := db.Sessions.SweepSessions(t.Context(), noon, noon); err != nil || swept != 0 {
		t.Errorf("SweepSessions = %d, %v, want 0", swept, err)
	}
	if got, err := db.Sessions.SessionsOf(t.Context(), r.Owner); err != nil || len(got) != 9 {
		t.Errorf("SessionsOf = %d, %v, want 9", len(got), err)
	}
}

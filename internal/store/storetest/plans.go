package storetest

import (
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
	for _, when := range []string{"without statistics", "with statistics"} {
		scans, seen := db.FullScans(t)
		for _, plan := range scans {
			t.Errorf("%s, a statement reads a whole table:\n%s", when, plan)
		}
		if want := 33; seen < want {
			t.Errorf("%s, %d statements were explained, want at least %d", when, seen, want)
		}
		if _, err := db.SQL.ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatalf("ANALYZE: %v", err)
		}
	}
}

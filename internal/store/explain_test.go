package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// texts are the statements that db has prepared so far.
func texts(t testing.TB, db *DB) (texts []string) {
	db.reading.mu.RLock()
	defer db.reading.mu.RUnlock()
	for text := range db.reading.prepared {
		texts = append(texts, text)
	}
	// the writer is between two transactions while it runs this
	err := db.writer.do(t.Context(), func(s *session) error {
		for text := range s.prepared {
			texts = append(texts, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if db.creator != nil {
		texts = append(texts, createMany)
	}
	return texts
}

// explain is SQLite's plan for a statement, a line for each step.
func explain(t testing.TB, db *DB, text string) (plan []string) {
	t.Helper()
	rows, err := db.readers.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "$"))...)
	if err != nil {
		t.Fatalf("explaining %s: %v", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}

// A list must read ranges of the index that has it in order, and sort nothing
// but the few rows whose state is late, whatever the planner knows.
func TestListPlans(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	fillPlain(t, path, 3000)
	for _, when := range []string{"without statistics", "with statistics"} {
		for _, s := range selections() {
			late := strings.Count(db.lists[s], "AS late")
			want := []string{[...]string{byCreated: "token_by_created", byName: "token_by_name", byID: "token_by_id"}[s.key]}
			switch s.filter {
			case pat.FilterActive:
				want = append(want, "token_recorded")
			case pat.FilterExpired:
				want = append(want, "token_unrecorded")
			}
			plan := explain(t, db, db.lists[s])
			var used []string
			sorts := 0
			for _, step := range plan {
				if table, ok := strings.CutPrefix(step, "SEARCH token USING "); ok {
					index, columns, _ := strings.Cut(strings.TrimPrefix(table, "INDEX "), " ")
					used = append(used, index)
					wanted := 4
					if strings.HasSuffix(index, "recorded") {
						wanted = 3 // the state is what these indexes are of
					}
					if !strings.HasPrefix(columns, "(bucket=? AND owner=? AND target=? AND ") || strings.Count(columns, "AND") < wanted {
						t.Errorf("%s, %+v searches %s by %s alone", when, s, index, columns)
					}
				}
				if strings.Contains(step, "TEMP B-TREE") {
					sorts++
				}
			}
			slices.Sort(used)
			slices.Sort(want)
			if got := slices.Compact(used); !slices.Equal(got, want) || sorts > late {
				t.Errorf("%s, %+v uses %q and sorts %d times, want %q and at most %d; plan:\n%s\n%s",
					when, s, got, sorts, want, late, strings.Join(plan, "\n"), db.lists[s])
			}
		}
		if _, err := sideDoor(t, path).ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
}

// The tokens of a page and their uses must be found by their keys, however many
// their owner has, whatever the planner knows.
func TestUsagePlan(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	fillPlain(t, path, 3000)
	want := []string{"SEARCH token USING PRIMARY KEY (bucket=? AND id=?)", "SEARCH u USING PRIMARY KEY (bucket=? AND token=?) LEFT-JOIN"}
	for _, when := range []string{"without statistics", "with statistics"} {
		if got := explain(t, db, usagesSQLite.text); !slices.Equal(got, want) {
			t.Errorf("%s, the plan is %q, want %q", when, got, want)
		}
		if _, err := sideDoor(t, path).ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
}

// fillPlain writes n tokens of three owners, one of whom has nearly all.
func fillPlain(t *testing.T, path string, n int) {
	t.Helper()
	conn := bareConn(t, path)
	bare := prepareBare(t, conn)
	owners := []pat.UUID{pat.RandomUUID(), pat.RandomUUID(), pat.RandomUUID()}
	organization := pat.RandomUUID()
	execBare(t, conn, `BEGIN IMMEDIATE`)
	for i := range n {
		token := benchToken(owners[max(0, i%100-97)], organization, benchTime)
		token.AllOrgs = i%7 == 0
		bare.insert(t, token, benchEvent(pat.ActionCreate, token, benchTime), pat.State(i%3))
	}
	execBare(t, conn, `COMMIT`)
}

package store

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// step is a node of PostgreSQL's plan for a statement.
type step struct {
	Type     string   `json:"Node Type"`
	Relation string   `json:"Relation Name"`
	Index    string   `json:"Index Name"`
	Cond     string   `json:"Index Cond"`
	SortKey  []string `json:"Sort Key"`
	Removed  int      `json:"Subplans Removed"`
	Plans    []step   `json:"Plans"`
}

// all yields s and the steps below it.
func (s step) all() []step {
	steps := []step{s}
	for _, below := range s.Plans {
		steps = append(steps, below.all()...)
	}
	return steps
}

// explainPostgres is the plan that every connection of the store has for a
// statement, whatever its parameters.
func explainPostgres(t testing.TB, db *DB, text string) (plan step, printed string) {
	t.Helper()
	conn, err := db.readers.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "PREPARE explained AS "+text); err != nil {
		t.Fatalf("preparing %s: %v", text, err)
	}
	defer conn.ExecContext(t.Context(), "DEALLOCATE explained")
	var arguments string
	err = conn.QueryRowContext(t.Context(), `SELECT coalesce('(' || string_agg(quote_literal(CASE
		WHEN type LIKE '%[]' THEN '{}' WHEN type = 'bytea' THEN '\x00' ELSE '0' END), ', ') || ')', '')
		FROM pg_prepared_statements, unnest(parameter_types::text[]) AS type WHERE name = 'explained'`).Scan(&arguments)
	if err != nil {
		t.Fatal(err)
	}
	err = conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON, COSTS OFF) EXECUTE explained"+arguments).Scan(&printed)
	if err != nil {
		t.Fatalf("explaining %s: %v", text, err)
	}
	var plans []struct{ Plan step }
	if err := json.Unmarshal([]byte(printed), &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan, printed
}

var bigTable = regexp.MustCompile(`^((token|event|token_usage)_\d+|console_session)$`)

// fullScansPostgres returns the plans that read all of a partition, of the
// sessions, or of an index of them, or partitions other than that of the bucket they ask for.
func fullScansPostgres(t *testing.T, db *DB) (plans []string, seen int) {
	t.Helper()
	for _, text := range texts(t, db) {
		if !strings.Contains(text, "$1") { // begins or ends something
			continue
		}
		plan, printed := explainPostgres(t, db, text)
		partitions := map[string]bool{}
		bad := false
		for _, s := range plan.all() {
			if s.Type != "ModifyTable" && bigTable.MatchString(s.Relation) {
				partitions[s.Relation] = true
				bad = bad || s.Cond == ""
			}
		}
		for _, table := range []string{"token_", "event_", "token_usage_"} {
			read := 0
			for partition := range partitions {
				if strings.TrimRight(partition, "0123456789") == table {
					read++
				}
			}
			bad = bad || read > 1 && strings.Contains(text, "bucket = $1")
		}
		if bad {
			plans = append(plans, fmt.Sprintf("%s\n%s", text, printed))
		}
		seen++
	}
	return plans, seen
}

// A list must read ranges of the index that has it in order, in the one
// partition of its bucket, and sort nothing but the few rows whose state is
// late.
func TestListPlansPostgres(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	for _, token := range plainTokens(3000) {
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
			t.Fatal(err)
		}
	}
	for _, when := range []string{"without statistics", "with statistics"} {
		for _, s := range selections() {
			late := strings.Count(db.lists[s], "AS late")
			order := [...]string{byCreated: "(valid_from, id)", byName: "(display_name, id)", byID: "(state, id)"}[s.key]
			plan, printed := explainPostgres(t, db, db.lists[s])
			var ranges, lates, sorts int
			for _, step := range plan.all() {
				switch {
				case step.Type == "Sort":
					sorts++
				case step.Relation == "":
				case !strings.Contains(step.Cond, "(bucket = $1) AND (owner = $2) AND (target = $"):
					t.Errorf("%s, %+v reads %s by %s alone", when, s, step.Index, step.Cond)
				case strings.Contains(step.Cond, "valid_to"):
					lates++
				case strings.Contains(step.Cond, "ROW"+order):
					ranges++
				}
			}
			wanted := strings.Count(db.lists[s], "AS ordered")
			if ranges != wanted || lates != late || sorts > late {
				t.Errorf("%s, %+v reads %d ranges in order and %d of late rows, and sorts %d times, want %d, %d and at most %d; plan:\n%s\n%s",
					when, s, ranges, lates, sorts, wanted, late, late, printed, db.lists[s])
			}
		}
		if _, err := side.ExecContext(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
}

// plainTokens are n tokens of three owners, one of whom has nearly all.
func plainTokens(n int) (tokens []pat.Token) {
	owners := []pat.UUID{pat.RandomUUID(), pat.RandomUUID(), pat.RandomUUID()}
	organization := pat.RandomUUID()
	for i := range n {
		token := benchToken(owners[max(0, i%100-97)], organization, benchTime)
		token.AllOrgs = i%7 == 0
		tokens = append(tokens, token)
	}
	return slices.Clip(tokens)
}

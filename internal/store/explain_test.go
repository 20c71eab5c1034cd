package store

import (
	"strings"
	"testing"
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

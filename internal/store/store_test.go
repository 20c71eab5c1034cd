package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/patrolhq/patrol/internal/store/postgrestest"
	"github.com/patrolhq/patrol/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(postgrestest.Tests{M: m}) }

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Database {
		path := filepath.Join(t.TempDir(), "patrol.db")
		db := openSQLite(t, path)
		return storetest.Database{
			Store: db, Sessions: db, SQL: sideDoor(t, path),
			FullScans: func(t *testing.T) ([]string, int) { return fullScans(t, db) },
		}
	})
}

func openSQLite(t testing.TB, path string) *DB {
	t.Helper()
	db, err := OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("OpenSQLite = %v", err)
	}
	return closing(t, db)
}

// closing has db end with the test.
func closing(t testing.TB, db *DB) *DB {
	t.Helper()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	return db
}

// sideDoor reaches the same file past the store.
func sideDoor(t testing.TB, path string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("sqlite", sqliteDSN(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

func fullScans(t *testing.T, db *DB) (plans []string, seen int) {
	t.Helper()
	for _, text := range texts(t, db) {
		if strings.HasPrefix(text, "PRAGMA") {
			continue
		}
		plan := strings.Join(explain(t, db, text), "\n")
		for line := range strings.Lines(plan) {
			if strings.Contains(line, "SCAN token") || strings.Contains(line, "SCAN event") || strings.Contains(line, "SCAN console_session") || strings.Contains(line, "AUTOMATIC") {
				plans = append(plans, fmt.Sprintf("%s\n%s", text, plan))
				break
			}
		}
		seen++
	}
	return plans, seen
}

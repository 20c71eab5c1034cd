package store

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// Both kinds of connections must have the settings on which durability and
// reading beside writing rest.
func TestSettings(t *testing.T) {
	t.Parallel()
	db := newSQLite(t)
	setting := func(query func(context.Context, string, ...any) *sql.Row, name string) (value string) {
		t.Helper()
		if err := query(t.Context(), "PRAGMA "+name).Scan(&value); err != nil {
			t.Errorf("PRAGMA %s: %v", name, err)
		}
		return value
	}
	for name, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "query_only": "0", "wal_autocheckpoint": "4096",
	} {
		err := db.writer.do(t.Context(), func(s *session) error {
			if got := setting(s.conn.QueryRowContext, name); got != want {
				t.Errorf("%s = %s where the store writes, want %s", name, got, want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if name == "query_only" {
			want = "1"
		}
		if got := setting(db.readers.QueryRowContext, name); got != want {
			t.Errorf("%s = %s where the store reads, want %s", name, got, want)
		}
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data %41?#")
	db := openSQLite(t, filepath.Join(dir, "patrol.db"))
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v, want 0700", info.Mode(), err)
	}
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", entry.Name(), info.Mode(), err)
		}
	}
	if want := []string{"patrol.db", "patrol.db-shm", "patrol.db-wal", "patrol.db.lock"}; !cmp.Equal(names, want) {
		t.Errorf("files are %q, want %q", names, want)
	}
}

func TestOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	if _, err := OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "another process has it open") {
		t.Errorf("OpenSQLite of an open database = %v, want it refused with a sentence", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openSQLite(t, path)
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	openSQLite(t, path).Close()
	pool := sideDoor(t, path)
	if _, err := pool.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	pool.Close()
	_, err := OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "9999") || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("OpenSQLite = %v, want it to tell of a newer schema", err)
	}
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "letter.txt")
	letter := strings.Repeat("dear database, ", 1000)
	if err := os.WriteFile(path, []byte(letter), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLite(t.Context(), path, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("OpenSQLite of a letter = nil, want a fault")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != letter {
		t.Errorf("the letter was changed: %v", err)
	}
	if _, err := OpenSQLite(t.Context(), dir, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("OpenSQLite of a directory = nil, want a fault")
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	db.Close()
	got, err := openSQLite(t, path).Find(t.Context(), token.Owner, token.ID)
	if err != nil || !cmp.Equal(token, got) {
		t.Errorf("Find after opening again = %v, %v, want the token", got, err)
	}
}

func TestMatchKeys(t *testing.T) {
	t.Parallel()
	postgres, _ := newPostgres(t)
	for name, db := range map[string]*DB{"SQLite": newSQLite(t), "PostgreSQL": postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			matchKeys(t, db)
		})
	}
}

func matchKeys(t *testing.T, db *DB) {
	a, b, c := [32]byte{1}, [32]byte{2}, [32]byte{3}
	for _, step := range []struct {
		name    string
		have    map[byte][32]byte
		missing string
		refused string
	}{
		{"the first time", map[byte][32]byte{'A': a}, "", ""},
		{"the same", map[byte][32]byte{'A': a}, "", ""},
		{"another key of that id", map[byte][32]byte{'A': b, 'B': b}, "", "under another key A"},
		{"one more", map[byte][32]byte{'A': a, 'B': c}, "", ""},
		{"without the first", map[byte][32]byte{'B': c}, "A", ""},
		{"with neither", map[byte][32]byte{'Z': a}, "AB", ""},
		{"nothing", nil, "ABZ", ""},
	} {
		missing, err := db.MatchKeys(t.Context(), step.have, time.Now())
		if step.refused != "" {
			if err == nil || !strings.Contains(err.Error(), step.refused) {
				t.Errorf("%s: MatchKeys = %v, want %q", step.name, err, step.refused)
			}
		} else if err != nil || string(missing) != step.missing {
			t.Errorf("%s: MatchKeys = %q, %v, want %q", step.name, missing, err, step.missing)
		}
	}
}

// Where reads overlap without end SQLite goes on appending to the log, and the
// store has to see to it.
func TestLogStaysShort(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	for _, token := range newTokens(20) {
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
			t.Fatal(err)
		}
	}
	length := func() int64 {
		t.Helper()
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	s, err := openSession(t.Context(), sideDoor(t, path), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	keeper := &walKeeper{path: path + "-wal", limit: length() - 1}
	tend := func(turns int) {
		t.Helper()
		for range turns {
			if err := keeper.tend(t.Context(), s); err != nil {
				t.Fatalf("tend = %v", err)
			}
		}
	}

	reader, err := db.readers.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRow(`SELECT count(*) FROM token`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	long := length()
	tend(256)
	if length() != long || keeper.limit != 2*long {
		t.Errorf("the log has %d bytes and may have %d while one reads, want it left alone at %d until it has doubled", length(), keeper.limit, long)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	keeper.limit = long - 1
	tend(255)
	if length() != long {
		t.Errorf("the log has %d bytes before it is time to look, want %d", length(), long)
	}
	tend(1)
	if length() != 0 {
		t.Errorf("the log has %d bytes, want none", length())
	}
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// filled is a database with n tokens that stays open, and its file.
func filled(t *testing.T, n int) (db *DB, path string, tokens []pat.Token) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "patrol.db")
	db, tokens = openSQLite(t, path), newTokens(n)
	for _, outcome := range creates(db, tokens) {
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	}
	return db, path, tokens
}

// TestBackup copies a database while others write to it: the copy opens, has
// what there was before it began, and can be written to.
func TestBackup(t *testing.T) {
	t.Parallel()
	db, path, tokens := filled(t, 200)
	output := filepath.Join(t.TempDir(), "backup %41?#.db")
	var work sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		work.Go(func() {
			for ctx.Err() == nil {
				token := newTokens(1)[0]
				if err := db.Create(context.Background(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
					t.Errorf("Create during the backup = %v", err)
				}
			}
		})
	}
	got, err := BackupSQLite(t.Context(), path, output)
	stop()
	work.Wait()
	if err != nil || got.Tokens < 200 || got.Events != got.Tokens || got.Bytes == 0 {
		t.Fatalf("BackupSQLite = %+v, %v, want at least 200 tokens with an event each", got, err)
	}
	info, err := os.Stat(output)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != got.Bytes {
		t.Errorf("the backup has mode %v and %d bytes, %v, want 0600 and %d", info.Mode(), info.Size(), err, got.Bytes)
	}
	if left := list(t, filepath.Dir(output)); len(left) != 1 {
		t.Errorf("the directory has %q, want the backup alone", left)
	}
	restored := openSQLite(t, output)
	for _, token := range tokens {
		found, err := restored.Find(t.Context(), token.Owner, token.ID)
		if diff := cmp.Diff(token.ID, found.ID); err != nil || diff != "" {
			t.Fatalf("Find in the backup = %v\n%s", err, diff)
		}
	}
	more := newTokens(1)[0]
	if err := restored.Create(t.Context(), more, benchEvent(pat.ActionCreate, more, benchTime)); err != nil {
		t.Errorf("Create in the backup = %v", err)
	}
}

// TestBackupRefuses: what is no good backup is no file at all.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	_, path, _ := filled(t, 1)
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	other, err := sql.Open("sqlite", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), `CREATE TABLE token (x)`); err != nil {
		t.Fatal(err)
	}
	other.Close()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no database"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := damage(t)
	ended, end := context.WithCancel(t.Context())
	end()
	tests := []struct {
		name         string
		ctx          context.Context
		path, output string
		want         string
	}{
		{"output exists", t.Context(), path, text, "overwrites nothing"},
		{"output is the database", t.Context(), path, path, "overwrites nothing"},
		{"no database", t.Context(), filepath.Join(dir, "missing.db"), "new.db", "no such file"},
		{"no directory", t.Context(), path, "missing/new.db", "no such file"},
		{"another program's", t.Context(), foreign, "new.db", "no database of Patrol"},
		{"no database at all", t.Context(), text, "new.db", "not a database"},
		{"damaged", t.Context(), damaged, "new.db", "the copy is not good"},
		{"stopped", ended, path, "new.db", "context canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			output, to := tt.output, t.TempDir()
			if !filepath.IsAbs(output) {
				output = filepath.Join(to, output)
			}
			before, _ := os.ReadFile(output)
			got, err := BackupSQLite(tt.ctx, tt.path, output)
			if err == nil || got != (Backup{}) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("BackupSQLite = %+v, %v, want %q", got, err, tt.want)
			}
			if left := list(t, to); len(left) != 0 {
				t.Errorf("it left %q", left)
			}
			if after, err := os.ReadFile(output); filepath.IsAbs(tt.output) && (err != nil || !bytes.Equal(before, after)) {
				t.Errorf("it changed the file at its output: %v", err)
			}
		})
	}
}

// damage is a database of which one table and its index differ.
func damage(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "patrol.db")
	db, token := openSQLite(t, path), newTokens(1)[0]
	token.DisplayName = "in the table and in an index"
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(data, []byte("in the table and"), []byte("in one place and"), 1)
	if bytes.Equal(data, changed) {
		t.Fatal("the name of a token is not in the file")
	}
	if err := os.WriteFile(path, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

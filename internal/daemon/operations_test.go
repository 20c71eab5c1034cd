package daemon_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// operations is the page for administrators.
func operations(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// statement is the one block of SQL on the page that has mark in it.
func statement(t *testing.T, mark string) string {
	t.Helper()
	var found []string
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(operations(t), -1) {
		if strings.Contains(block[1], mark) {
			found = append(found, block[1])
		}
	}
	if len(found) != 1 {
		t.Fatalf("the page has %d statements with %q, want one", len(found), mark)
	}
	return found[0]
}

// TestOperationsNameMetrics: the page lists the families that there are.
func TestOperationsNameMetrics(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{Metrics: true, Database: postgrestest.Database(t)})
	for leased := false; !leased; {
		families, _ := scrape(t, s)
		leased = families["patrol_lease_age_seconds"] != nil
	}
	if _, err := alice(t, s).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"}); err != nil {
		t.Fatal(err)
	}
	newVisitor(t, s.Console, s.HTTP.Transport).signIn(t, "/", "alice@contoso.example")
	families, _ := scrape(t, s)
	if diff := cmp.Diff(map[string]float64{"signed_in": 1}, counted(families["patrol_console_sign_ins_total"])); diff != "" {
		t.Errorf("sign-ins (-want +got):\n%s", diff)
	}
	var have, listed []string
	for name := range families {
		if strings.HasPrefix(name, "patrol_") {
			have = append(have, name)
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(patrol_[a-z_]+)` \\|").FindAllStringSubmatch(operations(t), -1) {
		listed = append(listed, row[1])
	}
	slices.Sort(have)
	slices.Sort(listed)
	if diff := cmp.Diff(have, listed); diff != "" {
		t.Errorf("metrics (-there +listed):\n%s", diff)
	}
}

// TestOperationsCountTokensOfKey: the page's statements count the tokens that
// keep a key from being retired.
func TestOperationsCountTokensOfKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "patrol.db")
	postgres := postgrestest.Database(t)
	for name, tt := range map[string]struct{ database, driver, source, mark string }{
		"SQLite":     {"sqlite:" + file, "sqlite", file, "unicode("},
		"PostgreSQL": {postgres, "pgx", postgres, "ascii("},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), Database: tt.database})
			defer stop()
			c := alice(t, s)
			for range 2 {
				if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "live", Scope: "vso.code"}); err != nil {
					t.Fatal(err)
				}
			}
			revoked, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "revoked", Scope: "vso.code"})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Revoke(t.Context(), revoked.AuthorizationID); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open(tt.driver, tt.source)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var live int
			if err := db.QueryRowContext(t.Context(), statement(t, tt.mark)).Scan(&live); err != nil || live != 2 {
				t.Errorf("the statement counts %d, %v, want 2", live, err)
			}
		})
	}
}

// TestOperationsCarryOver restores a backup and carries over, by the page's
// statements, what the lost database has: what was revoked, narrowed or created
// after the backup is so afterwards.
func TestOperationsCarryOver(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	s, stop := run(t, daemon.DevOptions{Data: data})
	c := alice(t, s)
	create := func(name string) (token api.PatToken) {
		t.Helper()
		token, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code vso.build"})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	revoked, narrowed, kept := create("revoked"), create("narrowed"), create("kept")
	file := filepath.Join(data, "patrol.db")
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := daemon.Backup(t.Context(), file, backup); err != nil {
		t.Fatal(err)
	}
	if err := c.Revoke(t.Context(), revoked.AuthorizationID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: narrowed.AuthorizationID, Scope: new("vso.build")}); err != nil {
		t.Fatal(err)
	}
	created := create("created")
	stop()

	carryOver(t, backup, strings.Replace(statement(t, "ATTACH"), "/var/lib/patrol/lost/patrol.db", file, 1))
	s, stop = run(t, daemon.DevOptions{Data: withKeysOf(t, data), Database: "sqlite:" + backup})
	defer stop()
	for _, tt := range []struct {
		name  string
		token api.PatToken
		want  int
	}{
		{"revoked", revoked, http.StatusUnauthorized},
		{"narrowed", narrowed, http.StatusForbidden},
		{"kept", kept, http.StatusOK},
		{"created", created, http.StatusOK},
	} {
		if got := forwardAuth(t, s, *tt.token.Token); got != tt.want {
			t.Errorf("verification of the token that was %s = %d, want %d", tt.name, got, tt.want)
		}
	}
	c = alice(t, s)
	if err := c.Revoke(t.Context(), created.AuthorizationID); err != nil {
		t.Errorf("Revoke of a token that was carried over = %v", err)
	}
}

func carryOver(t *testing.T, file, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // ATTACH is the connection's
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatalf("the page's statements: %v", err)
	}
}

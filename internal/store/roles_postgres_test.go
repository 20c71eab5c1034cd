package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// service is the role that the service has in tests, and its password.
var service = sync.OnceValues(func() (role, password string) { return "patrol_" + strings.ToLower(rand.Text()), rand.Text() })

// asService is a URL for the service's role.
func asService(t testing.TB, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(service())
	return u.String()
}

// makeSchema makes the schema, and a role for the service, with the rights that
// docs/postgresql.md grants it.
func makeSchema(url string) error {
	ctx := context.Background()
	if _, err := MigratePostgres(ctx, url, PostgresOptions{}, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	grants, err := documentedGrants()
	if err != nil {
		return err
	}
	pool, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer pool.Close()
	role, password := service()
	_, err = pool.ExecContext(ctx, `CREATE ROLE `+role+` LOGIN PASSWORD '`+password+`'; `+strings.ReplaceAll(grants, "TO patrol;", "TO "+role+";"))
	return err
}

// documentedGrants are those of the service's role.
func documentedGrants() (string, error) {
	page, err := os.ReadFile("../../docs/postgresql.md")
	if err != nil {
		return "", err
	}
	for _, block := range strings.Split(string(page), "```") {
		if grants, ok := strings.CutPrefix(block, "sql\nGRANT "); ok {
			return "GRANT " + grants, nil
		}
	}
	return "", errors.New("docs/postgresql.md has no block of SQL that begins with GRANT")
}

// A service whose role may not change the schema starts where that is current,
// and says what to do where it is not.
func TestPostgresServiceRole(t *testing.T) {
	t.Parallel()
	db, current := newPostgres(t)
	for _, text := range []string{`DELETE FROM token`, `DELETE FROM event`, `UPDATE event SET at = 0`, `DELETE FROM server_key`, `CREATE TABLE mine (id integer)`, `TRUNCATE token`} {
		if _, err := db.readers.ExecContext(t.Context(), text); !isForbidden(err) {
			t.Errorf("as the service's role, %s = %v, want it forbidden", text, err)
		}
	}
	done, err := MigratePostgres(t.Context(), asService(t, current), PostgresOptions{}, slog.New(slog.DiscardHandler))
	if err != nil || done.From != done.To || done.To == 0 {
		t.Errorf("MigratePostgres of a current schema = %v, %v", done, err)
	}
	older := postgrestest.Copy(t, "migrated", makeSchema)
	execute(t, sidePool(t, older), `DELETE FROM goose_db_version WHERE version_id > 0`)
	for name, url := range map[string]string{"an older schema": older, "no schema": postgrestest.Database(t)} {
		db, err := OpenPostgres(t.Context(), asService(t, url), PostgresOptions{}, slog.New(slog.DiscardHandler))
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), `run "patrold migrate" as the role that owns the schema`) {
			t.Errorf("OpenPostgres of %s = %v, want it to say what to run", name, err)
		}
	}
}

package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
	websession "github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// filledSQLite is a file with rows of every kind, which nobody has open.
func filledSQLite(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	far := time.UnixMicro(math.MaxInt64).UTC()
	for i, name := range []string{
		"plain", strings.Repeat("🐛", 255), "O'Brien \\x00 \\N \t %s \"quoted\"", "ä\u0301 \u202e\u200f مرحبا 你好", "\\.", " ", "\U0010ffff",
	} {
		token := benchToken(pat.RandomUUID(), pat.RandomUUID(), benchTime)
		token.DisplayName, token.OwnerName = name, name
		token.AllOrgs = i%2 == 0
		if i == 1 {
			token.ValidFrom, token.ValidTo = time.UnixMicro(math.MinInt64).UTC(), far
		}
		e := benchEvent(pat.ActionCreate, token, benchTime)
		e.ActorName, e.Origin.UserAgent = name, "agent\x00\xff"+name
		if err := db.Create(t.Context(), token, e); err != nil {
			t.Fatal(err)
		}
		use := pat.Usage{Token: token.ID, At: benchTime, Address: "2001:db8::1", Agent: "git", Scope: "vso.code"}
		if err := db.Used(t.Context(), []pat.Usage{use}); err != nil {
			t.Fatal(err)
		}
		_, err := db.Update(t.Context(), token.Owner, token.ID, func(token pat.Token) (pat.Token, *pat.Event, error) {
			token.RevokedAt = benchTime.Add(time.Duration(i) * time.Second)
			e := benchEvent(pat.ActionRevoke, token, token.RevokedAt)
			return token, &e, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, token := range newTokens(300) {
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.MatchKeys(t.Context(), map[byte][32]byte{'A': {1}, 'z': {255}}, benchTime); err != nil {
		t.Fatal(err)
	}
	signedIn := websession.Record{
		ID: websession.ID{7}, Owner: "https://issuer.example ä\t", Version: 3, Created: benchTime, Seen: benchTime.Add(time.Hour), Ends: far,
		Agent: "Browser \\.", Address: "192.0.2.7", Data: bytes.Repeat([]byte{0, 255, '\n', '\\'}, 5000),
	}
	if err := db.AddSession(t.Context(), signedIn); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func copyQuietly(ctx context.Context, path, url string) ([]Copied, error) {
	return CopySQLite(ctx, path, url, CopyOptions{PostgresOptions: PostgresOptions{Partitions: 3}}, slog.New(slog.DiscardHandler))
}

func TestCopy(t *testing.T) {
	t.Parallel()
	path, url := filledSQLite(t), postgrestest.Database(t)
	told := map[string]int64{}
	o := CopyOptions{PostgresOptions: PostgresOptions{Partitions: 3}, Progress: func(doing, table string, rows, of int64) {
		if rows == of {
			told[doing+" "+table] = rows
		}
	}}
	copied, err := CopySQLite(t.Context(), path, url, o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("CopySQLite = %v", err)
	}
	source, target := sideDoor(t, path), sidePool(t, url)
	for i, table := range copiedTables {
		want, have := allRows(t, source, table.name, table.key), allRows(t, target, table.name, table.key)
		if diff := cmp.Diff(want, have); diff != "" || len(want) == 0 {
			t.Errorf("table %s differs after %d rows (-want +got):\n%s", table.name, len(want), diff)
		}
		n := int64(len(want))
		if copied[i].Table != table.name || copied[i].Rows != n || told["copying "+table.name] != n || told["comparing "+table.name] != n {
			t.Errorf("it tells of %d rows of %s, and on the way of %v, want %d", copied[i].Rows, copied[i].Table, told, n)
		}
	}
	if slices.ContainsFunc(copied, func(c Copied) bool { return c.Digest == [32]byte{} }) {
		t.Error("a table has no digest")
	}
	if _, err := copyQuietly(t.Context(), path, url); err == nil || !strings.Contains(err.Error(), "overwrites nothing") {
		t.Errorf("a second copy = %v, want it refused", err)
	}
}

// Every table of SQLite is copied but that of its schema's version.
func TestCopyCoversTables(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	openSQLite(t, path)
	rows, err := countRows(t.Context(), sideDoor(t, path))
	if err != nil {
		t.Fatal(err)
	}
	delete(rows, "goose_db_version")
	for _, table := range copiedTables {
		delete(rows, table.name)
	}
	if len(rows) != 0 {
		t.Errorf("nobody copies the tables %v: name them in copiedTables", rows)
	}
}

// allRows are the rows of a table with their columns' names.
func allRows(t *testing.T, pool *sql.DB, table, key string) (all []map[string]any) {
	t.Helper()
	rows, err := pool.QueryContext(t.Context(), `SELECT * FROM `+table+` ORDER BY `+key)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, column := range columns {
			row[column] = fmt.Sprintf("%v", values[i])
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// What others make of the rows on their way is noticed, nothing of the copy
// remains, and another try succeeds once they are gone.
func TestCopyNoticesTampering(t *testing.T) {
	t.Parallel()
	path := filledSQLite(t)
	for name, tt := range map[string]struct{ table, body string }{
		"a name is changed":       {"token", `NEW.display_name := upper(NEW.display_name); RETURN NEW`},
		"a revocation is undone":  {"token", `NEW.revoked_at := 0; RETURN NEW`},
		"an event is swallowed":   {"event", `RETURN CASE WHEN get_byte(NEW.id, 15) < 128 THEN NEW END`},
		"an end is a moment late": {"token", `NEW.valid_to := NEW.valid_to - 1; RETURN NEW`},
		"a use changes its place": {"token_usage", `NEW.address := ''; RETURN NEW`},
		"a session is another's":  {"console_session", `NEW.owner := 'mallory'; RETURN NEW`},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: a copy holds the file
			url := postgrestest.Database(t)
			openPostgres(t, url).Close()
			side := sidePool(t, url)
			execute(t, side, `CREATE FUNCTION tamper() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN `+strings.ReplaceAll(tt.body, "'", "''")+`; END'`)
			execute(t, side, `CREATE TRIGGER tamper BEFORE INSERT ON `+tt.table+` FOR EACH ROW EXECUTE FUNCTION tamper()`)
			if _, err := copyQuietly(t.Context(), path, url); !errors.Is(err, errTampered) {
				t.Fatalf("CopySQLite = %v, want it to notice", err)
			}
			for _, table := range copiedTables {
				if rows := allRows(t, side, table.name, table.key); len(rows) != 0 {
					t.Errorf("%d rows of %s remain", len(rows), table.name)
				}
			}
			execute(t, side, `DROP FUNCTION tamper CASCADE`)
			if _, err := copyQuietly(t.Context(), path, url); err != nil {
				t.Errorf("another try = %v", err)
			}
		})
	}
}

// A copy that is interrupted, at whatever step, leaves nothing.
func TestCopyInterrupted(t *testing.T) {
	t.Parallel()
	path := filledSQLite(t)
	for _, step := range []string{"copying token", "copying token_usage", "comparing event"} {
		url := postgrestest.Database(t)
		ctx, interrupt := context.WithCancel(t.Context())
		o := CopyOptions{Progress: func(doing, table string, _, _ int64) {
			if doing+" "+table == step {
				interrupt()
			}
		}}
		if _, err := CopySQLite(ctx, path, url, o, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("CopySQLite, interrupted while %s, = nil", step)
		}
		interrupt()
		if _, err := copyQuietly(t.Context(), path, url); err != nil {
			t.Errorf("after that another try = %v", err)
		}
	}
}

func TestCopyRefused(t *testing.T) {
	t.Parallel()
	path := filledSQLite(t)
	inUse := filledSQLite(t)
	openSQLite(t, inUse)
	empty := postgrestest.Database(t)
	served := postgrestest.Database(t)
	if _, err := openPostgres(t, served).MatchKeys(t.Context(), map[byte][32]byte{'A': {1}}, benchTime); err != nil {
		t.Fatal(err)
	}
	other := postgrestest.Database(t)
	openPostgres(t, other).Close()
	execute(t, sidePool(t, other), `ALTER TABLE event ADD COLUMN extra text`)
	for name, tt := range map[string]struct{ path, url, want string }{
		"no file":               {filepath.Join(t.TempDir(), "none.db"), empty, "no such file"},
		"a running service":     {inUse, empty, "another process has it open"},
		"a key is there":        {path, served, "table server_key has rows"},
		"a column is different": {path, other, `"extra"`},
		"no such server":        {path, "postgres://postgres:s3cret@127.0.0.1:1/x", "127.0.0.1"},
	} {
		if _, err := copyQuietly(t.Context(), tt.path, tt.url); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: CopySQLite = %v, want %q and no password", name, err, tt.want)
		}
	}
}

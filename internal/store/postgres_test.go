package store

import (
	"context"
	"database/sql"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
	"github.com/patrolhq/patrol/internal/store/storetest"
	"github.com/patrolhq/patrol/internal/verify"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) storetest.Database {
		db, url := newPostgres(t)
		node := verify.StartNode(db.Nodes(), verify.NewCache(0), slog.New(slog.DiscardHandler))
		t.Cleanup(node.Close)
		if _, err := node.Hold(t.Context()); err != nil {
			t.Fatalf("Hold = %v", err)
		}
		return storetest.Database{
			Store: ofNode{db, db.Nodes()}, Sessions: db, SQL: sidePool(t, url),
			FullScans: func(t *testing.T) ([]string, int) { return fullScansPostgres(t, db) },
		}
	})
}

// ofNode is a store as a node uses it, for which every change waits.
type ofNode struct {
	*DB
	nodes *Nodes
}

func (n ofNode) Lookup(ctx context.Context, bucket pat.Bucket, digest pat.Digest) (pat.Token, error) {
	return n.nodes.Lookup(ctx, bucket, digest)
}

// newPostgres is an empty database of its own, which the store has opened as
// the service's role, with the URL of a superuser.
func newPostgres(t testing.TB) (*DB, string) {
	t.Helper()
	at := postgrestest.Copy(t, "migrated", makeSchema)
	return openPostgres(t, asService(t, at)), at
}

func openPostgres(t testing.TB, url string) *DB {
	t.Helper()
	db, err := OpenPostgres(t.Context(), url, PostgresOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("OpenPostgres = %v", err)
	}
	return closing(t, db)
}

// sidePool reaches the same database past the store.
func sidePool(t testing.TB, url string) *sql.DB {
	t.Helper()
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return pool
}

// Every connection must have the settings on which durability, plans and
// recovery rest, whatever the server's defaults are.
func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	side := sidePool(t, url)
	for _, unwise := range []string{"synchronous_commit = off", "plan_cache_mode = auto", "statement_timeout = 0", "default_transaction_isolation = 'serializable'"} {
		if _, err := side.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET `+strings.ReplaceAll(unwise, "'", "''")+`', current_database()); END $$`); err != nil {
			t.Fatal(err)
		}
	}
	db := openPostgres(t, url)
	want := map[string]string{
		"synchronous_commit": "on", "plan_cache_mode": "force_generic_plan", "statement_timeout": "10s", "lock_timeout": "5s",
		"idle_in_transaction_session_timeout": "3s", "application_name": "patrold", "enable_seqscan": "off", "client_encoding": "UTF8",
	}
	for name, value := range want {
		var got string
		err := db.reading.row(t.Context(), `SELECT current_setting($1)`, name).Scan(&got)
		if err != nil || got != value {
			t.Errorf("%s = %s, %v where the store reads, want %s", name, got, err, value)
		}
		err = db.writer.do(t.Context(), func(s *session) error {
			return s.row(t.Context(), `SELECT current_setting($1)`, name).Scan(&got)
		})
		if err != nil || got != value {
			t.Errorf("%s = %s, %v where the store writes, want %s", name, got, err, value)
		}
	}
	var isolation string
	err := db.writer.do(t.Context(), func(s *session) error {
		return s.row(t.Context(), `SELECT current_setting('transaction_isolation')`).Scan(&isolation)
	})
	if err != nil || isolation != "read committed" {
		t.Errorf("changes are isolated as %s, %v, want read committed", isolation, err)
	}
	stronger := openPostgres(t, url+"?synchronous_commit=remote_apply")
	var got string
	if err := stronger.reading.row(t.Context(), `SELECT current_setting('synchronous_commit')`).Scan(&got); err != nil || got != "remote_apply" {
		t.Errorf("synchronous_commit = %s, %v, want the stronger one that the URL asks for", got, err)
	}
}

// Many may start on an empty database at once.
func TestPostgresMigratesOnce(t *testing.T) {
	t.Parallel()
	url := postgrestest.Database(t)
	var work sync.WaitGroup
	for range 5 {
		work.Go(func() {
			db, err := OpenPostgres(t.Context(), url, PostgresOptions{Partitions: 3}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Errorf("OpenPostgres = %v", err)
				return
			}
			defer db.Close()
			if _, err := db.MatchKeys(t.Context(), map[byte][32]byte{'A': {1}, 'B': {2}}, benchTime); err != nil {
				t.Errorf("MatchKeys = %v", err)
			}
		})
	}
	work.Wait()
	openPostgres(t, url) // with the default number, which comes too late
	var partitions int
	if err := sidePool(t, url).QueryRowContext(t.Context(), `SELECT count(*) FROM pg_inherits WHERE inhparent = 'event'::regclass`).Scan(&partitions); err != nil || partitions != 3 {
		t.Errorf("%d partitions, %v, want the 3 that the schema was made with", partitions, err)
	}
}

func TestPostgresRefused(t *testing.T) {
	t.Parallel()
	newer := postgrestest.Database(t)
	openPostgres(t, newer).Close()
	if _, err := sidePool(t, newer).ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	latin := strings.TrimSuffix(postgrestest.Server(t), "/postgres") + "/latin"
	if _, err := sidePool(t, postgrestest.Server(t)).ExecContext(t.Context(), `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := sidePool(t, postgrestest.Server(t)).ExecContext(context.Background(), `DROP DATABASE latin`); err != nil {
			t.Error(err)
		}
	})
	for name, tt := range map[string]struct {
		url     string
		options PostgresOptions
		want    string
	}{
		"a newer schema":         {newer, PostgresOptions{}, "newer program"},
		"an encoding":            {latin, PostgresOptions{}, "UTF8"},
		"too many partitions":    {newer, PostgresOptions{Partitions: 5000}, "partitions"},
		"a wrong password":       {"postgres://postgres:s3cret@" + hostOf(newer) + "/postgres", PostgresOptions{}, "password authentication failed"},
		"nobody there":           {"postgres://postgres:s3cret@127.0.0.1:1/postgres", PostgresOptions{}, "127.0.0.1"},
		"a password in a query":  {"postgres://127.0.0.1:1/postgres?password=s3cret", PostgresOptions{}, "127.0.0.1"},
		"an unknown sslmode":     {"postgres://u:s3cret@127.0.0.1/postgres?sslmode=maybe", PostgresOptions{}, "sslmode"},
		"a bad escape":           {"postgres://u:s3cret%zz@127.0.0.1/postgres", PostgresOptions{}, "cannot be read"},
		"a bad port":             {"postgres://u:s3cret@127.0.0.1:nope/postgres", PostgresOptions{}, "cannot be read"},
		"another kind":           {"mysql://u:s3cret@127.0.0.1/x", PostgresOptions{}, "postgres://"},
		"no TLS, far away":       {"postgres://u:s3cret@host.invalid/x", PostgresOptions{}, "host.invalid"},
		"two passwords":          {"postgres://127.0.0.1:1/postgres?password=&password=s3cret", PostgresOptions{}, "password"},
		"a key's password":       {"postgres://127.0.0.1:1/postgres?sslpassword=s3cret", PostgresOptions{}, "sslpassword"},
		"a service file's host":  {"postgres:///postgres?service=remote", PostgresOptions{}, "service"},
		"keywords and values":    {"host=127.0.0.1 password=s3cret", PostgresOptions{}, "cannot be read"},
		"a password and a slash": {"postgres://u:s3cret/@127.0.0.1/x", PostgresOptions{}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := OpenPostgres(t.Context(), tt.url, tt.options, slog.New(slog.DiscardHandler))
			if err == nil {
				db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("OpenPostgres = %v, want %q and no password", err, tt.want)
			}
		})
	}
}

// hostOf is the host and port in a URL.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

func TestPostgresTLSByDefault(t *testing.T) {
	t.Parallel()
	for text, verified := range map[string]bool{
		"postgres://db.example/x":                     true,
		"postgres://10.0.0.1,127.0.0.1/x":             true,
		"postgres://db.example/x?sslmode=disable":     false,
		"postgres://localhost/x":                      false,
		"postgres://[::1]:5433/x":                     false,
		"postgres:///x?host=/var/run/postgresql":      false,
		"postgres://127.0.0.1/x?host=db.example":      true,
		"postgres://127.0.0.1/x?sslmode=verify-full":  true,
		"postgres://db.example/x?sslmode=verify-full": true,
	} {
		config, err := postgresConfig(text, &links{open: map[*link]struct{}{}})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := config.TLSConfig != nil && !config.TLSConfig.InsecureSkipVerify; got != verified {
			t.Errorf("%s verifies the server: %v, want %v", text, got, verified)
		}
	}
}

package patroltest_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// BenchmarkCreateHTTPPostgres creates tokens over HTTP on 32 connections, as
// [BenchmarkCreateHTTP] does, with PostgreSQL beside the service and the client
// on the same cores. In turns with it pgbench inserts a row of token and one of
// event in a transaction, into another database of the same schema, also from
// 32 clients. It reports the share of that speed.
func BenchmarkCreateHTTPPostgres(b *testing.B) {
	const turns = 8
	cluster := postgrestest.New(b, "shared_buffers=512MB", "max_wal_size=8GB")
	url, bare := namedDatabase(b, cluster, "service"), namedDatabase(b, cluster, "bare")
	s := patroltest.Start(b, patroltest.Options{Database: url})
	if _, err := store.MigratePostgres(b.Context(), bare, store.PostgresOptions{}, slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	request := createRequest(b, s, "alice")
	clients := make([]*connection, connections)
	for i := range clients {
		clients[i] = dial(b, s)
		defer clients[i].conn.Close()
	}
	spread(b, clients, 10*connections, request) // warm up: connections, statements, keys
	p := newPgbench(b, url, bare)
	share := (b.N + turns - 1) / turns
	var created, inserted time.Duration
	var creates, inserts int
	b.ResetTimer()
	for range turns {
		b.StopTimer()
		n := max(share, 10*connections) / connections * connections
		inserted += p.run(b, n)
		inserts += n
		b.StartTimer()
		started := time.Now()
		spread(b, clients, share, request)
		created += time.Since(started)
		creates += share
	}
	b.StopTimer()
	rate, baseline := float64(creates)/created.Seconds(), float64(inserts)/inserted.Seconds()
	b.ReportMetric(rate, "creates/s")
	b.ReportMetric(baseline, "pgbench/s")
	b.ReportMetric(rate/baseline, "of-pgbench")
}

// namedDatabase makes a database on a cluster, and returns its URL.
func namedDatabase(b *testing.B, cluster *postgrestest.Cluster, name string) string {
	b.Helper()
	pool, err := sql.Open("pgx", cluster.URL("postgres"))
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(b.Context(), `CREATE DATABASE `+name+` TEMPLATE template0`); err != nil {
		b.Fatal(err)
	}
	return cluster.URL(name)
}

// pgbench inserts rows like one that the service made.
type pgbench struct {
	script   string
	database *url.URL
}

// newPgbench writes a script for the rows of a token in the database at from,
// whose id and digest are random, as those of its event.
func newPgbench(b *testing.B, from, to string) pgbench {
	b.Helper()
	pool, err := sql.Open("pgx", from)
	if err != nil {
		b.Fatal(err)
	}
	defer pool.Close()
	var script strings.Builder
	for i := range 8 {
		fmt.Fprintf(&script, "\\set r%d random(0, %d)\n", i, math.MaxInt64-1)
	}
	script.WriteString("BEGIN;\n")
	// an id begins with the bucket and the seconds
	id := func(first int) string {
		return fmt.Sprintf(`substr(id, 1, 6) || substr(int8send(:r%d) || int8send(:r%d), 7)`, first, first+1)
	}
	for table, random := range map[string]map[string]string{
		"token": {"id": id(0), "digest": `int8send(:r2) || int8send(:r3) || int8send(:r4) || int8send(:r5)`},
		"event": {"id": id(6)},
	} {
		script.WriteString(insertLike(b, pool, table, random))
	}
	script.WriteString("END;\n")
	path := filepath.Join(b.TempDir(), "two-rows.sql")
	if err := os.WriteFile(path, []byte(script.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	database, err := url.Parse(to)
	if err != nil {
		b.Fatal(err)
	}
	return pgbench{path, database}
}

// insertLike is a statement that inserts a row like the first of a table, but
// for columns that have an expression, in which id is the row's.
func insertLike(b *testing.B, pool *sql.DB, table string, random map[string]string) string {
	b.Helper()
	rows, err := pool.QueryContext(b.Context(), `SELECT attname, (SELECT format('%L::%s', v, format_type(atttypid, NULL))
		FROM (SELECT to_jsonb(t) ->> attname::text AS v FROM `+table+` t LIMIT 1) AS row)
		FROM pg_attribute WHERE attrelid = '`+table+`'::regclass AND attnum > 0 ORDER BY attnum`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	literals := map[string]string{}
	var names, values []string
	for rows.Next() {
		var name, literal string
		if err := rows.Scan(&name, &literal); err != nil {
			b.Fatal(err)
		}
		literals[name] = literal
		names, values = append(names, name), append(values, literal)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	for i, name := range names {
		if expression := random[name]; expression != "" {
			values[i] = strings.ReplaceAll(expression, "id,", literals["id"]+",")
		}
	}
	return `INSERT INTO ` + table + ` (` + strings.Join(names, ", ") + `) VALUES (` + strings.Join(values, ", ") + ");\n"
}

var pgbenchRate = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// run has 32 clients insert n times two rows, and returns how long that took
// once they were connected.
func (p pgbench) run(b *testing.B, n int) time.Duration {
	b.Helper()
	password, _ := p.database.User.Password()
	cmd := exec.CommandContext(b.Context(), "pgbench", "--no-vacuum", "--client", strconv.Itoa(connections), "--jobs", "2", "--protocol", "prepared",
		"--transactions", strconv.Itoa(n/connections), "--file", p.script,
		"--host", p.database.Hostname(), "--port", p.database.Port(), "--username", p.database.User.Username(), strings.TrimPrefix(p.database.Path, "/"))
	cmd.Env = append(os.Environ(), "PGPASSWORD="+password)
	output, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("pgbench, of the package postgresql, is needed: %v\n%s", err, output)
	}
	found := pgbenchRate.FindSubmatch(output)
	if found == nil {
		b.Fatalf("pgbench:\n%s", output)
	}
	rate, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(float64(n) / rate * float64(time.Second))
}

package patroltest_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store"
)

const (
	connections   = 32
	rowsPerCommit = 32
)

// BenchmarkCreateHTTP creates tokens over HTTP on 32 connections, each create
// durable before its answer, with the client on the same cores. It then puts
// the very same rows into an empty database of the same schema with bare
// prepared inserts, 32 to a commit, and reports the share of that speed.
func BenchmarkCreateHTTP(b *testing.B) {
	data := filepath.Join(b.TempDir(), "data")
	ctx, stop := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: data})
	if err != nil {
		b.Fatal(err)
	}
	s := patroltest.Attach(b, dev)
	create := creator(b, s)
	spread(connections, connections, create) // warm up: connections, statements, keys
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	spread(connections, b.N, create)
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	runtime.GC()
	runtime.ReadMemStats(&after)
	s.HTTP.CloseIdleConnections()
	stop()
	if err := dev.Wait(ctx); err != nil {
		b.Fatal(err)
	}
	bare := bareInserts(b, filepath.Join(data, "patrol.db"))
	b.ReportMetric(rate, "creates/s")
	b.ReportMetric(bare, "bare/s")
	b.ReportMetric(rate/bare, "of-bare")
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-heap-growth")
}

// creator returns a function that creates one token.
func creator(b *testing.B, s *patroltest.Server) func() {
	authorization := "Bearer " + s.Token(b, "alice")
	url := s.Pats("contoso") + "?api-version=7.1-preview.1"
	body := []byte(`{"displayName":"benchmark","scope":"vso.code","allOrgs":false}`)
	return func() {
		req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			b.Error(err)
			return
		}
		req.Header.Set("Authorization", authorization)
		req.Header.Set("Content-Type", "application/json")
		resp, err := s.HTTP.Do(req)
		if err != nil {
			b.Error(err)
			return
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			b.Errorf("status %d", resp.StatusCode)
		}
	}
}

// spread calls work n times on as many goroutines as workers says.
func spread(workers, n int, work func()) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				work()
			}
		})
	}
	all.Wait()
}

// bareInserts replays the tokens and events of the database at path into a new
// one and returns tokens per second.
func bareInserts(b *testing.B, path string) float64 {
	b.Helper()
	source, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	tokens, events := rowsOf(b, source, "token"), rowsOf(b, source, "event")

	copied := filepath.Join(b.TempDir(), "bare.db")
	made, err := store.OpenSQLite(b.Context(), copied, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	if err := made.Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+copied+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=cache_size(-8192)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	insertToken, insertEvent := inserter(b, db, "token", len(tokens[0])), inserter(b, db, "event", len(events[0]))
	started := time.Now()
	for i := 0; i < len(tokens); i += rowsPerCommit {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		token, event := tx.Stmt(insertToken), tx.Stmt(insertEvent)
		for j := i; j < min(i+rowsPerCommit, len(tokens)); j++ {
			if _, err := token.Exec(tokens[j]...); err != nil {
				b.Fatal(err)
			}
			if _, err := event.Exec(events[j]...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(len(tokens)) / time.Since(started).Seconds()
}

func rowsOf(b *testing.B, db *sql.DB, table string) (all [][]any) {
	b.Helper()
	rows, err := db.Query("SELECT * FROM " + table)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		all = append(all, values)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return all
}

func inserter(b *testing.B, db *sql.DB, table string, columns int) *sql.Stmt {
	b.Helper()
	stmt, err := db.Prepare(fmt.Sprintf("INSERT INTO %s VALUES (%s)", table, strings.TrimSuffix(strings.Repeat("?,", columns), ",")))
	if err != nil {
		b.Fatal(err)
	}
	return stmt
}

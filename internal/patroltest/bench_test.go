package patroltest_test

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

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
	s, stop := startBench(b, data)
	request := createRequest(b, s, "alice")
	clients := make([]*connection, connections)
	for i := range clients {
		clients[i] = dial(b, s)
	}
	spread(b, clients, connections, request) // warm up: connections, statements, keys
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	spread(b, clients, b.N, request)
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	runtime.GC()
	runtime.ReadMemStats(&after)
	for _, c := range clients {
		c.conn.Close()
	}
	stop()
	bare := bareInserts(b, filepath.Join(data, "patrol.db"))
	b.ReportMetric(rate, "creates/s")
	b.ReportMetric(bare, "bare/s")
	b.ReportMetric(rate/bare, "of-bare")
	b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-heap-growth")
}

// createRequest is the request by which the user with that name creates a
// token.
func createRequest(b *testing.B, s *patroltest.Server, name string) []byte {
	b.Helper()
	req, err := http.NewRequest(http.MethodPost, s.Pats("contoso")+"?api-version=7.1-preview.1",
		strings.NewReader(`{"displayName":"benchmark","scope":"vso.code","allOrgs":false}`))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Token(b, name))
	req.Header.Set("Content-Type", "application/json")
	var written bytes.Buffer
	if err := req.Write(&written); err != nil {
		b.Fatal(err)
	}
	return written.Bytes()
}

// connection is a client that costs next to nothing: it sends bytes that were
// made before and reads of an answer what it must.
type connection struct {
	conn   net.Conn
	reader *textproto.Reader
}

func dial(b *testing.B, s *patroltest.Server) *connection {
	b.Helper()
	c, err := dialAddress(strings.TrimPrefix(s.API, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func dialAddress(address string) (*connection, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{conn, textproto.NewReader(bufio.NewReader(conn))}, nil
}

// ask sends request and fails unless the answer has status 200.
func (c *connection) ask(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	status, err := c.reader.ReadLineBytes()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return fmt.Errorf("answered %s", status)
	}
	length := 0
	for {
		line, err := c.reader.ReadLineBytes()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			_, err := c.reader.R.Discard(length)
			return err
		}
		if digits, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(digits)); err != nil {
				return err
			}
		}
	}
}

// spread sends request n times in all over the clients.
func spread(b *testing.B, clients []*connection, n int, request []byte) {
	var left atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := c.ask(request); err != nil {
					b.Error(err)
					return
				}
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

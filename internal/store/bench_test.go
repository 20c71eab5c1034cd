package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// benchTime is when benchmarks happen.
var benchTime = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// benchToken is a token of owner, made at a moment.
func benchToken(owner, organization pat.UUID, at time.Time) pat.Token {
	id := pat.RandomUUID()
	binary.BigEndian.PutUint16(id[0:], uint16(pat.BucketOf(owner)))
	binary.BigEndian.PutUint32(id[2:], uint32(at.Unix()))
	t := pat.Token{
		ID: id, Owner: owner, Organization: organization, DisplayName: "benchmark " + rand.Text(), Scope: "vso.code vso.work_write",
		ValidFrom: at, ValidTo: at.Add(30 * 24 * time.Hour), KeyID: 'k', Version: 1,
	}
	rand.Read(t.Digest[:])
	rand.Read(t.Seal[:])
	rand.Read(t.C3ID[:])
	return t
}

func benchEvent(action pat.Action, t pat.Token, at time.Time) pat.Event {
	id := pat.RandomUUID()
	copy(id[:6], t.ID[:6])
	return pat.Event{
		ID: id, At: at, Action: action, Token: t.ID, Owner: t.Owner, Organization: t.Organization,
		Actor: t.Owner, ActorName: "alice@contoso.example",
		Origin: pat.Origin{Activity: pat.RandomUUID(), Address: "192.0.2.7", UserAgent: "benchmark/1.0"},
		Data:   map[string]string{"DisplayName": t.DisplayName, "Scopes": string(t.Scope), "ValidTo": t.ValidTo.Format(time.RFC3339Nano), "AllOrgs": "false"},
	}
}

// insertBare writes a token as Create does, by statements prepared on conn,
// and nothing else.
type insertBare struct{ token, bucket, event *sql.Stmt }

func prepareBare(b testing.TB, conn *sql.Conn) insertBare {
	b.Helper()
	prepare := func(text string) *sql.Stmt {
		stmt, err := conn.PrepareContext(context.Background(), text)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { stmt.Close() })
		return stmt
	}
	return insertBare{prepare(insertToken), prepare(insertOwnerBucket), prepare(insertEvent)}
}

func (i insertBare) insert(b testing.TB, t pat.Token, e pat.Event, state pat.State) {
	bucket := int64(t.ID.Bucket())
	event, err := eventArguments(e)
	if err != nil {
		b.Fatal(err)
	}
	for _, step := range []struct {
		stmt      *sql.Stmt
		arguments []any
	}{
		{i.token, tokenArguments(t, state)},
		{i.bucket, []any{t.Owner[:], bucket}},
		{i.event, event},
	} {
		if _, err := step.stmt.Exec(step.arguments...); err != nil {
			b.Fatal(err)
		}
	}
}

// bareConn is a connection to a database file set as the store sets its own.
func bareConn(b testing.TB, path string, pragmas ...string) *sql.Conn {
	b.Helper()
	pool, err := sql.Open("sqlite", sqliteDSN(path, append([]string{"cache_size(-8192)"}, pragmas...)...))
	if err != nil {
		b.Fatal(err)
	}
	conn, err := pool.Conn(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		conn.Close()
		pool.Close()
	})
	return conn
}

func execBare(b testing.TB, conn *sql.Conn, text string) {
	b.Helper()
	if _, err := conn.ExecContext(context.Background(), text); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCreate compares durable creates by 32 goroutines with bare inserts
// of the same rows, 32 to a commit. The two take turns, so that a disk that
// changes its mind does so for both.
func BenchmarkCreate(b *testing.B) {
	const callers, round = 32, 3200
	dir := b.TempDir()
	db := openSQLite(b, filepath.Join(dir, "store.db"))
	openSQLite(b, filepath.Join(dir, "bare.db")).Close()
	conn := bareConn(b, filepath.Join(dir, "bare.db"))
	bare := prepareBare(b, conn)
	owners := make([]pat.UUID, 500)
	for i := range owners {
		owners[i] = pat.RandomUUID()
	}
	organization := pat.RandomUUID()
	var stored, inserted time.Duration
	var rounds int
	for b.Loop() {
		rounds++
		b.StopTimer()
		start := time.Now()
		for range round / 32 {
			execBare(b, conn, "BEGIN IMMEDIATE")
			for i := range 32 {
				t := benchToken(owners[(rounds*32+i)%len(owners)], organization, benchTime)
				bare.insert(b, t, benchEvent(pat.ActionCreate, t, benchTime), pat.Active)
			}
			execBare(b, conn, "COMMIT")
		}
		inserted += time.Since(start)
		b.StartTimer()
		start = time.Now()
		createSideBySide(b, db, callers, round, owners, organization)
		stored += time.Since(start)
	}
	stats := db.Stats()
	total := float64(rounds * round)
	b.ReportMetric(total/stored.Seconds(), "creates/s")
	b.ReportMetric(total/inserted.Seconds(), "bare/s")
	b.ReportMetric(inserted.Seconds()/stored.Seconds(), "ratio")
	b.ReportMetric(float64(stats.Changes)/float64(stats.Commits), "creates/commit")
}

// createSideBySide has callers create n tokens in all.
func createSideBySide(b *testing.B, db *DB, callers, n int, owners []pat.UUID, organization pat.UUID) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var work sync.WaitGroup
	for range callers {
		work.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				t := benchToken(owners[int(n)%len(owners)], organization, benchTime)
				if err := db.Create(context.Background(), t, benchEvent(pat.ActionCreate, t, benchTime)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
}

// big is a database of a million tokens: one owner has 100,000 of them, one
// 200, the others 1,000 each. All three states occur in all lists.
type big struct {
	path               string
	organization       pat.UUID
	large, small       pat.UUID
	largeIDs, smallIDs []pat.UUID
}

const bigTotal, bigLarge, bigSmall = 1_000_000, 100_000, 200

func fillBig(b *testing.B) *big {
	b.Helper()
	d := &big{path: filepath.Join(b.TempDir(), "big.db"), organization: pat.RandomUUID(), large: pat.RandomUUID(), small: pat.RandomUUID()}
	openSQLite(b, d.path).Close()
	conn := bareConn(b, d.path, "synchronous(OFF)", "cache_size(-400000)")
	indexes := dropIndexes(b, conn) // building them at the end is faster
	bare := prepareBare(b, conn)
	execBare(b, conn, "BEGIN IMMEDIATE")
	var other pat.UUID
	for i := range bigTotal {
		owner := d.large
		switch {
		case i >= bigLarge+bigSmall:
			if (i-bigLarge-bigSmall)%1000 == 0 {
				other = pat.RandomUUID()
			}
			owner = other
		case i >= bigLarge:
			owner = d.small
		}
		at := benchTime.Add(-time.Duration(i%5000) * 10 * time.Minute)
		t := benchToken(owner, d.organization, at)
		t.AllOrgs = i%5 == 0
		state := pat.Active
		switch i % 4 {
		case 1:
			t.ValidTo, state = benchTime.Add(-time.Duration(i%1000+1)*time.Minute), pat.Expired
		case 2:
			t.RevokedAt, state = benchTime.Add(-time.Minute), pat.Revoked
		default:
			t.ValidTo = benchTime.Add(time.Duration(i%5000+1) * time.Minute)
		}
		bare.insert(b, t, benchEvent(pat.ActionCreate, t, at), state)
		if i%4 == 0 && owner == d.large {
			d.largeIDs = append(d.largeIDs, t.ID)
		}
		if i%4 == 0 && owner == d.small {
			d.smallIDs = append(d.smallIDs, t.ID)
		}
	}
	execBare(b, conn, "COMMIT")
	for _, index := range indexes {
		execBare(b, conn, index)
	}
	execBare(b, conn, "PRAGMA wal_checkpoint(TRUNCATE)")
	return d
}

// dropIndexes drops the indexes of token and returns what creates them.
func dropIndexes(b *testing.B, conn *sql.Conn) (texts []string) {
	b.Helper()
	rows, err := conn.QueryContext(context.Background(), `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'token' AND sql IS NOT NULL`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			b.Fatal(err)
		}
		names, texts = append(names, name), append(texts, text)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	rows.Close()
	for _, name := range names {
		execBare(b, conn, "DROP INDEX "+name)
	}
	return texts
}

// BenchmarkMillion measures with a million tokens: what one owner of 100,000
// waits for against one of 200, and how long it takes to open the database.
func BenchmarkMillion(b *testing.B) {
	d := fillBig(b)
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			openSQLite(b, d.path).Close()
		}
	})
	db := openSQLite(b, d.path)
	for _, q := range []pat.Query{
		{Filter: pat.FilterActive, Sort: pat.SortCreated},
		{Filter: pat.FilterActive, Sort: pat.SortName, Ascending: true},
		{Filter: pat.FilterExpired, Sort: pat.SortCreated},
		{Filter: pat.FilterAll, Sort: pat.SortCreated},
		{Filter: pat.FilterAll, Sort: pat.SortState, Ascending: true},
	} {
		q.Organization, q.At, q.Limit = d.organization, benchTime, 100
		if q.Filter == pat.FilterExpired {
			q.Limit = 40 // the small owner has no more of them
		}
		b.Run(fmt.Sprintf("List/filter=%d/sort=%d", q.Filter, q.Sort), func(b *testing.B) {
			compare(b, func(large bool) {
				q := q
				q.Owner = d.owner(large)
				page, err := db.List(context.Background(), q)
				if err != nil || len(page) != q.Limit {
					b.Fatalf("List = %d tokens, %v", len(page), err)
				}
			})
		})
	}
	b.Run("Find", func(b *testing.B) {
		var i int
		compare(b, func(large bool) {
			i++
			owner, ids := d.owner(large), d.ids(large)
			if _, err := db.Find(context.Background(), owner, ids[i*7919%len(ids)]); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("Revoke", func(b *testing.B) {
		var i int
		compare(b, func(large bool) {
			i++
			owner, ids := d.owner(large), d.ids(large)
			revoked := i%2 == 0 // there and back, so that tokens last
			_, err := db.Update(context.Background(), owner, ids[i*7919%len(ids)], func(t pat.Token) (pat.Token, *pat.Event, error) {
				t.RevokedAt = time.Time{}
				if revoked {
					t.RevokedAt = benchTime
				}
				e := benchEvent(pat.ActionRevoke, t, benchTime)
				return t, &e, nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	})
}

func (d *big) owner(large bool) pat.UUID {
	if large {
		return d.large
	}
	return d.small
}

func (d *big) ids(large bool) []pat.UUID {
	if large {
		return d.largeIDs
	}
	return d.smallIDs
}

// compare has the owner of many and the owner of few take turns and reports
// how the times relate.
func compare(b *testing.B, operate func(large bool)) {
	b.Helper()
	for range 20 { // prepare statements and fill caches
		operate(true)
		operate(false)
	}
	var few, many time.Duration
	for b.Loop() {
		start := time.Now()
		operate(true)
		middle := time.Now()
		operate(false)
		many += middle.Sub(start)
		few += time.Since(middle)
	}
	b.ReportMetric(float64(many.Microseconds())/float64(b.N), "µs/many")
	b.ReportMetric(float64(few.Microseconds())/float64(b.N), "µs/few")
	b.ReportMetric(many.Seconds()/few.Seconds(), "ratio")
}

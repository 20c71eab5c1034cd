package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

const (
	fewRows    = 10_000
	rowsAnyOne = 100 // of an owner
	rowsTurns  = 2000
)

// BenchmarkRowsPostgres compares what a call costs with as many tokens as
// -benchtime says, such as 10000000x, and with 10,000, in turns: medians of
// calls for random tokens and owners. A look-up is what a verification costs
// whose token is not in the cache. Ten million take five minutes or ten, and
// up to 20 GB of disk.
func BenchmarkRowsPostgres(b *testing.B) {
	if b.N == 1 {
		return // a trial, which go test makes first
	}
	cluster := postgrestest.New(b, "shared_buffers=6GB", "maintenance_work_mem=512MB", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=16GB")
	few, many := fillRows(b, cluster, fewRows), fillRows(b, cluster, b.N)
	b.Logf("%-8s %12s %12s %6s", "", fmt.Sprint(fewRows), fmt.Sprint(b.N), "ratio")
	b.ResetTimer()
	for _, call := range []struct {
		name string
		make func(*rowsDB) error
	}{
		{"look-up", (*rowsDB).lookup}, {"list", (*rowsDB).list}, {"create", (*rowsDB).create}, {"revoke", (*rowsDB).revoke},
	} {
		var took [2][]time.Duration
		for turn := range rowsTurns {
			for i, db := range []*rowsDB{few, many} {
				started := time.Now()
				if err := call.make(db); err != nil {
					b.Fatalf("%s = %v", call.name, err)
				}
				if turn >= rowsTurns/10 { // statements are prepared by now
					took[i] = append(took[i], time.Since(started))
				}
			}
		}
		short, long := median(took[0]), median(took[1])
		b.Logf("%-8s %12v %12v %6.2f", call.name, short, long, long.Seconds()/short.Seconds())
		b.ReportMetric(long.Seconds()/short.Seconds(), call.name+"-ratio")
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2].Round(time.Microsecond)
}

// rowsDB is a database with n tokens, of owners who have 100 each.
type rowsDB struct {
	*DB
	n int
}

// fillRows makes a database on a cluster: rows first, and then the indexes, as
// is quickest.
func fillRows(b *testing.B, cluster *postgrestest.Cluster, n int) *rowsDB {
	b.Helper()
	started := time.Now()
	name := fmt.Sprintf("rows_%d", n)
	execute(b, sidePool(b, cluster.URL("postgres")), `CREATE DATABASE `+name+` TEMPLATE template0`)
	if _, err := MigratePostgres(b.Context(), cluster.URL(name), PostgresOptions{}, slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	pool := sidePool(b, cluster.URL(name))
	indexes := dropIndexesPostgres(b, pool)
	const chunk = 500_000
	for first := 0; first < n; first += chunk {
		last := min(first+chunk, n) - 1
		execute(b, pool, intoToken+`SELECT bucket, id, owner, $6, 'alice@contoso.example', $7, $7, 'token number ' || i, 'vso.code vso.work_write',
			$1 + i, $2 + i, 0, 0, 107, sha256(int8send(i)), sha256(int8send(-i)), substr(id, 2), 1 FROM `+rowsKeys, rowsArguments(n, first, last)...)
		execute(b, pool, intoEvent+`SELECT bucket, id, $1 + i, 'create', id, owner, $6, $7, owner, 'alice@contoso.example', id, '192.0.2.7', 'benchmark/1.0',
			'{"AllOrgs":"false","DisplayName":"token number ' || i || '","Scopes":"vso.code vso.work_write","ValidTo":' || $2::bigint || '}' FROM `+rowsKeys,
			rowsArguments(n, first, last)...)
	}
	execute(b, pool, `INSERT INTO owner_bucket SELECT DISTINCT owner, bucket FROM token`)
	for _, index := range indexes {
		execute(b, pool, index)
	}
	execute(b, pool, `VACUUM (ANALYZE)`)
	execute(b, pool, `CHECKPOINT`)
	b.Logf("%d rows of token and event each were there after %v", n, time.Since(started).Round(time.Second))
	db, err := OpenPostgres(context.Background(), cluster.URL(name), PostgresOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return &rowsDB{closing(b, db), n}
}

// rowsKeys are the keys of the i-th tokens from $4 to $5, whose owners, $3 in
// all, take turns.
const rowsKeys = `(SELECT i, bucket, int8send(-1) || int8send(i % $3::bigint) AS owner, substr(int4send(bucket), 3) || substr(int8send(i), 3) || int8send(i) AS id
	FROM (SELECT i, (i % $3::bigint * 40503 % 65536)::integer AS bucket FROM generate_series($4::bigint, $5::bigint) AS i) AS numbers) AS keys`

func rowsArguments(n, first, last int) []any {
	return []any{benchTime.UnixMicro(), benchTime.Add(time.Hour).UnixMicro(), n / rowsAnyOne, first, last, make([]byte, 16), append([]byte{1}, make([]byte, 15)...)}
}

// dropIndexesPostgres drops the indexes of the big tables, and returns what
// makes them.
func dropIndexesPostgres(b *testing.B, pool *sql.DB) (texts []string) {
	b.Helper()
	var drops []string
	rows, err := pool.QueryContext(b.Context(), `SELECT
		CASE WHEN indisprimary THEN format('ALTER TABLE %s DROP CONSTRAINT %I', indrelid::regclass, relname) ELSE format('DROP INDEX %I', relname) END,
		CASE WHEN indisprimary THEN format('ALTER TABLE %s ADD %s', indrelid::regclass,
			(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conindid = indexrelid)) ELSE pg_get_indexdef(indexrelid) END
		FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
		WHERE indrelid IN ('token'::regclass, 'event'::regclass) ORDER BY indexrelid`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var drop, text string
		if err := rows.Scan(&drop, &text); err != nil {
			b.Fatal(err)
		}
		drops, texts = append(drops, drop), append(texts, strings.Replace(text, " ON ONLY ", " ON ", 1))
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	for _, drop := range drops {
		execute(b, pool, drop)
	}
	return texts
}

// any is one of the tokens, with its owner and digest.
func (db *rowsDB) any() (owner, id pat.UUID, digest pat.Digest) {
	i := rand.IntN(db.n)
	o := i % (db.n / rowsAnyOne)
	binary.BigEndian.PutUint64(owner[:], 1<<64-1)
	binary.BigEndian.PutUint64(owner[8:], uint64(o))
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(i))
	binary.BigEndian.PutUint16(id[:], uint16(o*40503))
	copy(id[2:8], number[2:])
	copy(id[8:], number[:])
	return owner, id, sha256.Sum256(number[:])
}

func (db *rowsDB) lookup() error {
	_, id, digest := db.any()
	_, err := db.Lookup(context.Background(), id.Bucket(), digest)
	return err
}

func (db *rowsDB) list() error {
	owner, _, _ := db.any()
	page, err := db.List(context.Background(), pat.Query{
		Owner: owner, Organization: pat.UUID{1}, Filter: pat.FilterActive, Sort: pat.SortCreated, At: benchTime, Limit: 50,
	})
	if err == nil && len(page) != 50 {
		err = fmt.Errorf("a page of %d", len(page))
	}
	return err
}

func (db *rowsDB) create() error {
	owner, id, _ := db.any()
	t := benchToken(owner, pat.UUID{1}, benchTime)
	binary.BigEndian.PutUint16(t.ID[:], uint16(id.Bucket())) // where the owner's others lie
	return db.Create(context.Background(), t, benchEvent(pat.ActionCreate, t, benchTime))
}

func (db *rowsDB) revoke() error {
	owner, id, _ := db.any()
	_, err := db.Update(context.Background(), owner, id, func(t pat.Token) (pat.Token, *pat.Event, error) {
		t.RevokedAt = benchTime
		e := benchEvent(pat.ActionRevoke, t, benchTime)
		return t, &e, nil
	})
	return err
}

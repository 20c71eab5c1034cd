package store

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// youngRows is how many rows an owner gets behind the back of plans that were
// made before there were any.
const youngRows = 200_000

// A connection keeps the plans that it made while the tables were empty. They
// must be as good when one owner has many rows, without statistics: nothing
// says that those come soon.
func TestPlansOfYoungTables(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	conn, err := db.readers.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	owner, side := pat.UUID{1}, sidePool(t, url)
	execute(t, side, `INSERT INTO node (epoch, renewal, applied, joined_at) VALUES ($1, 1, 0, 0)`, owner[:])
	youngs := youngStatements(db, owner)
	for i, y := range youngs {
		if _, err := conn.ExecContext(t.Context(), fmt.Sprintf("PREPARE young%d AS %s", i, y.text)); err != nil {
			t.Fatalf("preparing %s: %v", y.text, err)
		}
		if blocks, _ := y.run(t, conn, i); blocks > 30 {
			t.Errorf("on empty tables a statement reads %d blocks:\n%s", blocks, y.text)
		}
	}
	fillYoung(t, side, owner)
	for i, y := range youngs {
		blocks, rows := y.run(t, conn, i)
		if rows != y.rows || blocks > 50+10*y.rows {
			t.Errorf("by its old plan a statement reads %d blocks for %d rows, want few for %d:\n%s", blocks, rows, y.rows, y.text)
		}
	}
}

func execute(t testing.TB, pool *sql.DB, text string, arguments ...any) {
	t.Helper()
	if _, err := pool.ExecContext(t.Context(), text, arguments...); err != nil {
		t.Fatalf("%.100s: %v", text, err)
	}
}

// young is a statement with arguments for the rows of fillYoung, and how many
// of them it finds or changes.
type young struct {
	text      string
	arguments []any
	rows      int
}

// run executes the statement that was prepared as the i-th, and undoes what it
// did.
func (y young) run(t *testing.T, conn *sql.Conn, i int) (blocks, rows int) {
	t.Helper()
	literals := make([]string, len(y.arguments))
	for i, argument := range y.arguments {
		literals[i] = literal(argument)
	}
	tx, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var printed string
	err = tx.QueryRowContext(t.Context(), fmt.Sprintf("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE young%d (%s)", i, strings.Join(literals, ", "))).Scan(&printed)
	if err != nil {
		t.Fatalf("executing %s: %v", y.text, err)
	}
	var plans []struct {
		Plan struct {
			Hit   int     `json:"Shared Hit Blocks"`
			Read  int     `json:"Shared Read Blocks"`
			Rows  float64 `json:"Actual Rows"`
			Below []struct {
				Rows float64 `json:"Actual Rows"`
			} `json:"Plans"`
		}
	}
	if err := json.Unmarshal([]byte(printed), &plans); err != nil {
		t.Fatal(err)
	}
	top := plans[0].Plan
	if strings.HasPrefix(y.text, "UPDATE") || strings.HasPrefix(y.text, "DELETE") {
		top.Rows = top.Below[0].Rows
	}
	return top.Hit + top.Read, int(top.Rows)
}

// literal is an argument as it stands in a statement.
func literal(argument any) string {
	switch argument := argument.(type) {
	case int64:
		return strconv.FormatInt(argument, 10)
	case []byte:
		return fmt.Sprintf(`'\x%x'`, argument)
	case [][]byte:
		elements := make([]string, len(argument))
		for i, element := range argument {
			elements[i] = fmt.Sprintf(`"\\x%x"`, element)
		}
		return `'{` + strings.Join(elements, ",") + `}'`
	}
	return "'" + strings.ReplaceAll(fmt.Sprint(argument), "'", "''") + "'"
}

// youngStatements are those that read or change rows that are there.
func youngStatements(db *DB, owner pat.UUID) []young {
	id := youngID(youngRows / 2)
	digest := append(make([]byte, 16), id[:]...)
	bucket, now := int64(0), benchTime.UnixMicro()
	all := []young{
		{lookupToken, []any{bucket, digest}, 1},
		{lookupBeside, []any{bucket, digest, owner[:]}, 1},
		{findToken, []any{bucket, id[:], owner[:]}, 1},
		{expireToken, []any{bucket, id[:], int64(1), int64(2)}, 1},
		{updateToken, []any{
			bucket, id[:], int64(1), owner[:], owner[:], "new", "vso.code", now, now, int64(pat.Revoked), digest, int64(2),
		}, 1},
		{dueTokens, []any{now, int64(10)}, 0},
		{usagesPostgres.text, append([]any{bucket, owner[:]}, usagesPostgres.ids([]pat.UUID{id, youngID(7), youngID(youngRows + 1)})...), 2},
	}
	signedIn := append(make([]byte, 16), id[:]...)
	person := "person " + strconv.Itoa(youngRows/2/10)
	all = append(all,
		young{findSession, []any{signedIn}, 1},
		young{listSessions, []any{person}, 10},
		young{saveSession, []any{signedIn, int64(1), now, []byte("new")}, 1},
		young{seeSession, []any{signedIn, now}, 1},
		young{endSession, []any{signedIn, person}, 1},
		young{sweepUnused, []any{now + 100, int64(sessionsPerChange)}, 99},
		young{sweepEnded, []any{now + 100, int64(sessionsPerChange)}, 100},
	)
	q := pat.Query{Owner: owner, Organization: owner, At: benchTime, Limit: 5}
	for _, s := range selections() {
		q.Ascending, q.Filter = s.ascending, s.filter
		rows := 0
		if s.filter == pat.FilterActive || s.filter == pat.FilterAll {
			rows = q.Limit
		}
		all = append(all, young{db.lists[s], stretch{s, s.bound(nil)}.arguments(q, bucket, q.Limit), rows})
	}
	return all
}

// youngID is the id of the i-th row of fillYoung.
func youngID(i int) (id pat.UUID) {
	binary.BigEndian.PutUint64(id[8:], uint64(i))
	return id
}

// fillYoung gives owner youngRows tokens, in bucket 0, each with a use, and
// others as many sessions, and keeps statistics from being made.
func fillYoung(t *testing.T, pool *sql.DB, owner pat.UUID) {
	t.Helper()
	execute(t, pool, `ALTER TABLE token_0 SET (autovacuum_enabled = off)`)
	execute(t, pool, `ALTER TABLE token_usage_0 SET (autovacuum_enabled = off)`)
	execute(t, pool, intoToken+`SELECT 0, int8send(0) || int8send(i), $1, $1, '', $1, $1, 'token ' || i, 'vso.code', $2 + i, $3, 0, 0, 107,
		int8send(0) || int8send(0) || int8send(0) || int8send(i), $1, '\x00', 1 FROM generate_series(1, $4::bigint) AS i`,
		owner[:], benchTime.UnixMicro(), benchTime.Add(time.Hour).UnixMicro(), youngRows)
	execute(t, pool, intoUsage+`SELECT 0, int8send(0) || int8send(i), 0, '', '', '' FROM generate_series(1, $1::bigint) AS i`, youngRows)
	execute(t, pool, `ALTER TABLE console_session SET (autovacuum_enabled = off)`)
	execute(t, pool, `INSERT INTO console_session SELECT int8send(0) || int8send(0) || int8send(0) || int8send(i), 'person ' || i / 10, 1, 0, $1 + i, $1 + i, '', '', ''
		FROM generate_series(1, $2::bigint) AS i`, benchTime.UnixMicro(), youngRows)
}

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

func TestJudgePostgres(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		severity, code string
		want           verdict
	}{
		{"ERROR", "23505", spoilt},
		{"ERROR", "22021", spoilt},
		{"ERROR", "40001", undone},
		{"ERROR", "40P01", undone},
		{"ERROR", "53100", unavailable},
		{"FATAL", "53300", unavailable},
		{"ERROR", "25006", unavailable},
		{"ERROR", "57014", unavailable},
		{"FATAL", "57P01", unavailable},
		{"FATAL", "57P03", unavailable},
		{"ERROR", "55P03", unavailable},
		{"FATAL", "25P03", unavailable},
		{"FATAL", "08006", unavailable},
		{"ERROR", "58030", unavailable},
		{"ERROR", "42P01", broken},
		{"ERROR", "42501", broken},
		{"FATAL", "28P01", broken},
		{"ERROR", "XX001", broken},
		{"ERROR", "", broken},
	} {
		err := fmt.Errorf("wrapped: %w", &pgconn.PgError{SeverityUnlocalized: tt.severity, Code: tt.code})
		if got := judgePostgres(err); got != tt.want {
			t.Errorf("judgePostgres(%s %s) = %d, want %d", tt.severity, tt.code, got, tt.want)
		}
		if got, want := isRefused(err), tt.severity == "ERROR"; got != want {
			t.Errorf("isRefused(%s %s) = %v, want %v", tt.severity, tt.code, got, want)
		}
	}
	for err, want := range map[error]verdict{
		nil: own, errors.New("a fault"): own, pat.NotFound(): own, sql.ErrConnDone: unavailable, context.DeadlineExceeded: unavailable, errCut: own,
	} {
		if got := judgePostgres(err); got != want {
			t.Errorf("judgePostgres(%v) = %d, want %d", err, got, want)
		}
	}
}

// What only one new token does wrong fails that one alone.
func TestPostgresFailureOfOneCreate(t *testing.T) {
	t.Parallel()
	broken := maps.Clone(spoils)
	broken["the name is broken"] = func(_, bad *pat.Token, _ *pat.Event, _ pat.Event) { bad.DisplayName = "\x00" }
	for name, spoil := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, url := newPostgres(t)
			tokens := newTokens(10)
			good, bad := tokens[0], tokens[9]
			earlier := benchEvent(pat.ActionCreate, good, benchTime)
			if err := db.Create(t.Context(), good, earlier); err != nil {
				t.Fatal(err)
			}
			e := benchEvent(pat.ActionCreate, bad, benchTime)
			spoil(&good, &bad, &e, earlier)
			creator := newCreator(db.engine, db.writers) // another than the store's, so that the group is known
			defer creator.stop()
			group := []*creation{newCreation(t, bad, e)}
			for _, token := range tokens[1:9] {
				group = append(group, newCreation(t, token, benchEvent(pat.ActionCreate, token, benchTime)))
			}
			creator.answer(group)
			for i, n := range group {
				err := <-n.outcome
				if i == 0 && (err == nil || errors.Is(err, pat.ErrUnknown) || errors.Is(err, pat.ErrUnavailable)) {
					t.Errorf("the bad create = %v, want a fault", err)
				}
				if i > 0 && err != nil {
					t.Errorf("good create %d = %v", i, err)
				}
			}
			for _, token := range tokens[:9] {
				if got, err := db.Find(t.Context(), token.Owner, token.ID); err != nil || got != token {
					t.Errorf("Find = %v, %v, want the token", got, err)
				}
			}
			var events, rows int
			if err := sidePool(t, url).QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM token)`).Scan(&events, &rows); err != nil {
				t.Fatal(err)
			}
			if events != 9 || rows != 9 {
				t.Errorf("%d tokens and %d events, want 9 of each", rows, events)
			}
		})
	}
}

func newCreation(t *testing.T, token pat.Token, e pat.Event) *creation {
	t.Helper()
	event, err := eventArguments(e)
	if err != nil {
		t.Fatal(err)
	}
	return &creation{token: tokenArguments(token, pat.Active), event: event, outcome: make(chan error, 1)}
}

// rename changes the name of a token's row, past the rules.
const rename = `UPDATE token SET display_name = $3, version = version + 1 WHERE bucket = $1 AND id = $2`

func renameArguments(token pat.Token, name string) []any {
	return []any{int64(token.ID.Bucket()), token.ID[:], name}
}

// A deadlock with another node undoes the transaction, which runs again.
func TestPostgresDeadlock(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	tokens := newTokens(2)
	for _, token := range tokens {
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
			t.Fatal(err)
		}
	}
	side, err := sidePool(t, url).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer side.Close()
	run := func(text string, arguments ...any) {
		t.Helper()
		if _, err := side.ExecContext(t.Context(), text, arguments...); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	run(`SET deadlock_timeout = '1h'`) // so that the store is the one who notices
	run(`BEGIN`)
	run(rename, renameArguments(tokens[1], "theirs")...)
	holds, done := make(chan struct{}), make(chan error, 1)
	runs := 0
	go func() {
		done <- db.writer.do(context.Background(), func(s *session) error {
			if _, err := s.exec(rename, renameArguments(tokens[0], "ours")...); err != nil {
				return err
			}
			if runs++; runs == 1 {
				close(holds)
			}
			_, err := s.exec(rename, renameArguments(tokens[1], "ours")...)
			return err
		})
	}()
	<-holds
	run(rename, renameArguments(tokens[0], "theirs")...) // returns once the store has given in
	run(`COMMIT`)
	if err := <-done; err != nil || runs < 2 {
		t.Errorf("the change = %v after %d runs, want it run again and done", err, runs)
	}
	for _, token := range tokens {
		if got, err := db.Find(t.Context(), token.Owner, token.ID); err != nil || got.DisplayName != "ours" || got.Version != 3 {
			t.Errorf("Find = %s in version %d, %v, want the second of two changes", got.DisplayName, got.Version, err)
		}
	}
}

// A change that hides the failure of its statement must not be told that it
// was committed.
func TestPostgresCommitThatIsNone(t *testing.T) {
	t.Parallel()
	db, _ := newPostgres(t)
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	err := db.writer.do(t.Context(), func(s *session) error {
		if _, err := s.exec(rename, renameArguments(token, "never")...); err != nil {
			return err
		}
		_, _ = s.exec(`SELECT 1 / $1::integer`, 0)
		return nil
	})
	if err == nil || errors.Is(err, pat.ErrUnknown) {
		t.Errorf("the change = %v, want it to tell that nothing was done", err)
	}
	if got, err := db.Find(t.Context(), token.Owner, token.ID); err != nil || got != token {
		t.Errorf("Find = %v, %v, want the token as it was", got, err)
	}
}

// awaitBackend is the process id of the backend that waits for event while it
// serves the store.
func awaitBackend(t *testing.T, side *sql.DB, event string) (pid int) {
	t.Helper()
	for {
		err := side.QueryRowContext(t.Context(), `SELECT pid FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'patrold' AND wait_event = $1 LIMIT 1`, event).Scan(&pid)
		if err == nil {
			return pid
		}
		if !errors.Is(err, sql.ErrNoRows) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

// A commit that is on one machine alone, since its wait for the standby was cut
// short, is not known to last: whether the server says so or hangs up.
func TestPostgresWithoutStandby(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	url := cluster.URL("postgres")
	db := openPostgres(t, url)
	side := sidePool(t, url)
	tokens := newTokens(5)
	for _, token := range tokens[:2] {
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
			t.Fatal(err)
		}
	}
	setStandbys := func(names string) {
		t.Helper()
		for _, text := range []string{`ALTER SYSTEM SET synchronous_standby_names = '` + names + `'`, `SELECT pg_reload_conf()`} {
			if _, err := side.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
	}
	update := func(token pat.Token) error {
		_, err := db.Update(context.Background(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
			t.DisplayName = "changed"
			e := benchEvent(pat.ActionUpdate, t, benchTime)
			return t, &e, nil
		})
		return err
	}
	create := func(token pat.Token) error {
		return db.Create(context.Background(), token, benchEvent(pat.ActionCreate, token, benchTime))
	}
	setStandbys("nobody")
	// A backend takes note of the setting at its next statement but one.
	for _, interrupt := range []string{"pg_cancel_backend", "pg_terminate_backend"} {
		for i, call := range []func(pat.Token) error{update, create} {
			token := tokens[0]
			if i == 1 {
				token, tokens = tokens[len(tokens)-1], tokens[:len(tokens)-1]
			}
			outcome := make(chan error, 1)
			go func() { outcome <- call(token) }()
			pid := awaitBackend(t, side, "SyncRep")
			if _, err := side.ExecContext(t.Context(), `SELECT `+interrupt+`($1)`, pid); err != nil {
				t.Fatal(err)
			}
			if err := <-outcome; !errors.Is(err, pat.ErrUnknown) {
				t.Errorf("%s, call %d = %v, want %v", interrupt, i, err, pat.ErrUnknown)
			}
		}
	}
	setStandbys("")
	if err := update(tokens[1]); err != nil {
		t.Errorf("Update afterwards = %v", err)
	}
}

// While the database is away nothing happens, and calls say so; once it is back
// they work again, the first of them.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	db := openPostgres(t, cluster.URL("postgres"))
	tokens := newTokens(3)
	if err := db.Create(t.Context(), tokens[0], benchEvent(pat.ActionCreate, tokens[0], benchTime)); err != nil {
		t.Fatal(err)
	}
	calls := func(token pat.Token) map[string]error {
		_, find := db.Find(t.Context(), tokens[0].Owner, tokens[0].ID)
		_, update := db.Update(t.Context(), tokens[0].Owner, tokens[0].ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
			t.DisplayName += "!"
			e := benchEvent(pat.ActionUpdate, t, benchTime)
			return t, &e, nil
		})
		return map[string]error{
			"Ping": db.Ping(t.Context()), "Find": find, "Update": update,
			"Create": db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)),
		}
	}
	cluster.Stop()
	calls(tokens[1]) // on connections that were good: what these return depends on how they notice
	for name, err := range calls(tokens[1]) {
		if !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnknown) {
			t.Errorf("%s while the database is away = %v, want %v", name, err, pat.ErrUnavailable)
		}
	}
	for range 2 {
		if err := cluster.Start(); err != nil {
			t.Fatal(err)
		}
		for name, err := range calls(tokens[2]) {
			if err != nil {
				t.Errorf("%s when the database is back = %v", name, err)
			}
		}
		tokens = append(tokens, newTokens(1)...)
		tokens = append(tokens[:2], tokens[3:]...)
	}
	got, err := db.Find(t.Context(), tokens[0].Owner, tokens[0].ID)
	if want := tokens[0].DisplayName + "!!"; err != nil || got.DisplayName != want {
		t.Errorf("the name is %q, %v, want %q", got.DisplayName, err, want)
	}
	if _, err := db.Find(t.Context(), tokens[1].Owner, tokens[1].ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("Find of what was created while the database was away = %v, want nothing", err)
	}
}

// backends are the process ids of the store's connections.
func backends(t *testing.T, side *sql.DB) (pids map[int]bool) {
	t.Helper()
	rows, err := side.QueryContext(t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'patrold'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	pids = map[int]bool{}
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			t.Fatal(err)
		}
		pids[pid] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return pids
}

// Reconnect ends every connection, also one whose statement hangs.
func TestPostgresReconnect(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	tokens := newTokens(2)
	if err := db.Create(t.Context(), tokens[0], benchEvent(pat.ActionCreate, tokens[0], benchTime)); err != nil {
		t.Fatal(err)
	}
	lock, err := side.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback()
	if _, err := lock.ExecContext(t.Context(), `LOCK TABLE token IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	change, read := make(chan error, 1), make(chan error, 1)
	go func() {
		change <- db.writer.do(context.Background(), func(s *session) error {
			_, err := s.exec(rename, renameArguments(tokens[0], "never")...)
			return err
		})
	}()
	awaitBackend(t, side, "relation")
	before := backends(t, side)
	db.Reconnect()
	if err := <-change; !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnknown) {
		t.Errorf("a change that hung = %v, want %v", err, pat.ErrUnavailable)
	}
	go func() {
		_, err := db.Find(context.Background(), tokens[0].Owner, tokens[0].ID)
		read <- err
	}()
	awaitNewBackend(t, side, before)
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err != nil {
		t.Errorf("a read on a new connection = %v", err)
	}
	if err := db.Create(t.Context(), tokens[1], benchEvent(pat.ActionCreate, tokens[1], benchTime)); err != nil {
		t.Errorf("Create = %v", err)
	}
	if got, err := db.Find(t.Context(), tokens[0].Owner, tokens[0].ID); err != nil || got != tokens[0] {
		t.Errorf("Find = %v, %v, want the token as it was", got, err)
	}
	var used int
	if err := db.reading.row(t.Context(), `SELECT pg_backend_pid()`).Scan(&used); err != nil || before[used] {
		t.Errorf("backend %d is used again, %v", used, err)
	}
}

// awaitNewBackend returns once a connection waits that was not there before.
func awaitNewBackend(t *testing.T, side *sql.DB, before map[int]bool) {
	t.Helper()
	for {
		for pid := range backends(t, side) {
			if !before[pid] {
				return
			}
		}
		runtime.Gosched()
	}
}

// The engine's last step sees what a transaction changed, and its number comes
// back to every caller that asked about a token, before any of them is
// answered.
func TestNumbers(t *testing.T) {
	t.Parallel()
	postgres, _ := newPostgres(t)
	for name, db := range map[string]*DB{"SQLite": newSQLite(t), "PostgreSQL": postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var numbered [][]pat.Digest
			var settled []int64
			db.writer.engine.number = func(_ *session, changed []pat.Digest) (int64, error) {
				numbered = append(numbered, append([]pat.Digest{}, changed...))
				return int64(len(numbered)), nil
			}
			db.engine.settle = func(_ context.Context, change int64) error {
				settled = append(settled, change)
				return nil
			}
			token := newTokens(1)[0]
			if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
				t.Fatal(err)
			}
			for _, changes := range []bool{true, false} {
				_, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
					if !changes {
						return t, nil, nil
					}
					t.DisplayName = "changed"
					e := benchEvent(pat.ActionUpdate, t, benchTime)
					return t, &e, nil
				})
				if err != nil {
					t.Errorf("Update = %v", err)
				}
			}
			refused := errors.New("refused")
			if _, err := db.Update(t.Context(), token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) { return t, nil, refused }); !errors.Is(err, refused) {
				t.Errorf("Update = %v, want %v", err, refused)
			}
			if err := db.Used(t.Context(), []pat.Usage{{Token: token.ID, At: benchTime}}); err != nil {
				t.Errorf("Used = %v", err)
			}
			if diff := cmp.Diff([][]pat.Digest{{token.Digest}, {}}, numbered); diff != "" {
				t.Errorf("numbered (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]int64{1, 2}, settled); diff != "" {
				t.Errorf("settled (-want +got):\n%s", diff)
			}
		})
	}
}

// A database that takes no writes for a while is a reason to try later.
func TestPostgresReadOnly(t *testing.T) {
	t.Parallel()
	db, url := newPostgres(t)
	side := sidePool(t, url)
	set := func(readOnly string) {
		t.Helper()
		_, err := side.ExecContext(t.Context(), `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = `+readOnly+`', current_database()); END $$`)
		if err == nil {
			_, err = side.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	side.SetMaxOpenConns(1)
	if _, err := side.ExecContext(t.Context(), `SET default_transaction_read_only = off`); err != nil {
		t.Fatal(err)
	}
	token := newTokens(1)[0]
	e := benchEvent(pat.ActionCreate, token, benchTime)
	set("on")
	if err := db.Create(t.Context(), token, e); !errors.Is(err, pat.ErrUnavailable) || strings.Contains(err.Error(), "postgres:") {
		t.Errorf("Create in a database that is read-only = %v, want %v", err, pat.ErrUnavailable)
	}
	set("off")
	if err := db.Create(t.Context(), token, e); err != nil {
		t.Errorf("Create in one that is no more = %v", err)
	}
}

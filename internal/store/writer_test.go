package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"modernc.org/sqlite"

	"github.com/patrolhq/patrol/internal/pat"
)

// held is a writer that is held up inside a transaction, so that a test knows
// who waits for it.
type held struct{ release func() }

// hold occupies the writer until release.
func hold(db *DB) *held {
	begun, end, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once sync.Once
	go func() {
		defer close(ended)
		db.writer.do(context.Background(), func(*session) error { // fares as those that join it
			once.Do(func() { close(begun) })
			<-end
			return nil
		})
	}()
	<-begun
	return &held{sync.OnceFunc(func() {
		close(end)
		<-ended
	})}
}

// creates starts a create of each token.
func creates(db *DB, tokens []pat.Token) (outcomes []chan error) {
	for _, token := range tokens {
		outcome := make(chan error, 1)
		go func() {
			outcome <- db.Create(context.Background(), token, benchEvent(pat.ActionCreate, token, benchTime))
		}()
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

func newTokens(n int) (tokens []pat.Token) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	for range n {
		tokens = append(tokens, benchToken(owner, organization, benchTime))
	}
	return tokens
}

func newSQLite(t *testing.T) *DB {
	t.Helper()
	return openSQLite(t, filepath.Join(t.TempDir(), "patrol.db"))
}

func TestCreatesShareCommits(t *testing.T) {
	t.Parallel()
	db := newSQLite(t)
	const callers, each = 32, 20
	var work sync.WaitGroup
	for range callers {
		work.Go(func() {
			for _, token := range newTokens(each) {
				if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
					t.Errorf("Create = %v", err)
					return
				}
				if _, err := db.Find(t.Context(), token.Owner, token.ID); err != nil {
					t.Errorf("Find right after Create = %v", err)
				}
			}
		})
	}
	work.Wait()
	stats := db.Stats()
	if stats.Changes != callers*each || stats.Commits > callers*each/2 {
		t.Errorf("%d changes in %d commits, want %d in at most half as many", stats.Changes, stats.Commits, callers*each)
	}
}

// spoils make a token or its event one that cannot be kept beside an earlier.
var spoils = map[string]func(good, bad *pat.Token, e *pat.Event, earlier pat.Event){
	"the id is taken":       func(good, bad *pat.Token, _ *pat.Event, _ pat.Event) { bad.ID = good.ID },
	"the digest is taken":   func(good, bad *pat.Token, _ *pat.Event, _ pat.Event) { bad.Digest = good.Digest },
	"the event id is taken": func(_, _ *pat.Token, e *pat.Event, earlier pat.Event) { e.ID = earlier.ID },
}

// What only one change does wrong fails that change alone, whether it is seen
// before or after it wrote something.
func TestFailureOfOneMember(t *testing.T) {
	t.Parallel()
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				db := newSQLite(t)
				tokens := newTokens(10)
				good, bad := tokens[0], tokens[9]
				earlier := benchEvent(pat.ActionCreate, good, benchTime)
				if err := db.Create(t.Context(), good, earlier); err != nil {
					t.Fatal(err)
				}
				e := benchEvent(pat.ActionCreate, bad, benchTime)
				spoil(&good, &bad, &e, earlier)
				h := hold(db)
				outcomes := creates(db, tokens[1:5])
				failed := make(chan error, 1)
				go func() { failed <- db.Create(context.Background(), bad, e) }()
				outcomes = append(outcomes, creates(db, tokens[5:9])...)
				synctest.Wait() // all are waiting
				h.release()
				if err := <-failed; err == nil || errors.Is(err, pat.ErrUnknown) || errors.Is(err, pat.ErrUnavailable) {
					t.Errorf("the bad create = %v, want a fault", err)
				}
				for i, outcome := range outcomes {
					if err := <-outcome; err != nil {
						t.Errorf("good create %d = %v", i, err)
					}
				}
				for _, token := range tokens[:9] {
					if _, err := db.Find(t.Context(), token.Owner, token.ID); err != nil {
						t.Errorf("Find = %v", err)
					}
				}
				var events, rows int
				if err := db.readers.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM token)`).Scan(&events, &rows); err != nil {
					t.Fatal(err)
				}
				if stats := db.Stats(); stats.Commits != 2 {
					t.Errorf("%d commits, want the first create's and one for all others", stats.Commits)
				}
				if events != 9 || rows != 9 {
					t.Errorf("%d tokens and %d events, want 9 of each", rows, events)
				}
			})
		})
	}
}

// Who leaves a change goes on before it is done; it has its place before those
// that come after.
func TestLeftChangeIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	db := newSQLite(t)
	left := make(chan struct{})
	err := db.writer.leave(t.Context(), func(s *session) error {
		<-left
		_, err := s.exec(`INSERT INTO server_key (id, fingerprint, first_seen) VALUES (1, x'00', 0)`)
		return err
	})
	close(left)
	if err != nil {
		t.Errorf("leave = %v", err)
	}
	var there int
	err = db.writer.do(t.Context(), func(s *session) error {
		return s.row(t.Context(), `SELECT count(*) FROM server_key`).Scan(&there)
	})
	if err != nil || there != 1 {
		t.Errorf("a change that came after finds %d rows, %v, want that of the one before", there, err)
	}
}

func TestCancelledBeforePickup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newSQLite(t)
		h := hold(db)
		ctx, cancel := context.WithCancel(t.Context())
		token := newTokens(1)[0]
		outcome := make(chan error, 1)
		go func() { outcome <- db.Create(ctx, token, benchEvent(pat.ActionCreate, token, benchTime)) }()
		synctest.Wait() // it waits for the writer
		cancel()
		if err := <-outcome; !errors.Is(err, context.Canceled) { // comes though the writer is held
			t.Errorf("Create = %v, want %v", err, context.Canceled)
		}
		h.release()
		if _, err := db.Find(t.Context(), token.Owner, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
			t.Errorf("Find = %v, want a caller that left to have left nothing", err)
		}
	})
}

func TestCancelledAfterPickup(t *testing.T) {
	t.Parallel()
	db := newSQLite(t)
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, err := db.Update(ctx, token.Owner, token.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
		cancel()
		t.DisplayName = "changed"
		e := benchEvent(pat.ActionUpdate, t, benchTime)
		return t, &e, nil
	})
	if err != nil || got.DisplayName != "changed" {
		t.Errorf("Update = %v, %v, want the outcome of what was begun", got.DisplayName, err)
	}
	if got, err := db.Find(t.Context(), token.Owner, token.ID); err != nil || got.DisplayName != "changed" {
		t.Errorf("Find = %v, %v, want the change", got.DisplayName, err)
	}
}

// A commit that fails leaves every member of it in the dark, and nobody else.
func TestCommitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newSQLite(t)
		var failing atomic.Bool
		err := db.writer.do(t.Context(), func(s *session) error {
			return s.conn.Raw(func(conn any) error {
				conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
					if failing.Load() {
						return 1 // SQLite fails the commit
					}
					return 0
				})
				return nil
			})
		})
		if err != nil {
			t.Fatalf("installing the hook: %v", err)
		}
		h := hold(db)
		tokens := newTokens(5)
		outcomes := creates(db, tokens)
		synctest.Wait() // all are waiting
		failing.Store(true)
		h.release()
		for _, outcome := range outcomes {
			if err := <-outcome; !errors.Is(err, pat.ErrUnknown) {
				t.Errorf("Create = %v, want %v", err, pat.ErrUnknown)
			}
		}
		again := newTokens(1)[0]
		if err := db.Create(t.Context(), again, benchEvent(pat.ActionCreate, again, benchTime)); err != nil {
			t.Errorf("Create after the failed commit = %v, want nil", err)
		}
		for _, token := range tokens {
			if _, err := db.Find(t.Context(), token.Owner, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
				t.Errorf("Find = %v, want the tokens of the failed commit not to be there", err)
			}
		}
		got := db.Stats()
		if got.Changes != 2 || got.Commits != 2 || got.Failures != 1 || got.CommitSizes != [7]int64{2} {
			t.Errorf("Stats = %+v, want the hook's installation and the last create, and one failure", got)
		}
	})
}

// A full database fails the changes that wait, which did not happen, and works
// again once there is room.
func TestFull(t *testing.T) {
	t.Parallel()
	db := newSQLite(t)
	limit := func(pages int) {
		t.Helper()
		err := db.writer.do(t.Context(), func(s *session) error {
			var now int
			return s.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&now)
		})
		if err != nil {
			t.Fatalf("limiting the size: %v", err)
		}
	}
	tokens := newTokens(200)
	limit(1) // SQLite makes of it the size that there is
	var failure error
	for _, token := range tokens {
		if failure = db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); failure != nil {
			if _, err := db.Find(t.Context(), token.Owner, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
				t.Errorf("Find of a token that could not be stored = %v", err)
			}
			break
		}
	}
	if !errors.Is(failure, pat.ErrUnavailable) || errors.Is(failure, pat.ErrUnknown) {
		t.Errorf("Create in a full database = %v, want %v", failure, pat.ErrUnavailable)
	}
	limit(1_000_000)
	token := newTokens(1)[0]
	if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); err != nil {
		t.Errorf("Create with room again = %v", err)
	}
}

// Another process that writes holds up ours; one that never ends is a reason
// to try later.
func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "patrol.db")
	db := openSQLite(t, path)
	if err := db.writer.do(t.Context(), func(s *session) error {
		var timeout int
		return s.conn.QueryRowContext(t.Context(), `PRAGMA busy_timeout = 50`).Scan(&timeout)
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := sideDoor(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	token := newTokens(1)[0]
	e := benchEvent(pat.ActionCreate, token, benchTime)
	if err := db.Create(t.Context(), token, e); !errors.Is(err, pat.ErrUnavailable) {
		t.Errorf("Create while another writes = %v, want %v", err, pat.ErrUnavailable)
	}
	if _, err := db.Find(t.Context(), token.Owner, token.ID); pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("Find while another writes = %v, want an answer", err)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := db.Create(t.Context(), token, e); err != nil {
		t.Errorf("Create afterwards = %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := newSQLite(t)
		h := hold(db)
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		<-db.writer.queue.stopping // Close waits for the change that was begun
		token := newTokens(1)[0]
		if err := db.Create(t.Context(), token, benchEvent(pat.ActionCreate, token, benchTime)); !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("Create while closing = %v, want %v", err, pat.ErrUnavailable)
		}
		h.release()
		if err := <-closed; err != nil {
			t.Errorf("Close = %v", err)
		}
		if _, err := db.Find(t.Context(), token.Owner, token.ID); !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("Find after Close = %v, want %v", err, pat.ErrUnavailable)
		}
		if err := db.Ping(t.Context()); !errors.Is(err, pat.ErrUnavailable) {
			t.Errorf("Ping after Close = %v, want %v", err, pat.ErrUnavailable)
		}
		if err := db.Close(); err != nil {
			t.Errorf("Close again = %v", err)
		}
	})
}

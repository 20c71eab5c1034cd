package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store"
)

const alice = "https://issuer.example/ alice"

// newKeys are keys with these ids, each with a secret of its own.
func newKeys(t testing.TB, ids string) *session.Keys {
	t.Helper()
	var keys []session.Key
	for _, id := range []byte(ids) {
		keys = append(keys, session.Key{ID: id, Secret: []byte(strings.Repeat(string(id), 32))})
	}
	made, err := session.NewKeys(keys...)
	if err != nil {
		t.Fatalf("NewKeys = %v", err)
	}
	return made
}

// newManager manages sessions in a database of its own.
func newManager(t testing.TB) *session.Manager {
	t.Helper()
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "patrol.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("OpenSQLite = %v", err)
	}
	t.Cleanup(func() { db.Close() })
	return &session.Manager{Store: db, Keys: newKeys(t, "A")}
}

// start starts a session of owner.
func start(t testing.TB, m *session.Manager, owner, data string) (string, *session.Session) {
	t.Helper()
	secret, s, err := m.Start(t.Context(), owner, "Browser", "192.0.2.7", []byte(data))
	if err != nil {
		t.Fatalf("Start = %v", err)
	}
	return secret, s
}

// wantNone wants a secret to be good for nothing.
func wantNone(t testing.TB, m *session.Manager, secret, why string) {
	t.Helper()
	if s, err := m.Resume(t.Context(), secret); !errors.Is(err, session.ErrNone) || s != nil {
		t.Errorf("%s: Resume = %v, %v, want %v", why, s, err, session.ErrNone)
	}
}

// resume resumes a session that must be there.
func resume(t testing.TB, m *session.Manager, secret string) *session.Session {
	t.Helper()
	s, err := m.Resume(t.Context(), secret)
	if err != nil {
		t.Fatalf("Resume = %v", err)
	}
	return s
}

func TestStartThenResume(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	secret, started := start(t, m, alice, "tokens of alice")
	restarted := &session.Manager{Store: m.Store, Keys: newKeys(t, "A")}
	got := resume(t, restarted, secret)
	got.Seen = started.Seen
	if diff := cmp.Diff(started, got, cmp.AllowUnexported(session.Session{})); diff != "" {
		t.Errorf("Resume after a restart (-want +got):\n%s", diff)
	}
	if string(got.Data) != "tokens of alice" || got.Owner != alice || got.Ends.Sub(got.Created) != session.DefaultLife {
		t.Errorf("Resume = %q of %q for %v", got.Data, got.Owner, got.Ends.Sub(got.Created))
	}
	again, other := start(t, m, alice, "")
	if again == secret || other.ID == started.ID {
		t.Error("two sessions have the same secret or id")
	}
	if id, err := session.ParseID(started.ID.String()); err != nil || id != started.ID {
		t.Errorf("ParseID(String) = %v, %v", id, err)
	}
}

// What the browser sends is looked at before the store is asked.
func TestResumeNonsense(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	secret, s := start(t, m, alice, "")
	m.Store = nil // whoever asks it panics
	for _, nonsense := range []string{
		"", " ", secret + "A", secret[1:], secret[:42] + "=", secret[:42] + "\n", secret[:21] + "\n" + secret[22:], "+" + secret[1:], "/" + secret[1:],
		strings.Repeat("é", 21) + "x", strings.Repeat("\x00", 43), secret[:42] + "B", // bits beyond the last byte
	} {
		wantNone(t, m, nonsense, fmt.Sprintf("%.3q… of %d bytes", nonsense, len(nonsense)))
		if _, err := session.ParseID(nonsense); err == nil {
			t.Errorf("ParseID of %d bytes that are no id = nil", len(nonsense))
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if printed := fmt.Sprintf(verb, s); printed != "session "+s.ID.String() {
			t.Errorf("a session prints as %q by %s", printed, verb)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		idle, life time.Duration
		pauses     []time.Duration // between requests
		want       bool            // whether the last one finds the session
	}{
		"used at once":               {pauses: []time.Duration{0}, want: true},
		"just in time":               {pauses: []time.Duration{8*time.Hour - time.Microsecond}, want: true},
		"idle":                       {pauses: []time.Duration{8 * time.Hour}},
		"used, then idle":            {pauses: []time.Duration{7 * time.Hour, 8 * time.Hour}},
		"used all the time":          {pauses: slices.Repeat([]time.Duration{7 * time.Hour}, 23), want: true}, // 161 of 168 hours
		"used until its end":         {pauses: slices.Repeat([]time.Duration{7 * time.Hour}, 24)},
		"idle by a shorter limit":    {idle: time.Minute, pauses: []time.Duration{time.Minute}},
		"used within a short limit":  {idle: time.Minute, pauses: slices.Repeat([]time.Duration{40 * time.Second}, 9), want: true},
		"over by a shorter limit":    {life: time.Hour, pauses: []time.Duration{time.Hour}},
		"not over before the moment": {life: time.Hour, pauses: []time.Duration{time.Hour - time.Microsecond}, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t)
				m.Idle, m.Life = tt.idle, tt.life
				secret, started := start(t, m, alice, "")
				var err error
				for _, pause := range tt.pauses {
					time.Sleep(pause)
					_, err = m.Resume(t.Context(), secret)
				}
				if found := err == nil; found != tt.want || err != nil && !errors.Is(err, session.ErrNone) {
					t.Errorf("the last Resume = %v, want it to be found: %v", err, tt.want)
				}
				listed, err := m.Of(t.Context(), alice)
				if err != nil || len(listed) == 1 != tt.want {
					t.Errorf("Of = %v, %v, want the session: %v", listed, err, tt.want)
				}
				time.Sleep(time.Microsecond) // a session that is idle to the moment is swept by the next
				if err := m.Sweep(t.Context()); err != nil {
					t.Errorf("Sweep = %v", err)
				}
				if _, err := m.Store.Session(t.Context(), started.ID); err == nil && !tt.want {
					t.Error("Sweep left a session that is over")
				}
			})
		})
	}
}

// To have been seen by a clock that ran ahead is no better than long ago.
func TestClockIsPutRight(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]bool{time.Hour: true, 8 * time.Hour: false, 365 * 24 * time.Hour: false} {
		m := newManager(t)
		now := time.Now()
		m.Now = func() time.Time { return now }
		now = now.Add(ahead)
		secret, _ := start(t, m, alice, "")
		now = now.Add(-ahead)
		if _, err := m.Resume(t.Context(), secret); (err == nil) != want {
			t.Errorf("Resume of a session that was seen %v ahead = %v, want it: %v", ahead, err, want)
		}
		if want {
			start(t, m, "bob", "") // after the note, in the order of changes
			now = now.Add(8 * time.Hour)
			wantNone(t, m, secret, "idle since the clock was put right")
		}
	}
}

// notes counts what a store is asked.
type notes struct {
	session.Store
	seen int
	err  error
}

func (n *notes) SeeSession(ctx context.Context, id session.ID, at time.Time) error {
	n.seen++
	if n.err != nil {
		return n.err
	}
	return n.Store.SeeSession(ctx, id, at)
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t)
		n := &notes{Store: m.Store}
		m.Store = n
		secret, s := start(t, m, alice, "")
		for range 300 {
			time.Sleep(time.Second)
			if got := resume(t, m, secret); !got.Seen.Equal(time.Now()) {
				t.Errorf("Seen = %v, want now", got.Seen)
			}
			synctest.Wait() // the note is in the store
		}
		if n.seen != 5 {
			t.Errorf("in five minutes the use was noted %d times, want 5", n.seen)
		}
		if r, err := m.Store.Session(t.Context(), s.ID); err != nil || !r.Seen.Equal(time.Now()) {
			t.Errorf("the store says %v, %v, want now", r.Seen, err)
		}
		n.err = errors.New("full")
		time.Sleep(time.Hour)
		resume(t, m, secret)
		if n.seen != 6 {
			t.Error("a use after an hour was not noted")
		}
	})
}

func TestSave(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	secret, mine := start(t, m, alice, "first")
	theirs := resume(t, m, secret)
	for _, data := range []string{"second", "", "third"} {
		if err := m.Save(t.Context(), mine, []byte(data)); err != nil || string(mine.Data) != data {
			t.Fatalf("Save = %v, and the session holds %q", err, mine.Data)
		}
		if got := resume(t, m, secret); string(got.Data) != data {
			t.Errorf("Resume = %q, want %q", got.Data, data)
		}
	}
	if err := m.Save(t.Context(), theirs, []byte("late")); !errors.Is(err, session.ErrChanged) || string(theirs.Data) != "first" {
		t.Errorf("Save of what another request changed = %v and leaves %q, want %v", err, theirs.Data, session.ErrChanged)
	}
	if ended, err := m.End(t.Context(), "mallory", mine.ID); err != nil || ended != 0 {
		t.Errorf("End by another = %d, %v, want 0", ended, err)
	}
	if ended, err := m.End(t.Context(), alice, mine.ID); err != nil || ended != 1 {
		t.Errorf("End = %d, %v, want 1", ended, err)
	}
	if err := m.Save(t.Context(), mine, []byte("after the end")); !errors.Is(err, session.ErrNone) {
		t.Errorf("Save of a session that was ended = %v, want %v", err, session.ErrNone)
	}
	wantNone(t, m, secret, "ended")
}

func TestBounds(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	full := make([]byte, session.MaxData)
	secret, s, err := m.Start(t.Context(), alice, "a\x00b\u202ec\xff\n"+strings.Repeat("é", 300), " "+strings.Repeat("1", 100), full)
	if err != nil {
		t.Fatalf("Start = %v", err)
	}
	if want := "abc" + strings.Repeat("é", 253); s.Agent != want || s.Address != strings.Repeat("1", 63) {
		t.Errorf("Start keeps the agent %q and the address %q", s.Agent, s.Address)
	}
	if got := resume(t, m, secret); len(got.Data) != session.MaxData || got.Agent != s.Agent || got.Address != s.Address {
		t.Errorf("Resume = %d bytes of data, %q, %q", len(got.Data), got.Agent, got.Address)
	}
	if err := m.Save(t.Context(), s, append(full, 0)); err == nil {
		t.Error("Save of too much = nil")
	}
	if _, _, err := m.Start(t.Context(), alice, "", "", append(full, 0)); err == nil {
		t.Error("Start with too much = nil")
	}
	for _, owner := range []string{"", "\xff", "a\x00b", strings.Repeat("x", 1025)} {
		if _, _, err := m.Start(t.Context(), owner, "", "", nil); err == nil {
			t.Errorf("Start for %.9q = nil", owner)
		}
	}
}

// Of 50 sessions the one used longest ago makes room for the next.
func TestOldestMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t)
		var secrets []string
		others, _ := start(t, m, "bob", "")
		for range 50 {
			secret, _ := start(t, m, alice, "")
			secrets = append(secrets, secret)
			time.Sleep(time.Minute)
		}
		resume(t, m, secrets[0]) // so that the second is the oldest
		synctest.Wait()
		time.Sleep(time.Minute)
		newest, _ := start(t, m, alice, "")
		wantNone(t, m, secrets[1], "the oldest of 51")
		for _, secret := range append(secrets[2:], secrets[0], newest, others) {
			resume(t, m, secret)
		}
		if listed, err := m.Of(t.Context(), alice); err != nil || len(listed) != 50 || listed[0].Data != nil {
			t.Errorf("Of = %d sessions, %v, want 50 without data", len(listed), err)
		}
	})
}

func BenchmarkResume(b *testing.B) {
	m := newManager(b)
	secret, _ := start(b, m, alice, strings.Repeat("x", 8<<10))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Resume(b.Context(), secret); err != nil {
			b.Fatal(err)
		}
	}
}

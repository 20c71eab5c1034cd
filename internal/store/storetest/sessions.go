package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patrolhq/patrol/internal/session"
)

// newSession is a session of owner with every field filled in, started at noon.
func newSession(owner string) session.Record {
	r := session.Record{
		Owner: owner, Version: 1, Created: noon, Seen: noon, Ends: noon.Add(7 * 24 * time.Hour),
		Agent: "Mozilla/5.0 (suite)", Address: "192.0.2.7", Data: make([]byte, 3000),
	}
	rand.Read(r.ID[:])
	rand.Read(r.Data)
	return r
}

// add keeps sessions. It may run in any goroutine.
func add(t testing.TB, db Database, sessions ...session.Record) {
	t.Helper()
	for _, r := range sessions {
		if err := db.Sessions.AddSession(t.Context(), r); err != nil {
			t.Errorf("AddSession = %v", err)
		}
	}
}

// wantSession compares what is stored with want.
func wantSession(t testing.TB, db Database, want session.Record) {
	t.Helper()
	got, err := db.Sessions.Session(t.Context(), want.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Session = %v (-want +got):\n%s", err, diff)
	}
}

// wantNoSession wants a session to be gone.
func wantNoSession(t testing.TB, db Database, r session.Record) {
	t.Helper()
	if got, err := db.Sessions.Session(t.Context(), r.ID); !errors.Is(err, session.ErrNone) || got.Owner != "" {
		t.Errorf("Session = %v, %v, want %v", got, err, session.ErrNone)
	}
}

// wantSessions compares the list of an owner's sessions with want.
func wantSessions(t testing.TB, db Database, owner string, want ...session.Record) {
	t.Helper()
	for i := range want {
		want[i].Data = nil
	}
	got, err := db.Sessions.SessionsOf(t.Context(), owner)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("SessionsOf = %v (-want +got):\n%s", err, diff)
	}
}

func sessionsAreKept(t *testing.T, db Database) {
	plain, odd := newSession("https://issuer.example alice"), newSession("https://issuer.example älicé 🐛 \\x00 'quoted'")
	odd.Agent, odd.Address, odd.Version = "", "", 1<<40
	odd.Data = slices.Repeat([]byte{0, 255, '\n', '\'', '\\'}, 20_000)
	odd.Created, odd.Seen, odd.Ends = time.UnixMicro(-1).UTC(), time.UnixMicro(0).UTC(), time.UnixMicro(1<<62).UTC()
	wantNoSession(t, db, plain)
	add(t, db, plain, odd)
	wantSession(t, db, plain)
	wantSession(t, db, odd)
	twin := newSession("mallory")
	twin.ID = plain.ID
	if err := db.Sessions.AddSession(t.Context(), twin); err == nil {
		t.Error("AddSession of an id that is taken = nil")
	}
	wantSession(t, db, plain)
	broken := newSession("bob")
	broken.Agent, broken.Address = "\x00\xff", "\xff\x00"
	add(t, db, broken)
	broken.Agent, broken.Address = "\ufffd\ufffd", "\ufffd\ufffd"
	wantSession(t, db, broken)
}

func saveSession(t *testing.T, db Database) {
	r, other := newSession("alice"), newSession("alice")
	add(t, db, r, other)
	saved := session.Record{ID: r.ID, Version: 1, Seen: noon.Add(time.Minute), Data: []byte("new")}
	if err := db.Sessions.SaveSession(t.Context(), saved); err != nil {
		t.Fatalf("SaveSession = %v", err)
	}
	r.Version, r.Seen, r.Data = 2, saved.Seen, saved.Data
	wantSession(t, db, r)
	for _, version := range []int64{0, 1, 3} {
		saved.Version, saved.Data = version, []byte("late")
		if err := db.Sessions.SaveSession(t.Context(), saved); !errors.Is(err, session.ErrChanged) {
			t.Errorf("SaveSession over version %d instead of 2 = %v, want %v", version, err, session.ErrChanged)
		}
	}
	wantSession(t, db, r)
	wantSession(t, db, other)
	if err := db.Sessions.SaveSession(t.Context(), newSession("alice")); !errors.Is(err, session.ErrNone) {
		t.Errorf("SaveSession of a session that was never added = %v, want %v", err, session.ErrNone)
	}
}

func seeSession(t *testing.T, db Database) {
	r, other, never := newSession("alice"), newSession("alice"), newSession("alice")
	add(t, db, r, other)
	for _, at := range []time.Time{noon.Add(time.Hour), noon.Add(-time.Hour)} { // also a clock that was put right
		for _, id := range []session.ID{r.ID, never.ID} {
			if err := db.Sessions.SeeSession(t.Context(), id, at); err != nil {
				t.Errorf("SeeSession = %v", err)
			}
		}
		add(t, db, newSession("bob")) // comes after in the order of changes
		r.Seen = at
		wantSession(t, db, r)
	}
	wantSession(t, db, other)
	wantNoSession(t, db, never)
}

func endSessions(t *testing.T, db Database) {
	mine, my2nd, theirs := newSession("alice"), newSession("alice"), newSession("bob")
	add(t, db, mine, my2nd, theirs)
	for _, step := range []struct {
		owner string
		ids   []session.ID
		want  int
	}{
		{"alice", nil, 0},
		{"alice", []session.ID{theirs.ID, {}}, 0},
		{"", []session.ID{mine.ID}, 0},
		{"alice", []session.ID{mine.ID, theirs.ID, mine.ID}, 1},
		{"alice", []session.ID{mine.ID}, 0},
	} {
		if ended, err := db.Sessions.EndSessions(t.Context(), step.owner, step.ids...); err != nil || ended != step.want {
			t.Errorf("EndSessions(%q, %v) = %d, %v, want %d", step.owner, step.ids, ended, err, step.want)
		}
	}
	wantNoSession(t, db, mine)
	wantSession(t, db, my2nd)
	wantSession(t, db, theirs)
	if err := db.Sessions.SaveSession(t.Context(), mine); !errors.Is(err, session.ErrNone) {
		t.Errorf("SaveSession of a session that was ended = %v, want %v", err, session.ErrNone)
	}
	if err := db.Sessions.SeeSession(t.Context(), mine.ID, noon); err != nil {
		t.Errorf("SeeSession of a session that was ended = %v", err)
	}
	wantSessions(t, db, "alice", my2nd)
	wantNoSession(t, db, mine)
}

func listSessions(t *testing.T, db Database) {
	var mine []session.Record
	for i := range 5 {
		r := newSession("alice")
		r.Seen = noon.Add(time.Duration((i*3)%5) * time.Minute)
		mine = append(mine, r)
	}
	add(t, db, mine...)
	add(t, db, newSession("alice2"), newSession("Alice"), newSession("alic"))
	slices.SortFunc(mine, func(a, b session.Record) int { return b.Seen.Compare(a.Seen) })
	wantSessions(t, db, "alice", mine...)
	wantSessions(t, db, "nobody")
}

// sweepSessions has more of each kind than are swept at once.
func sweepSessions(t *testing.T, db Database) {
	const each = 300
	unused, over, both := newSessions(each), newSessions(each), newSessions(10)
	for i := range each {
		unused[i].Seen = noon.Add(-time.Duration(i+1) * time.Microsecond)
		over[i].Ends = noon.Add(time.Minute - time.Duration(i)*time.Microsecond)
	}
	for i := range both {
		both[i].Seen, both[i].Ends = noon.Add(-time.Hour), noon
	}
	kept := newSession("alice")
	kept.Ends = noon.Add(time.Minute + time.Microsecond)
	addAll(t, db, slices.Concat(unused, over, both, []session.Record{kept}))
	for _, want := range []int{2*each + 10, 0} {
		swept, err := db.Sessions.SweepSessions(t.Context(), noon, noon.Add(time.Minute))
		if err != nil || swept != want {
			t.Errorf("SweepSessions = %d, %v, want %d", swept, err, want)
		}
	}
	wantSession(t, db, kept)
	wantSessions(t, db, "alice", kept)
}

// newSessions are n sessions of alice.
func newSessions(n int) (sessions []session.Record) {
	for range n {
		sessions = append(sessions, newSession("alice"))
	}
	return sessions
}

// addAll keeps many sessions, whose commits are shared.
func addAll(t testing.TB, db Database, sessions []session.Record) {
	t.Helper()
	var work sync.WaitGroup
	for some := range slices.Chunk(sessions, max(1, len(sessions)/16)) {
		work.Go(func() { add(t, db, some...) })
	}
	work.Wait()
}

func sessionsOfCallersThatLeft(t *testing.T, db Database) {
	ctx, leave := context.WithCancel(t.Context())
	leave()
	r, added := newSession("alice"), newSession("alice")
	add(t, db, added)
	_, found := db.Sessions.Session(ctx, added.ID)
	_, listed := db.Sessions.SessionsOf(ctx, "alice")
	_, ended := db.Sessions.EndSessions(ctx, "alice", added.ID)
	_, swept := db.Sessions.SweepSessions(ctx, noon.Add(time.Hour), noon.Add(time.Hour))
	for name, err := range map[string]error{
		"AddSession": db.Sessions.AddSession(ctx, r), "SaveSession": db.Sessions.SaveSession(ctx, added), "Session": found,
		"SeeSession": db.Sessions.SeeSession(ctx, added.ID, noon.Add(time.Hour)), "SessionsOf": listed, "EndSessions": ended, "SweepSessions": swept,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want %v", name, err, context.Canceled)
		}
	}
	wantSessions(t, db, "alice", added)
}

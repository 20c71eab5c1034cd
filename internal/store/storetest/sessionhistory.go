package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/patrolhq/patrol/internal/session"
)

// sessionCall is one operation of a history on one session.
type sessionCall struct {
	session int
	kind    string // find, save, end
	version int64  // over which save saves
	data    string // what it writes
}

// sessionAnswer is what came back, and what a find would answer.
type sessionAnswer struct {
	err     error // nil, ErrNone, ErrChanged
	version int64
	data    string
}

// sessionsAreLinearizable has many find, save and end a few sessions at once,
// each knowing only the version that it found last. There must be an order of
// their calls in which a single caller would have got the same answers: so no
// change is lost, and what was ended never comes back.
func sessionsAreLinearizable(t *testing.T, db Database) {
	const workers, calls, sessions = 8, 80, 10
	records := newSessions(sessions)
	for i := range records {
		records[i].Data = []byte("new")
	}
	add(t, db, records...)
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	var work sync.WaitGroup
	for worker := range workers {
		work.Go(func() {
			known := map[int]int64{}
			for i := range calls {
				of := i * sessions / calls
				in := sessionCall{session: of, kind: drawSessionCall(), version: max(1, known[of]), data: fmt.Sprintf("%d.%d", worker, i)}
				began := time.Since(start)
				out := performOnSession(t, db, records[of], in)
				ended := time.Since(start)
				if out.err == nil && in.kind == "find" {
					known[of] = out.version
				}
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: worker, Input: in, Call: began.Nanoseconds(), Output: out, Return: ended.Nanoseconds(),
				})
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if result := porcupine.CheckOperationsTimeout(oneSession(), history, time.Minute); result != porcupine.Ok {
		t.Errorf("the history of %d calls is %s, want %s", len(history), result, porcupine.Ok)
	}
}

func drawSessionCall() string {
	switch n := rand.IntN(20); {
	case n == 0:
		return "end"
	case n < 10:
		return "save"
	}
	return "find"
}

func performOnSession(t *testing.T, db Database, r session.Record, in sessionCall) (out sessionAnswer) {
	var err error
	switch in.kind {
	case "find":
		var got session.Record
		got, err = db.Sessions.Session(t.Context(), r.ID)
		out = sessionAnswer{version: got.Version, data: string(got.Data)}
	case "save":
		r.Version, r.Data = in.version, []byte(in.data)
		err = db.Sessions.SaveSession(t.Context(), r)
	case "end":
		var ended int
		if ended, err = db.Sessions.EndSessions(t.Context(), r.Owner, r.ID); ended == 0 && err == nil {
			err = session.ErrNone
		}
	}
	switch {
	case errors.Is(err, session.ErrNone):
		out.err = session.ErrNone
	case errors.Is(err, session.ErrChanged):
		out.err = session.ErrChanged
	case err != nil:
		t.Errorf("%s = %v", in.kind, err)
	}
	return out
}

// oneSession is the sequential model: the state is what a find would answer.
func oneSession() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			bySession := map[int][]porcupine.Operation{}
			for _, o := range history {
				of := o.Input.(sessionCall).session
				bySession[of] = append(bySession[of], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range bySession {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return sessionAnswer{version: 1, data: "new"} },
		Step: func(state, input, output any) (bool, any) {
			before, in, out := state.(sessionAnswer), input.(sessionCall), output.(sessionAnswer)
			switch {
			case in.kind == "find":
				return out == before, before
			case before.err != nil:
				return out == before, before
			case in.kind == "end":
				return out == sessionAnswer{}, sessionAnswer{err: session.ErrNone}
			case in.version != before.version:
				return out == sessionAnswer{err: session.ErrChanged}, before
			}
			return out == sessionAnswer{}, sessionAnswer{version: before.version + 1, data: in.data}
		},
	}
}

package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/patrolhq/patrol/internal/pat"
)

// call is one operation of a history on one token.
type call struct {
	token int
	kind  string // create, find, update, revoke
	name  string // what update writes
}

// answer is what came back: nothing, or the token's name and whether it is
// revoked.
type answer struct {
	found, revoked bool
	name           string
}

// linearizable has many create, find, update and revoke a few tokens at once.
// There must be an order of their calls, within the times in which they ran, in
// which a single caller would have got the same answers.
func linearizable(t *testing.T, db Database) {
	const workers, calls, tokens = 8, 60, 5
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	prototypes := make([]pat.Token, tokens)
	for i := range prototypes {
		prototypes[i] = newToken(owner, organization)
		prototypes[i].DisplayName = "new"
	}
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	var work sync.WaitGroup
	for worker := range workers {
		work.Go(func() {
			for i := range calls {
				in := call{token: i * tokens / calls, kind: kindsOfCalls[rand.IntN(len(kindsOfCalls))], name: fmt.Sprintf("%d.%d", worker, i)}
				began := time.Since(start)
				out := perform(t, db, prototypes[in.token], &in)
				ended := time.Since(start)
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: worker, Input: in, Call: began.Nanoseconds(), Output: out, Return: ended.Nanoseconds(),
				})
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if result := porcupine.CheckOperationsTimeout(oneToken(), history, time.Minute); result != porcupine.Ok {
		t.Errorf("the history of %d calls is %s, want %s", len(history), result, porcupine.Ok)
	}
}

var kindsOfCalls = []string{"create", "find", "find", "find", "update", "update", "update", "revoke"}

// perform makes a call. A create that finds the token there is a find, so that
// every call has an answer.
func perform(t *testing.T, db Database, prototype pat.Token, in *call) answer {
	var got pat.Token
	var err error
	switch in.kind {
	case "create":
		if db.Create(t.Context(), prototype, newEvent(pat.ActionCreate, prototype, noon)) == nil {
			return answer{}
		}
		in.kind = "find"
		got, err = db.Find(t.Context(), prototype.Owner, prototype.ID)
	case "find":
		got, err = db.Find(t.Context(), prototype.Owner, prototype.ID)
	default:
		got, err = db.Update(t.Context(), prototype.Owner, prototype.ID, func(t pat.Token) (pat.Token, *pat.Event, error) {
			if !t.RevokedAt.IsZero() {
				return t, nil, nil
			}
			if in.kind == "revoke" {
				t.RevokedAt = noon
			} else {
				t.DisplayName += "," + in.name // shows every update before it
			}
			e := newEvent(pat.ActionUpdate, t, noon)
			return t, &e, nil
		})
	}
	if err != nil && pat.CodeOf(err) != pat.CodeTokenNotFound {
		t.Errorf("%s = %v", in.kind, err)
	}
	return answer{found: err == nil, revoked: !got.RevokedAt.IsZero(), name: got.DisplayName}
}

// oneToken is the sequential model: the state is what a find would answer.
func oneToken() porcupine.Model {
	return porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byToken := map[int][]porcupine.Operation{}
			for _, o := range history {
				token := o.Input.(call).token
				byToken[token] = append(byToken[token], o)
			}
			var parts [][]porcupine.Operation
			for _, part := range byToken {
				parts = append(parts, part)
			}
			return parts
		},
		Init: func() any { return answer{} },
		Step: func(state, input, output any) (bool, any) {
			before, in, out := state.(answer), input.(call), output.(answer)
			if in.kind == "create" {
				return !before.found && out == answer{}, answer{found: true, name: "new"}
			}
			after := before
			if before.found && !before.revoked {
				switch in.kind {
				case "update":
					after.name = cmp.Or(before.name, "new") + "," + in.name
				case "revoke":
					after.revoked = true
				}
			}
			return out == after, after
		},
	}
}

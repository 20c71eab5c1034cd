//go:build linux

package faults

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// content is what a token is, as the API tells it; as a wish, what it is to
// become, and what is empty stays.
type content struct {
	name, scope, validTo string
}

// state is a token's.
type state struct {
	content
	exists, revoked bool
}

// kind is what a call does.
type kind string

const (
	creates kind = "create"
	gets    kind = "get"
	updates kind = "update"
	revokes kind = "revoke"
	// looks is a look into the database at the end.
	looks kind = "look"
	// presents asks a node what the token is good for.
	presents kind = "present"
)

// operation is one call on one token.
type operation struct {
	kind kind
	node string
	// began and ended are since the history's start. Where no answer came, or
	// one that tells nothing, the call is open: what it does may happen at any
	// later time, or never.
	began, ended time.Duration
	open         bool
	// wish is what is asked of an update, scope that for which the token is
	// presented.
	wish  content
	scope string
	// refusal is the code by which an update was refused, got what was answered.
	refusal string
	got     state
	answer  answer
}

func (o operation) String() string {
	return fmt.Sprintf("%v..%v on %s: %s %v%s, open %v: %s%v %v", o.began, o.ended, o.node, o.kind, o.wish, o.scope, o.open, o.refusal, o.got, o.answer)
}

// The codes by which updates are refused.
const (
	isRevoked = "invalidToken"
	isExpired = "expiredPatCannotBeExtended"
	isPast    = "invalidValidTo"
)

// step is the sequential model: whether o may be answered so where the token is
// as before, and what it is after.
func step(before state, o operation) (bool, state) {
	after := before
	switch o.kind {
	case creates:
		return !before.exists, o.got
	case gets:
		return before.content == o.got.content, before
	case looks:
		return before == o.got, before
	case revokes:
		after.revoked = true
		return true, after
	case presents:
		return fits(before, o), before
	}
	if !before.revoked {
		after.name = cmp.Or(o.wish.name, before.name)
		after.scope = cmp.Or(o.wish.scope, before.scope)
		after.validTo = cmp.Or(o.wish.validTo, before.validTo)
	}
	switch {
	case o.open:
		return true, after
	case o.refusal == isRevoked:
		return before.revoked, before
	case o.refusal == isExpired:
		return endsBy(before.validTo, o.ended), before
	case o.refusal == isPast:
		return endsBy(o.wish.validTo, o.ended), before
	}
	return !before.revoked && after.content == o.got.content, after
}

// fits reports whether a node that knows s may answer so. By expiry it may say
// no a little early, and never yes late.
func fits(s state, o operation) bool {
	const early = time.Second
	allowed := slices.Contains(strings.Fields(s.scope), o.scope)
	switch o.answer.status {
	case http.StatusOK:
		return !s.revoked && allowed && o.answer.scope == s.scope && o.answer.expires == s.validTo && !endsBy(s.validTo, o.began)
	case http.StatusForbidden:
		return !s.revoked && !allowed && !endsBy(s.validTo, o.began)
	}
	return s.revoked || endsBy(s.validTo, o.ended+early)
}

// origin is the moment from which histories count.
var origin = time.Now()

func since() time.Duration { return time.Since(origin) }

// endsBy reports whether validTo is not after a moment.
func endsBy(validTo string, moment time.Duration) bool {
	end, err := time.Parse(time.RFC3339Nano, validTo)
	return err == nil && !end.After(origin.Add(moment))
}

// model is step for porcupine.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, input, _ any) (bool, any) {
		ok, after := step(before.(state), input.(operation))
		return ok, after
	},
}

// checkTimeout bounds the search for an order of one token's operations.
const checkTimeout = 20 * time.Second

// check tells what is wrong with the operations on one token. There must be an
// order of its lifecycle, within the times of its calls, in which a single caller
// would have got the same answers. Of presentations each must fit into such an
// order by itself: while a change is not answered one node may know of it and
// another not, but whoever asks after the answer must see it.
func check(t *testing.T, history []operation) {
	t.Helper()
	var lifecycle, changes []porcupine.Operation
	var presented []operation
	for _, o := range history {
		if o.kind == presents {
			presented = append(presented, o)
			continue
		}
		p := inPorcupine(o)
		lifecycle = append(lifecycle, p)
		if o.kind != gets && o.refusal == "" { // a refusal may know of a change before that is answered
			changes = append(changes, p)
		}
	}
	if result := porcupine.CheckOperationsTimeout(model, lifecycle, checkTimeout); result != porcupine.Ok {
		t.Errorf("the lifecycle of a token is %s, want %s:%s", result, porcupine.Ok, listing(history, gets, creates, updates, revokes, looks))
	}
	for _, o := range presented {
		if result := porcupine.CheckOperationsTimeout(model, append(slices.Clone(changes), inPorcupine(o)), checkTimeout); result != porcupine.Ok {
			t.Errorf("an answer to a presented token is %s, want %s: %v, among:%s", result, porcupine.Ok, o, listing(history, creates, updates, revokes, looks))
			return // one is enough to read
		}
	}
}

func inPorcupine(o operation) porcupine.Operation {
	ended := o.ended.Nanoseconds()
	if o.open {
		ended = math.MaxInt64
	}
	return porcupine.Operation{Input: o, Call: o.began.Nanoseconds(), Return: ended}
}

// listing has the operations of some kinds, one a line.
func listing(history []operation, kinds ...kind) string {
	var b strings.Builder
	for _, o := range history {
		if slices.Contains(kinds, o.kind) {
			fmt.Fprintf(&b, "\n\t%v", o)
		}
	}
	return b.String()
}

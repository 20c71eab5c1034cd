//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// says reports whether o was answered with a status.
func (o operation) says(status int) bool { return o.answer.status == status }

// create makes a token, nil where it is not known to exist.
func (h *history) create(n *node, patience time.Duration) *token {
	h.mu.Lock()
	h.named++
	name := fmt.Sprintf("token %d", h.named)
	h.mu.Unlock()
	o := operation{kind: creates, node: n.name, began: since()}
	var made api.PatToken
	o.open = h.try(n, patience, func(ctx context.Context, c *client.Client) (err error) {
		made, err = c.Create(ctx, api.PatTokenCreateRequest{DisplayName: name, Scope: scopes[0]})
		return err
	}) != nil
	o.ended = since()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count(o); o.open {
		h.unacknowledged[name] = true
		return nil
	}
	o.got = state{content: contentOf(made), exists: true}
	t := &token{id: made.AuthorizationID, secret: *made.Token, history: []operation{o}}
	h.all = append(h.all, t)
	return t
}

// add makes a token and puts it into the pool.
func (h *history) add(n *node, patience time.Duration) operation {
	t := h.create(n, patience)
	if t == nil {
		return operation{kind: creates, open: true}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pool = append(h.pool, t)
	return t.history[0]
}

// scopes are those that tokens have, questions those that they are presented
// for.
var (
	scopes    = []string{"vso.code", "vso.build", "vso.build vso.code"}
	questions = []string{"vso.code", "vso.build"}
)

func contentOf(t api.PatToken) content {
	return content{t.DisplayName, t.Scope, t.ValidTo.UTC().Format(time.RFC3339Nano)}
}

// try makes a call by the SDK.
func (h *history) try(n *node, patience time.Duration, call func(context.Context, *client.Client) error) error {
	c, err := n.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = call(ctx, c)
	if e, ok := errors.AsType[*client.Error](err); ok && e.Status >= http.StatusInternalServerError {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.counts[fmt.Sprint("answered by ", e.Status)]++
	}
	return err
}

// update changes the name, the scope or the end of a token: to what nobody else
// changes it to, but for the scope.
func (h *history) update(n *node, t *token, patience time.Duration) operation {
	o := operation{kind: updates, node: n.name, began: since()}
	request := api.PatTokenUpdateRequest{AuthorizationID: t.id}
	h.mu.Lock()
	h.named++
	unique := h.named
	h.mu.Unlock()
	switch rand.IntN(4) {
	case 0:
		o.wish.name = fmt.Sprintf("name %d", unique)
		request.DisplayName = &o.wish.name
	case 1, 2:
		o.wish.scope = scopes[rand.IntN(len(scopes))]
		request.Scope = &o.wish.scope
	default:
		life := time.Hour
		if rand.IntN(4) == 0 {
			life = 2 * time.Second
			h.mu.Lock()
			t.ends = since() + life
			h.mu.Unlock()
		}
		end := time.Now().UTC().Truncate(time.Microsecond).Add(life)
		o.wish.validTo = end.Format(time.RFC3339Nano)
		request.ValidTo = &api.Time{Time: end}
	}
	var changed api.PatToken
	err := h.try(n, patience, func(ctx context.Context, c *client.Client) (err error) {
		changed, err = c.Update(ctx, request)
		return err
	})
	o.ended = since()
	o.refusal, o.open = refusalOf(err)
	o.got = state{content: contentOf(changed), exists: true}
	return h.record(t, o)
}

// refusalOf is the code of a refusal, and open tells that err is none.
func refusalOf(err error) (code string, open bool) {
	if e, ok := errors.AsType[*client.Error](err); ok && (e.Kind == client.KindRefusal || e.Kind == client.KindNotFound) {
		return e.Code, false
	}
	return "", err != nil
}

func (h *history) get(n *node, t *token, patience time.Duration) operation {
	o := operation{kind: gets, node: n.name, began: since()}
	var found api.PatToken
	err := h.try(n, patience, func(ctx context.Context, c *client.Client) (err error) {
		found, err = c.Get(ctx, t.id)
		return err
	})
	o.ended = since()
	o.open = err != nil && client.KindOf(err) != client.KindNotFound
	o.got = state{content: contentOf(found), exists: true}
	if o.open { // it changes nothing, and says nothing
		return o
	}
	return h.record(t, o)
}

func (h *history) revoke(n *node, t *token, patience time.Duration) operation {
	h.mu.Lock()
	t.revoking = true
	h.mu.Unlock()
	o := operation{kind: revokes, node: n.name, began: since()}
	err := h.try(n, patience, func(ctx context.Context, c *client.Client) error { return c.Revoke(ctx, t.id) })
	o.ended = since()
	o.open = err != nil
	if o.open {
		h.mu.Lock()
		t.revoking = false // somebody shall try again
		h.mu.Unlock()
	}
	return h.record(t, o)
}

// present presents a token to a node for a scope.
func (h *history) present(n *node, t *token, scope string, patience time.Duration) operation {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o := operation{kind: presents, node: n.name, scope: scope, began: since()}
	var err error
	o.answer, err = n.verify(ctx, t.secret, o.scope)
	return h.presented(t, o, err)
}

// enqueue presents a token to a node that may be stopped; read waits for the
// answer.
func (h *history) enqueue(n *node, t *token) (read func()) {
	o := operation{kind: presents, node: n.name, scope: scopes[0], began: since()}
	answer, err := n.enqueue(t.secret, o.scope)
	if err != nil {
		return func() {}
	}
	return func() {
		o.answer, err = answer()
		h.presented(t, o, err)
	}
}

// presented records an answer, if it is one.
func (h *history) presented(t *token, o operation, err error) operation {
	o.ended = since()
	if err == nil && o.answer.known() {
		return h.record(t, o)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil && o.says(http.StatusServiceUnavailable) {
		h.counts["present 503"]++
		o.open = true
		return o
	}
	o.open = true
	h.count(o)
	return o
}

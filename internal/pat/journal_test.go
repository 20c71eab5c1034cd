package pat_test

import (
	"context"
	"sync"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// journal stands before a store and notes the events that went in. It can
// answer with a fault, and show tokens as if somebody had written to the
// database.
type journal struct {
	pat.Store

	mu       sync.Mutex
	events   []pat.Event
	fault    error // what every call answers, where it is set
	tampered map[pat.UUID]func(*pat.Token)
}

func (j *journal) note(err error, events ...pat.Event) error {
	if err == nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.events = append(j.events, events...)
	}
	return err
}

func (j *journal) tamper(t pat.Token) pat.Token {
	if change := j.tampered[t.ID]; change != nil {
		change(&t)
	}
	return t
}

func (j *journal) Create(ctx context.Context, t pat.Token, e pat.Event) error {
	if j.fault != nil {
		return j.fault
	}
	return j.note(j.Store.Create(ctx, t, e), e)
}

func (j *journal) Find(ctx context.Context, owner, id pat.UUID) (pat.Token, error) {
	if j.fault != nil {
		return pat.Token{}, j.fault
	}
	t, err := j.Store.Find(ctx, owner, id)
	return j.tamper(t), err
}

func (j *journal) Update(ctx context.Context, owner, id pat.UUID, change func(pat.Token) (pat.Token, *pat.Event, error)) (pat.Token, error) {
	if j.fault != nil {
		return pat.Token{}, j.fault
	}
	var events []pat.Event
	t, err := j.Store.Update(ctx, owner, id, func(t pat.Token) (pat.Token, *pat.Event, error) {
		changed, e, err := change(j.tamper(t))
		events = nil
		if e != nil {
			events = append(events, *e)
		}
		return changed, e, err
	})
	return t, j.note(err, events...)
}

func (j *journal) List(ctx context.Context, q pat.Query) ([]pat.Token, error) {
	if j.fault != nil {
		return nil, j.fault
	}
	return j.Store.List(ctx, q)
}

func (j *journal) Expire(ctx context.Context, now time.Time, limit int, of func(pat.Token) pat.Event) (int, error) {
	if j.fault != nil {
		return 0, j.fault
	}
	var events []pat.Event
	n, err := j.Store.Expire(ctx, now, limit, func(t pat.Token) pat.Event {
		events = append(events, of(t))
		return events[len(events)-1]
	})
	return n, j.note(err, events...)
}

func (j *journal) Usage(ctx context.Context, owner pat.UUID, ids []pat.UUID) ([]pat.TokenUsage, error) {
	if j.fault != nil {
		return nil, j.fault
	}
	return j.Store.Usage(ctx, owner, ids)
}

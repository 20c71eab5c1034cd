package store

import (
	"context"
	"sync/atomic"
	"time"
)

// maxGroup is how many calls share a commit at most.
const maxGroup = 64

// maxPatience bounds how long a transaction waits for callers that are about
// to ask again.
const maxPatience = 2 * time.Millisecond

// queue is where calls wait for the goroutine that serves them, which takes as
// many at once as there are.
type queue[T any] struct {
	// calls holds nothing: who sends to it waits, and what was received is
	// being served.
	calls             chan T
	stopping, stopped chan struct{}

	// waiting counts the callers that were not received yet.
	waiting atomic.Int64
	pace    pace
}

func newQueue[T any]() *queue[T] {
	return &queue[T]{
		calls: make(chan T), stopping: make(chan struct{}), stopped: make(chan struct{}),
		pace: pace{timer: time.NewTimer(0)},
	}
}

// enter hands a call over. A caller whose context ends before that leaves
// without a trace.
func (q *queue[T]) enter(ctx context.Context, call T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.waiting.Add(1)
	defer q.waiting.Add(-1)
	select {
	case q.calls <- call:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-q.stopping:
		return errClosed
	}
}

// serve serves calls until the queue is stopped.
func (q *queue[T]) serve(serve func(first T)) {
	defer close(q.stopped)
	for {
		select {
		case first := <-q.calls:
			serve(first)
		case <-q.stopping:
			return
		}
	}
}

// join adds a call that waits, or comes in time, to group, if there is one and
// room for it.
func (q *queue[T]) join(group *[]T) bool {
	if len(*group) == maxGroup {
		return false
	}
	select {
	case call := <-q.calls:
		*group = append(*group, call)
		return true
	default:
	}
	if len(*group) >= q.pace.callers {
		return false
	}
	select {
	case call := <-q.calls:
		*group = append(*group, call)
		return true
	case <-q.pace.late():
		return false
	}
}

// committed learns from a group that was committed.
func (q *queue[T]) committed(group int, commit time.Duration) {
	q.pace.end(group+int(q.waiting.Load()), commit)
}

// stop ends the goroutine after the group that it is at.
func (q *queue[T]) stop() {
	close(q.stopping)
	<-q.stopped
}

func (q *queue[T]) isStopping() bool {
	select {
	case <-q.stopping:
		return true
	default:
		return false
	}
}

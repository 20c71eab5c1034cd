package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// probeFresh is for how long the answer of a probe is good.
	probeFresh = 250 * time.Millisecond
	// readinessTimeout bounds a probe.
	readinessTimeout = 5 * time.Second
)

// readiness says whether the service can serve. Anybody may ask, as often as
// they like: those who come close together share one probe, and the log has
// no more than its changes.
type readiness struct {
	probe func(context.Context) error
	log   *slog.Logger

	mu      sync.Mutex
	current *probing
	// failing tells what the log has last.
	failing bool
}

// probing is a probe; err and ended are there once done is closed.
type probing struct {
	done  chan struct{}
	err   error
	ended time.Time
}

// fresh reports whether p has not ended, or just now.
func (p *probing) fresh() bool {
	select {
	case <-p.done:
		return time.Since(p.ended) < probeFresh
	default:
		return true
	}
}

// ask is nil where the service can serve.
func (r *readiness) ask(ctx context.Context) error {
	r.mu.Lock()
	if r.current == nil || !r.current.fresh() {
		r.current = &probing{done: make(chan struct{})}
		go r.run(r.current)
	}
	p := r.current
	r.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *readiness) run(p *probing) {
	ctx, cancel := context.WithTimeout(context.Background(), readinessTimeout)
	defer cancel()
	p.err = r.probe(ctx)
	p.ended = time.Now()
	close(p.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch failing := p.err != nil; {
	case failing && !r.failing:
		r.log.Warn("not ready", "error", p.err)
		r.failing = true
	case !failing && r.failing:
		r.log.Info("ready again")
		r.failing = false
	}
}

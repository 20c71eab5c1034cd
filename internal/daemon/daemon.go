// Package daemon assembles patrold from its parts and runs it: it reads the
// configuration, opens the store, wires identity, domain and API together,
// serves, and drains. Nothing else wires.
//
// [Serve] runs the service in production by a [Config]; [StartDev] runs it for
// development, with an identity provider of its own and no configuration;
// [ServeConsole] runs the web console alone, for an API elsewhere.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store"
	"github.com/patrolhq/patrol/internal/verify"
)

// drainTimeout bounds how long requests may take to end once the service is
// told to stop.
const drainTimeout = 15 * time.Second

// sweepInterval is how often expired tokens are recorded as such, and sessions
// deleted that are over.
const sweepInterval = 30 * time.Second

// daemon is what runs until it is told to stop: listeners, the sweeper, and the
// recording of uses.
type daemon struct {
	log *slog.Logger
	db  *store.DB
	// service and uses are there where the API is.
	service *pat.Service
	metrics *metrics
	traces  *traces
	uses    *verify.Uses
	// sessions are there where there is a console.
	sessions *session.Manager
	// node is there where others share the database.
	node     *verify.Node
	servers  []*http.Server
	failed   chan error
	draining atomic.Bool
	serving  readiness
	work     sync.WaitGroup
	stopWork context.CancelFunc
}

// newDaemon makes one that does nothing yet. It owns db.
func newDaemon(db *store.DB, traces *traces, log *slog.Logger) *daemon {
	d := &daemon{log: log, db: db, traces: traces, failed: make(chan error, 3)}
	d.serving.probe, d.serving.log = d.canServe, log
	d.metrics = newMetrics(prometheus.NewRegistry(), db)
	return d
}

// ready is the answer to /readyz.
func (d *daemon) ready(ctx context.Context) error {
	if d.draining.Load() {
		return errors.New("stopping")
	}
	return d.serving.ask(ctx)
}

// canServe asks for what serving takes.
func (d *daemon) canServe(ctx context.Context) error {
	if d.node != nil {
		if _, err := d.node.Hold(ctx); err != nil {
			return err
		}
	}
	return d.db.Ping(ctx)
}

// observe is told of every request of the API.
func (d *daemon) observe(ctx context.Context, o server.Observation) {
	d.metrics.observe(o)
	d.traces.observe(ctx, o)
}

// serve answers requests that reach listener.
func (d *daemon) serve(listener net.Listener, handler http.Handler) {
	d.run(listener, &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	})
}

// run has server answer until it is shut down.
func (d *daemon) run(listener net.Listener, server *http.Server) {
	server.DisableGeneralOptionsHandler = true // it says yes to "OPTIONS *", and a yes opens gates
	server.ErrorLog = slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)
	d.servers = append(d.servers, server)
	d.work.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			d.failed <- fmt.Errorf("serving %s: %w", listener.Addr(), err)
		}
	})
}

// sweep does now and then what nobody waits for, until the context ends.
func (d *daemon) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		d.sweepTokens(ctx)
		d.sweepSessions(ctx)
		d.tidy(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// sweepTokens records expired tokens.
func (d *daemon) sweepTokens(ctx context.Context) {
	if d.service == nil {
		return
	}
	if swept, err := d.service.Sweep(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("sweeping failed", "error", err)
	} else if swept > 0 {
		d.log.Info("tokens expired", "count", swept)
	}
}

// sweepSessions deletes sessions that are over.
func (d *daemon) sweepSessions(ctx context.Context) {
	if d.sessions == nil {
		return
	}
	if err := d.sessions.Sweep(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("sweeping sessions failed", "error", err)
	}
}

// tidy deletes what nodes have left behind.
func (d *daemon) tidy(ctx context.Context) {
	nodes := d.db.Nodes()
	if nodes == nil {
		return
	}
	if err := nodes.Tidy(ctx); err != nil && ctx.Err() == nil {
		d.log.Warn("tidying up failed", "error", err)
	}
}

// start begins the background work.
func (d *daemon) start() {
	ctx, stop := context.WithCancel(context.Background())
	d.stopWork = stop
	d.work.Go(func() { d.sweep(ctx) })
	if d.uses != nil {
		d.work.Go(func() { d.uses.Run(ctx) })
	}
}

// wait blocks until ctx ends or a listener fails, then drains.
func (d *daemon) wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-d.failed:
	}
	return errors.Join(failure, d.stop())
}

// stop lets requests end, then closes everything.
func (d *daemon) stop() error {
	d.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if err := tellManager(ctx, "STOPPING=1"); err != nil {
		d.log.Warn("the service stops, and its manager does not know", "error", err)
	}
	var faults []error
	for _, server := range d.servers {
		if err := server.Shutdown(ctx); err != nil {
			faults = append(faults, fmt.Errorf("draining: %w", err), server.Close())
		}
	}
	d.traces.stop(ctx)
	d.stopWork()
	d.work.Wait()
	if d.node != nil {
		d.node.Close()
	}
	if err := d.db.Close(); err != nil {
		faults = append(faults, fmt.Errorf("closing the database: %w", err))
	}
	return errors.Join(faults...)
}

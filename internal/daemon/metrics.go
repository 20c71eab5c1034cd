package daemon

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/server"
	"github.com/patrolhq/patrol/internal/store"
)

// metrics are what /metrics shows. docs/operations.md says what each family
// means, and a test compares. No label holds an id, a user, a secret or a
// client's own words: each comes from a table of the program.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	pages     *prometheus.HistogramVec
	signIns   *prometheus.CounterVec
}

// newMetrics registers everything with registry, which must be new.
func newMetrics(registry *prometheus.Registry, db *store.DB) *metrics {
	m := &metrics{
		registry: registry,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patrol_http_requests_total", Help: "Requests that the API answered.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "patrol_http_request_duration_seconds", Help: "How long the API took to answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		pages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "patrol_console_request_duration_seconds", Help: "How long pages of the console took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"page", "status"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patrol_console_sign_ins_total", Help: "Attempts to sign in to the console, by their outcome.",
		}, []string{"outcome"}),
	}
	registry.MustRegister(
		m.requests, m.durations, m.pages, m.signIns, storeCollector{db},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(),
	)
	return m
}

// observe counts a request.
func (m *metrics) observe(o server.Observation) {
	m.requests.WithLabelValues(o.Route, o.Method, fmt.Sprintf("%dxx", o.Status/100)).Inc()
	m.durations.WithLabelValues(o.Route).Observe(o.Took.Seconds())
}

// observePage counts a request of the console.
func (m *metrics) observePage(o console.Observation) {
	m.pages.WithLabelValues(o.Page, fmt.Sprintf("%dxx", o.Status/100)).Observe(o.Took.Seconds())
	if o.SignIn != "" {
		m.signIns.WithLabelValues(o.SignIn).Inc()
	}
}

// listenMetrics opens the listener for metrics, nil where there is no address.
func listenMetrics(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	return listener, nil
}

// serveMetrics answers requests that reach listener, if there is one.
func (d *daemon) serveMetrics(listener net.Listener) {
	if listener == nil {
		return
	}
	d.run(listener, &http.Server{
		Handler:           d.monitor(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    8 << 10,
	})
}

// monitor is all that the listener for metrics serves.
func (d *daemon) monitor() http.Handler {
	scrape := promhttp.HandlerFor(d.metrics.registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.NotFound(w, r)
		case r.URL.Path == "/metrics":
			scrape.ServeHTTP(w, r)
		case r.URL.Path == "/healthz":
			fmt.Fprintln(w, "ok")
		case r.URL.Path == "/readyz":
			d.answerReady(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

func (d *daemon) answerReady(w http.ResponseWriter, r *http.Request) {
	if d.ready(r.Context()) != nil {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

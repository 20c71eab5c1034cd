package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/server"
)

// traces sends a span for each request of the API to an OpenTelemetry
// collector. Nil, it does nothing.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// newTraces is nil unless the environment names a collector. Variables that
// it cannot follow are logged and end the traces, not the service.
func newTraces(ctx context.Context, log *slog.Logger) *traces {
	collector, err := readCollector(log)
	if err != nil {
		log.Warn("there are no traces", "error", err)
	}
	if collector == nil {
		return nil
	}
	exporter, err := otlptrace.New(ctx, collector)
	if err != nil {
		log.Warn("there are no traces", "error", err)
		return nil
	}
	origin, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "patrold"), attribute.String("service.version", buildVersion()),
		attribute.String("service.instance.id", pat.RandomUUID().String()),
	), resource.WithFromEnv())
	if err != nil { // in part
		log.Warn("OTEL_RESOURCE_ATTRIBUTES cannot be read whole")
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(origin))
	return &traces{provider: provider, tracer: provider.Tracer("github.com/patrolhq/patrol"), log: log}
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// handler has a span around each request, below the one that the client names.
// Of what a client says its ids are taken and nothing else.
func (t *traces) handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.SpanContextFromContext(ctx).WithTraceState(trace.TraceState{}))
		ctx, span := t.tracer.Start(ctx, "HTTP", trace.WithSpanKind(trace.SpanKindServer))
		defer func() { span.End() }() // deferred itself, it would record the value of a panic, which may hold anything
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// observe tells the span of a request what the request was.
func (t *traces) observe(ctx context.Context, o server.Observation) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetName(o.Method + " " + o.Route)
	span.SetAttributes(
		attribute.String("http.request.method", o.Method), attribute.String("http.route", o.Route),
		attribute.Int("http.response.status_code", o.Status), attribute.String("patrol.activity", o.Activity.String()),
	)
	if o.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// flushTimeout bounds how long the last spans may take to be sent.
const flushTimeout = 3 * time.Second

// stop sends what was not sent yet.
func (t *traces) stop(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("the last traces were not sent", "error", err)
	}
}

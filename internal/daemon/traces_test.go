package daemon_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/daemon"
)

// collector is an OpenTelemetry collector that keeps what it is sent.
type collector struct {
	*httptest.Server
	status int

	mu       sync.Mutex
	requests int
	headers  http.Header
	raw      bytes.Buffer
	traces   tracepb.TracesData
}

func newCollector(t *testing.T, status int) *collector {
	t.Helper()
	c := &collector{status: status}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests++
		body, err := io.ReadAll(r.Body)
		var sent tracepb.TracesData
		if err = cmp.Or(err, proto.Unmarshal(body, &sent)); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("the collector got %s: %v", r.URL.Path, err)
		}
		c.headers = r.Header
		c.raw.Write(body)
		c.traces.ResourceSpans = append(c.traces.ResourceSpans, sent.ResourceSpans...)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

// span is what the tests look at of a span.
type span struct {
	Name, Trace, Parent, State string
	Kind                       tracepb.Span_SpanKind
	Failed                     bool
	Attributes                 map[string]string
}

// spans are all that were sent, by name.
func (c *collector) spans() (all []span, resource map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.traces.ResourceSpans {
		resource = attributes(of.Resource.Attributes)
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				all = append(all, span{
					Name: s.Name, Trace: hex.EncodeToString(s.TraceId), Parent: hex.EncodeToString(s.ParentSpanId), State: s.TraceState,
					Kind: s.Kind, Failed: s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR, Attributes: attributes(s.Attributes),
				})
			}
		}
	}
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.Name, b.Name) })
	return all, resource
}

func attributes(pairs []*commonpb.KeyValue) map[string]string {
	all := map[string]string{}
	for _, pair := range pairs {
		all[pair.Key] = pair.Value.GetStringValue()
		if _, ok := pair.Value.Value.(*commonpb.AnyValue_IntValue); ok {
			all[pair.Key] = "number"
		}
	}
	return all
}

// TestTraces: the requests of a service with a collector become spans that
// say what they were and nothing that the client wrote.
func TestTraces(t *testing.T) {
	c := newCollector(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL+"/")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20collector,x-tenant=a%2Cb")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	s, stop := run(t, daemon.DevOptions{Data: t.TempDir()})
	sdk := alice(t, s)
	created, err := sdk.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "shown nowhere", Scope: "vso.code"})
	if err != nil {
		t.Fatal(err)
	}
	secret := *created.Token
	const traceID, parentID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	send := func(path, flags string) (activity string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.API+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("User-Agent", secret)
		r.Header.Set("Traceparent", "00-"+traceID+"-"+parentID+"-"+flags)
		r.Header.Set("Tracestate", "vendor="+secret)
		r.Header.Set("Baggage", "secret="+secret)
		resp, err := s.HTTP.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header.Get("ActivityId")
	}
	first := send("/contoso/_apis/tokens/pats?authorizationId="+secret, "01")
	second := send("/"+secret+"/_apis/nothing", "01")
	send("/contoso/_apis/tokens/pats", "00") // its caller does not sample
	stop()

	all, resource := c.spans()
	got := slices.DeleteFunc(all, func(s span) bool { return s.Trace != traceID })
	const pats = "/{organization}/_apis/tokens/pats"
	want := []span{
		{
			Name: "DELETE " + pats, Trace: traceID, Parent: parentID, Kind: tracepb.Span_SPAN_KIND_SERVER,
			Attributes: map[string]string{"http.request.method": "DELETE", "http.route": pats, "http.response.status_code": "number", "patrol.activity": first},
		},
		{
			Name: "DELETE none", Trace: traceID, Parent: parentID, Kind: tracepb.Span_SPAN_KIND_SERVER,
			Attributes: map[string]string{"http.request.method": "DELETE", "http.route": "none", "http.response.status_code": "number", "patrol.activity": second},
		},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if resource["service.name"] != "patrold" || resource["service.instance.id"] == "" || resource["deployment.environment.name"] != "test" {
		t.Errorf("the spans are of %v, want patrold, an instance, and what the environment adds", resource)
	}
	if c.headers.Get("Authorization") != "Bearer collector" || c.headers.Get("X-Tenant") != "a,b" {
		t.Error("the collector did not get the headers of the environment")
	}
	for what, unwanted := range map[string]string{"secret": secret[:20], "name": "shown nowhere", "organization": "contoso"} {
		if bytes.Contains(c.raw.Bytes(), []byte(unwanted)) {
			t.Errorf("the traces hold a %s", what)
		}
	}
}

// TestTracesAreLost: a collector that accepts nothing costs the traces, one
// line of the log, and nothing else; no redirect of its is followed.
func TestTracesAreLost(t *testing.T) {
	for name, status := range map[string]int{"refused": http.StatusServiceUnavailable, "redirected": http.StatusTemporaryRedirect} {
		t.Run(name, func(t *testing.T) {
			c := newCollector(t, status)
			t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", strings.Replace(c.URL, "//", "//user:hunter2@", 1)+"/v1/traces?key=hunter2")
			t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
			logs := &logBuffer{}
			s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), Log: slog.New(slog.NewTextHandler(logs, nil))})
			for range 3 {
				if status, _ := ask(t, s, http.MethodGet, s.API+"/healthz"); status != http.StatusOK {
					t.Errorf("GET /healthz = %d", status)
				}
			}
			stop()
			if n := strings.Count(logs.String(), "traces are lost"); n != 1 || c.requests != 3 || strings.Contains(logs.String(), "hunter2") {
				t.Errorf("the log says %d times that traces are lost, after %d requests:\n%s", n, c.requests, logs)
			}
		})
	}
}

// TestTracesAreOff: nothing is sent where the environment says so, or says
// something that patrold cannot do, which the log tells.
func TestTracesAreOff(t *testing.T) {
	tests := []struct{ name, variable, value, logged string }{
		{"disabled", "OTEL_SDK_DISABLED", "True", ""},
		{"no exporter", "OTEL_TRACES_EXPORTER", "none", ""},
		{"another exporter", "OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER"},
		{"gRPC", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"},
		{"gRPC for traces", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "http/protobuf"},
		{"no URL", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "hunter2:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{"headers", "OTEL_EXPORTER_OTLP_HEADERS", "hunter2", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"encoded headers", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=hunter2%", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"timeout", "OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "OTEL_EXPORTER_OTLP_TIMEOUT"},
		{"certificate", "OTEL_EXPORTER_OTLP_CERTIFICATE", "traces_test.go", "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"no certificate", "OTEL_EXPORTER_OTLP_CERTIFICATE", "missing.pem", "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		{"not sampled", "OTEL_TRACES_SAMPLER", "always_off", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCollector(t, http.StatusOK)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
			t.Setenv(tt.variable, tt.value)
			logs := &logBuffer{}
			s, stop := run(t, daemon.DevOptions{Data: t.TempDir(), Log: slog.New(slog.NewTextHandler(logs, nil))})
			ask(t, s, http.MethodGet, s.API+"/healthz")
			stop()
			if c.requests != 0 {
				t.Errorf("%d requests reached the collector", c.requests)
			}
			if logged := strings.Contains(logs.String(), "there are no traces"); logged != (tt.logged != "") || !strings.Contains(logs.String(), tt.logged) {
				t.Errorf("the log does not say %q:\n%s", tt.logged, logs)
			}
			if strings.Contains(logs.String(), "hunter2") {
				t.Error("the log repeats a value, which might be a secret")
			}
		})
	}
}

package daemon_test

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// scrape is everything that the service tells of itself.
func scrape(t *testing.T, s *patroltest.Server) (families map[string]*dto.MetricFamily, text string) {
	t.Helper()
	status, text := ask(t, s, http.MethodGet, s.Metrics)
	if status != http.StatusOK {
		t.Fatalf("GET /metrics = %d: %s", status, text)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("the metrics cannot be read: %v", err)
	}
	return families, text
}

func ask(t *testing.T, s *patroltest.Server, method, address string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// forwardAuth asks about a token as a gateway does.
func forwardAuth(t *testing.T, s *patroltest.Server, secret string) (status int) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.API+"/verify/contoso/vso.code", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("", secret)
	resp, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// counted is the samples of a counter by the values of their labels.
func counted(family *dto.MetricFamily) map[string]float64 {
	samples := map[string]float64{}
	for _, m := range family.GetMetric() {
		var labels []string
		for _, pair := range m.GetLabel() {
			labels = append(labels, pair.GetValue())
		}
		samples[strings.Join(labels, " ")] = m.GetCounter().GetValue()
	}
	return samples
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{Metrics: true})
	c := alice(t, s)
	created, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "shown nowhere", Scope: "vso.code"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := forwardAuth(t, s, *created.Token); got != http.StatusOK {
			t.Errorf("verification = %d, want 200", got)
		}
	}
	if err := c.Revoke(t.Context(), created.AuthorizationID); err != nil {
		t.Fatal(err)
	}
	if got := forwardAuth(t, s, *created.Token); got != http.StatusUnauthorized {
		t.Errorf("verification of a revoked token = %d, want 401", got)
	}
	secret := url.QueryEscape(*created.Token)
	for _, path := range []string{"/" + secret + "/_apis/tokens/pats", "/contoso/_apis/" + secret, "/?" + secret, "/" + secret} {
		ask(t, s, http.MethodGet, s.API+path)
	}
	ask(t, s, *created.Token, s.API+"/healthz") // a method is a word too
	ask(t, s, http.MethodGet, s.API+"/verify/"+secret+"/vso.code")

	families, text := scrape(t, s)
	pats := " /{organization}/_apis/tokens/pats "
	want := map[string]float64{"POST" + pats + "2xx": 1, "DELETE" + pats + "2xx": 1, "GET" + pats + "4xx": 1, "GET none 4xx": 1, "other /healthz 4xx": 1}
	if diff := cmp.Diff(want, counted(families["patrol_http_requests_total"])); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	var routes []string
	for _, m := range families["patrol_http_request_duration_seconds"].GetMetric() {
		routes = append(routes, m.GetLabel()[0].GetValue())
	}
	if want := []string{"/healthz", "/{organization}/_apis/tokens/pats", "none"}; !cmp.Equal(want, routes) {
		t.Errorf("latencies are of %q, want %q", routes, want)
	}
	var pages []string
	for _, m := range families["patrol_console_request_duration_seconds"].GetMetric() {
		pages = append(pages, m.GetLabel()[0].GetValue()+" "+m.GetLabel()[1].GetValue())
	}
	if want := []string{"/ 3xx", "none 4xx"}; !cmp.Equal(want, pages) {
		t.Errorf("pages of the console are %q, want %q", pages, want)
	}
	commits := families["patrol_store_commit_changes"].GetMetric()[0].GetHistogram()
	if commits.GetSampleCount() < 3 || commits.GetSampleSum() < 3 { // the keys, the token, its end
		t.Errorf("%d commits of %v changes, want at least 3 of 3", commits.GetSampleCount(), commits.GetSampleSum())
	}
	asked := counted(families["patrol_verify_requests_total"])
	maps.DeleteFunc(asked, func(_ string, n float64) bool { return n == 0 })
	if diff := cmp.Diff(map[string]float64{"forward_auth accepted": 2, "forward_auth refused": 1, "forward_auth request": 1}, asked); diff != "" {
		t.Errorf("verifications (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"hit": 1, "miss": 2}, counted(families["patrol_verify_cache_lookups_total"])); diff != "" {
		t.Errorf("look-ups in the cache (-want +got):\n%s", diff)
	}
	for _, name := range []string{
		"patrol_verify_duration_seconds", "patrol_verify_cache_evictions_total", "patrol_verify_cache_tokens",
		"patrol_verify_cache_limit_bytes", "patrol_verify_unsealed_total", "patrol_verify_lost_uses_total",
		"patrol_store_failed_transactions_total", "patrol_store_connections", "patrol_store_connections_limit",
		"patrol_store_connection_waits_total", "patrol_store_connection_wait_seconds_total",
		"go_goroutines", "go_build_info", "process_resident_memory_bytes",
	} {
		if families[name] == nil {
			t.Errorf("there is no %s, but %q", name, slices.Sorted(maps.Keys(families)))
		}
	}
	user := s.Users[0]
	for what, unwanted := range map[string]string{
		"secret": (*created.Token)[:20], "token's name": "shown nowhere", "token's id": created.AuthorizationID,
		"user's id": user.ObjectID, "user's name": user.Username, "organization": "contoso", "password": user.Password,
	} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the metrics hold a %s", what)
		}
	}
}

// TestMetricsListener: it serves three paths and nothing else, and the API's
// listener serves no metrics.
func TestMetricsListener(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{Metrics: true})
	base := strings.TrimSuffix(s.Metrics, "/metrics")
	tests := []struct {
		method, address string
		status          int
		body            string
	}{
		{http.MethodGet, base + "/healthz", 200, "ok\n"},
		{http.MethodGet, base + "/readyz", 200, "ready\n"},
		{http.MethodHead, base + "/metrics", 200, ""},
		{http.MethodPost, base + "/metrics", 404, "404 page not found\n"},
		{http.MethodGet, base + "/", 404, "404 page not found\n"},
		{http.MethodGet, base + "/metrics/", 404, "404 page not found\n"},
		{http.MethodGet, base + "/debug/pprof/", 404, "404 page not found\n"},
		{http.MethodGet, base + "/contoso/_apis/tokens/pats", 404, "404 page not found\n"},
		{http.MethodGet, base + "/verify", 404, "404 page not found\n"},
	}
	for _, tt := range tests {
		status, body := ask(t, s, tt.method, tt.address)
		if status != tt.status || body != tt.body {
			t.Errorf("%s %s = %d, %q, want %d, %q", tt.method, strings.TrimPrefix(tt.address, base), status, body, tt.status, tt.body)
		}
	}
	if status, _ := ask(t, s, http.MethodGet, s.API+"/metrics"); status != http.StatusNotFound {
		t.Errorf("the API's /metrics = %d, want 404", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Metrics, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 16<<10))
	resp, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header = %d, want it refused", resp.StatusCode)
	}
}

// TestLeaseMetrics: a node of many tells how its lease stands.
func TestLeaseMetrics(t *testing.T) {
	t.Parallel()
	cluster := postgrestest.New(t)
	s := patroltest.Start(t, patroltest.Options{Metrics: true, Database: cluster.URL("postgres")})
	lease := func() (held, taken float64, aged bool) {
		families, _ := scrape(t, s)
		return families["patrol_lease_held"].GetMetric()[0].GetGauge().GetValue(),
			families["patrol_lease_taken_total"].GetMetric()[0].GetCounter().GetValue(),
			families["patrol_lease_age_seconds"] != nil
	}
	for held, taken, aged := lease(); held != 1 || taken != 1 || !aged; held, taken, aged = lease() {
		if taken > 1 {
			t.Fatalf("the node took %v leases, want one", taken)
		}
	}
	cluster.Stop()
	for held, _, aged := lease(); held != 0 || aged; held, _, aged = lease() {
		continue
	}
	if err := cluster.Start(); err != nil {
		t.Fatal(err)
	}
	for held, taken, _ := lease(); held != 1 || taken != 2; held, taken, _ = lease() {
		continue
	}
}

// TestMetricsAreOff: without an address there is no listener.
func TestMetricsAreOff(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	if s.Metrics != "" {
		t.Errorf("metrics are at %s, and nobody asked for them", s.Metrics)
	}
}

package daemon

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is where traces are sent to, over HTTP in the OpenTelemetry
// protocol. It is an [otlptrace.Client]; the library's own, otlptracehttp,
// links gRPC.
type collector struct {
	endpoint string
	headers  http.Header // may hold credentials
	http     *http.Client
	log      *slog.Logger
	// failing tells that the last traces were not accepted, which is logged
	// once.
	failing atomic.Bool
}

// readCollector is what the environment says, in the variables of the
// OpenTelemetry specification; nil where it asks for no traces. Its errors
// repeat no value, since some are credentials.
func readCollector(log *slog.Logger) (*collector, error) {
	specific, general := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	if specific == "" && general == "" || exporter == "none" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, nil
	}
	if exporter != "" && exporter != "otlp" {
		return nil, errors.New("OTEL_TRACES_EXPORTER is neither otlp nor none")
	}
	if protocol := otlpVariable("PROTOCOL"); protocol != "" && protocol != "http/protobuf" {
		return nil, errors.New("OTEL_EXPORTER_OTLP_PROTOCOL is not http/protobuf, the only one that patrold speaks: name it, and the collector's port for it (often 4318)")
	}
	if specific == "" {
		specific = strings.TrimSuffix(general, "/") + "/v1/traces"
	}
	if u, err := url.Parse(specific); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New(`OTEL_EXPORTER_OTLP_ENDPOINT is not a URL such as "http://127.0.0.1:4318"`)
	}
	headers, err := otlpHeaders(otlpVariable("HEADERS"))
	if err != nil {
		return nil, err
	}
	client, err := otlpClient()
	if err != nil {
		return nil, err
	}
	return &collector{endpoint: specific, headers: headers, http: client, log: log}, nil
}

// otlpVariable is the variable of that name, the one for traces before the one
// for all signals.
func otlpVariable(name string) string {
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), os.Getenv("OTEL_EXPORTER_OTLP_"+name))
}

// otlpHeaders reads "name=value,name=value", with values in percent encoding.
func otlpHeaders(text string) (http.Header, error) {
	headers := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, encoded, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !ok || err != nil {
			return nil, errors.New(`OTEL_EXPORTER_OTLP_HEADERS is not of the form "name=value,name=value", with values in percent encoding`)
		}
		headers.Set(strings.TrimSpace(name), value)
	}
	return headers, nil
}

// otlpClient follows no redirects, which might take credentials elsewhere.
func otlpClient() (*http.Client, error) {
	timeout := 10 * time.Second
	if text := otlpVariable("TIMEOUT"); text != "" {
		milliseconds, err := strconv.Atoi(text)
		if err != nil || milliseconds <= 0 {
			return nil, errors.New("OTEL_EXPORTER_OTLP_TIMEOUT is not a number of milliseconds")
		}
		timeout = time.Duration(milliseconds) * time.Millisecond
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if path := otlpVariable("CERTIFICATE"); path != "" {
		trusted, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, errors.New("OTEL_EXPORTER_OTLP_CERTIFICATE has no certificate in PEM")
		}
	}
	return &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// Start implements [otlptrace.Client].
func (c *collector) Start(context.Context) error { return nil }

// Stop implements [otlptrace.Client].
func (c *collector) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends spans once. Those that are not accepted are lost: traces
// are worth no memory and no second try.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	err := c.send(ctx, spans)
	if failing := err != nil; c.failing.Swap(failing) != failing {
		if failing {
			c.log.Warn("traces are lost: the collector does not accept them", "error", err)
		} else {
			c.log.Info("traces are accepted again")
		}
	}
	return nil // it is logged
}

func (c *collector) send(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans}) // on the wire the same as ExportTraceServiceRequest
	if err != nil {
		return fmt.Errorf("encoding: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return errors.New("the endpoint is no URL")
	}
	r.Header = c.headers.Clone()
	r.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := c.http.Do(r)
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return failure.Err // without the URL, which may hold credentials
	} else if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

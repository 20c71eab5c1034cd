// Package patroltest runs a whole patrold on loopback for tests: the API, a
// database in a temporary directory, and the development identity provider.
package patroltest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/daemon"
)

// Options change what Start starts. The zero value is usable.
type Options struct {
	// TLS serves over HTTPS.
	TLS bool
	// Data is the data directory; a new one by default.
	Data string
	// Metrics serves metrics, on a port of their own.
	Metrics bool
	// Database is where tokens are kept, as patrold dev has it; by default a
	// file in Data.
	Database string
	// RegisterRedirects are added to the console's client.
	RegisterRedirects []string
	// AccessTokenLife is how long access tokens last, an hour by default.
	AccessTokenLife time.Duration
	// ConsoleCertificate has the console prove itself with its certificate.
	ConsoleCertificate bool
	// Log receives what the service logs, as text; nil discards.
	Log io.Writer
}

// Server is a running patrold. Its API, organizations, users and clients are
// in Info.
type Server struct {
	daemon.DevInfo
	// Data is its data directory.
	Data string
	// HTTP trusts the server's certificate.
	HTTP *http.Client
	stop func()
}

// Start starts a patrold that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Data == "" {
		o.Data = filepath.Join(t.TempDir(), "data")
	}
	log := slog.New(slog.DiscardHandler)
	if o.Log != nil {
		log = slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ctx, stop := context.WithCancel(context.Background())
	options := daemon.DevOptions{
		Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: o.Data, Database: o.Database, TLS: o.TLS,
		RegisterRedirects: o.RegisterRedirects, AccessTokenLife: o.AccessTokenLife, ConsoleCertificate: o.ConsoleCertificate, Log: log,
	}
	if o.Metrics {
		options.MetricsListen = "127.0.0.1:0"
	}
	dev, err := daemon.StartDev(ctx, options)
	if err != nil {
		stop()
		t.Fatalf("starting patrold: %v", err)
	}
	s := Attach(t, dev)
	s.stop = sync.OnceFunc(func() {
		s.HTTP.CloseIdleConnections()
		stop()
		if err := dev.Wait(ctx); err != nil {
			t.Errorf("stopping patrold: %v", err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// Stop ends what Start started, before the test ends.
func (s *Server) Stop() { s.stop() }

// Attach is a Server for a patrold that the caller started and ends.
func Attach(t testing.TB, dev *daemon.Dev) *Server {
	t.Helper()
	return &Server{DevInfo: dev.Info, Data: filepath.Dir(dev.File), HTTP: httpClient(t, dev.Info.CAFile)}
}

// httpClient trusts the certificate in caFile, if any, and follows no
// redirects.
func httpClient(t testing.TB, caFile string) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	if caFile != "" {
		data, err := os.ReadFile(caFile)
		if err != nil {
			t.Fatalf("reading the authority: %v", err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(data)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Token is an access token of the user with that name before the "@", got by
// resource-owner password for the full lifecycle API.
func (s *Server) Token(t testing.TB, name string) string {
	t.Helper()
	return s.TokenFor(t, name, s.Audience+"/.default")
}

// TokenFor is Token for another scope.
func (s *Server) TokenFor(t testing.TB, name, scope string) string {
	t.Helper()
	for _, user := range s.Users {
		if user.Username == name+"@contoso.example" {
			return s.grant(t, url.Values{
				"grant_type": {"password"}, "client_id": {s.Clients.CLI.ID}, "scope": {scope},
				"username": {user.Username}, "password": {user.Password},
			})
		}
	}
	t.Fatalf("no user %q", name)
	return ""
}

// AppToken is an access token of the automation service principal.
func (s *Server) AppToken(t testing.TB) string {
	t.Helper()
	return s.grant(t, url.Values{
		"grant_type": {"client_credentials"}, "scope": {s.Audience + "/.default"},
		"client_id": {s.Clients.Automation.ID}, "client_secret": {s.Clients.Automation.Secret},
	})
}

func (s *Server) grant(t testing.TB, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatalf("asking for an access token: %v", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.HTTP.Do(req)
	if err != nil {
		t.Fatalf("asking for an access token: %v", err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("asking for an access token: status %d, %v %s", resp.StatusCode, err, answer.Error)
	}
	return answer.AccessToken
}

// Pats is the URL of the tokens of an organization.
func (s *Server) Pats(organization string) string {
	return s.API + "/" + organization + "/_apis/tokens/pats"
}

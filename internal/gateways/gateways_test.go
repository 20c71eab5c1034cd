// Package gateways runs the configurations of docs/gateways.md, as they stand
// there, in the real nginx and the real Caddy, between callers and a service
// that tells what reached it.
package gateways_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway is a running gateway before a service.
type gateway struct {
	name string
	// address is where it listens, with TLS.
	address string
	// log is all that it wrote so far, access log included.
	log func() string
	// unanswered is the status that it gives where Patrol gives none.
	unanswered int
	client     *http.Client
}

// question is where a gateway asks: an address, the name that its certificate
// bears, and the file by which that is trusted.
type question struct {
	address, name, authority string
}

// gateways are those that the page configures and Debian packages, by name.
var gateways = map[string]func(testing.TB, *surroundings) *gateway{"nginx": startNginx, "Caddy": startCaddy}

// eachGateway runs a test before each of the gateways.
func eachGateway(t *testing.T, s *surroundings, test func(*testing.T, *gateway)) {
	for name, start := range gateways {
		t.Run(name, func(t *testing.T) { test(t, start(t, s)) })
	}
}

// surroundings are what a gateway stands in.
type surroundings struct {
	patrol  question
	backend *backend
	// certificate, with its key, is what the gateway shows its callers.
	certificate, key string
	roots            *x509.CertPool
	// timeout takes the place of the page's five seconds.
	timeout string
	// repositories, where not empty, are what nginx serves by git.
	repositories string
}

// newSurroundings are those of a gateway that asks patrol.
func newSurroundings(t testing.TB, patrol question) *surroundings {
	t.Helper()
	s := &surroundings{patrol: patrol, backend: newBackend(t), roots: x509.NewCertPool(), timeout: "5s"}
	sample := httptest.NewTLSServer(http.NotFoundHandler())
	defer sample.Close()
	dir := t.TempDir()
	s.certificate, s.key = filepath.Join(dir, "front.pem"), filepath.Join(dir, "front.key")
	key, err := x509.MarshalPKCS8PrivateKey(sample.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, s.certificate, "CERTIFICATE", sample.Certificate().Raw)
	writePEM(t, s.key, "PRIVATE KEY", key)
	s.roots.AddCert(sample.Certificate())
	return s
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// httpClient trusts the gateways, and follows no redirects.
func (s *surroundings) httpClient(t testing.TB) *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// startPatrol starts a whole patrold with TLS, and says where to ask it.
func startPatrol(t testing.TB) (*patroltest.Server, question) {
	t.Helper()
	p := patroltest.Start(t, patroltest.Options{TLS: true})
	return p, question{address: p.API[len("https://"):], name: "localhost", authority: p.CAFile}
}

// clientOf manages alice's tokens in an organization.
func clientOf(t testing.TB, p *patroltest.Server, organization string) *client.Client {
	t.Helper()
	access := p.Token(t, "alice")
	return &client.Client{
		BaseURL: p.API, Organization: organization, HTTP: p.HTTP,
		Token: func(context.Context) (string, error) { return access, nil },
	}
}

// create makes a token, and is its secret and its id.
func create(t testing.TB, c *client.Client, wanted api.PatTokenCreateRequest) (secret, id string) {
	t.Helper()
	wanted.DisplayName = "gateways"
	token, err := c.Create(t.Context(), wanted)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	return *token.Token, token.AuthorizationID
}

func revoke(t testing.TB, c *client.Client, id string) {
	t.Helper()
	if err := c.Revoke(t.Context(), id); err != nil {
		t.Fatalf("Revoke = %v", err)
	}
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func bearer(secret string) string { return "Bearer " + secret }

// trusting is TLS towards patrol.
func trusting(t testing.TB, patrol question) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(patrol.authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	return &tls.Config{RootCAs: roots, ServerName: patrol.name}
}

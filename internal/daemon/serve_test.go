package daemon_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/identity"
	"github.com/patrolhq/patrol/internal/store/postgrestest"
)

// issuer is an OpenID Connect issuer that signs what it is asked to.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{key: key}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.url = server.URL
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Use: "sig", Algorithm: "RS256"}}})
	})
	return i
}

func (i *issuer) token(t *testing.T, subject string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.key, KeyID: "1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": i.url, "sub": subject, "aud": "patrol", "scp": "user_impersonation", "client_id": "cli",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// serveConfig is a configuration for that issuer on a free port.
func serveConfig(t *testing.T, issuerURL string) daemon.Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	secret := make([]byte, 32)
	rand.Read(secret)
	if err := os.WriteFile(key, []byte(base64.StdEncoding.EncodeToString(secret)), 0o600); err != nil {
		t.Fatal(err)
	}
	return daemon.Config{
		SiteConfig:    daemon.SiteConfig{Listen: address, PublicURL: "http://" + address},
		Database:      daemon.DatabaseConfig{Path: filepath.Join(dir, "patrol.db")},
		Keys:          []daemon.KeyConfig{{ID: "A", Secret: daemon.SecretRef("file:" + key)}},
		Issuers:       []daemon.IssuerConfig{{Kind: "oidc", URL: issuerURL, Audiences: []string{"patrol"}, ClientID: "cli", Scope: "openid"}},
		Organizations: []daemon.OrganizationConfig{{Name: "acme", ID: "7d1f0c55-55cb-4d0a-9f4c-0c60a2b1f001"}},
		Policy:        daemon.PolicyConfig{RestrictFullScope: true},
	}
}

// logBuffer is a log that another goroutine writes.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve runs the service until stop is called.
func serve(t *testing.T, c daemon.Config) (logs *logBuffer, stop func()) {
	t.Helper()
	logs = &logBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.Serve(ctx, c, logs) }()
	for {
		resp, err := http.Get("http://" + c.Listen + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("Serve = %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return logs, func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			t.Errorf("Serve = %v, want nil after its context ended", err)
		}
	}
}

func TestMain(m *testing.M) { os.Exit(postgrestest.Tests{M: m}.Run()) }

// TestServe runs the production service with an OpenID Connect issuer, twice
// on one database.
func TestServe(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(*testing.T) daemon.DatabaseConfig{
		"SQLite": func(t *testing.T) daemon.DatabaseConfig {
			return daemon.DatabaseConfig{Path: filepath.Join(t.TempDir(), "patrol.db")}
		},
		"PostgreSQL": postgresConfig,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			config := serveConfig(t, i.url)
			config.Database = database(t)
			serveTwice(t, i, config)
		})
	}
}

// postgresConfig is an empty database, its password in a file.
func postgresConfig(t *testing.T) daemon.DatabaseConfig {
	t.Helper()
	u, err := url.Parse(postgrestest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	u.User = url.User(u.User.Username())
	return daemon.DatabaseConfig{URL: u.String(), Password: daemon.SecretRef("file:" + file), Partitions: 2}
}

func serveTwice(t *testing.T, i *issuer, config daemon.Config) {
	t.Helper()
	accessToken := i.token(t, "alice")
	c := &client.Client{
		BaseURL: config.PublicURL, Organization: "acme",
		Token: func(context.Context) (string, error) { return accessToken, nil },
	}
	logs, stop := serve(t, config)
	created, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"})
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "all", Scope: "app_token"}); client.KindOf(err) != client.KindPolicy {
		t.Errorf("Create with full access = %v, want a refusal by policy", err)
	}
	signIn, err := client.SignIn(t.Context(), nil, config.PublicURL)
	if want := (api.SignIn{Kind: "oidc", Authority: i.url, Scope: "openid", ClientID: "cli"}); err != nil || signIn != want {
		t.Errorf("SignIn = %+v, %v, want %+v", signIn, err, want)
	}
	stop()
	if !regexp.MustCompile(`"activity":"[0-9a-f-]{36}".*"actor":"[0-9a-f-]{36}"`).MatchString(logs.String()) {
		t.Error("the log does not name activity and actor as answers do")
	}
	for _, secret := range []string{*created.Token, accessToken} {
		if strings.Contains(logs.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
	_, stop = serve(t, config)
	defer stop()
	if err := c.Revoke(t.Context(), created.AuthorizationID); err != nil {
		t.Errorf("Revoke after a restart = %v", err)
	}
	accessToken = i.token(t, "bob")
	if _, err := c.Get(t.Context(), created.AuthorizationID); client.KindOf(err) != client.KindNotFound {
		t.Errorf("Get by another user = %v, want not found", err)
	}
}

// TestServeRefusesDevelopment shows that a production service does not start
// on the development identity provider.
func TestServeRefusesDevelopment(t *testing.T) {
	t.Parallel()
	dev, stop := run(t, daemon.DevOptions{Data: t.TempDir()})
	defer stop()
	config := serveConfig(t, dev.Authority+"/v2.0")
	if err := daemon.Serve(t.Context(), config, &logBuffer{}); !errors.Is(err, identity.ErrDevelopment) {
		t.Errorf("Serve with the development identity provider = %v, want %v", err, identity.ErrDevelopment)
	}
}

// TestServeRetiresKeys puts a new key before the old one and then takes the old
// one away, which kills its tokens and nothing else.
func TestServeRetiresKeys(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	config := serveConfig(t, i.url)
	accessToken := i.token(t, "alice")
	c := &client.Client{
		BaseURL: config.PublicURL, Organization: "acme",
		Token: func(context.Context) (string, error) { return accessToken, nil },
	}
	_, stop := serve(t, config)
	old, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "old", Scope: "vso.code"})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	next := serveConfig(t, i.url).Keys[0]
	next.ID = "B"
	config.Keys = []daemon.KeyConfig{next}
	logs, stop := serve(t, config)
	defer stop()
	if !strings.Contains(logs.String(), "server keys are gone") {
		t.Error("the log does not say that a key is gone")
	}
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "new", Scope: "vso.code"}); err != nil {
		t.Errorf("Create under the new key = %v", err)
	}
	if err := c.Revoke(t.Context(), old.AuthorizationID); err != nil {
		t.Errorf("Revoke of a token whose key is gone = %v", err)
	}
}

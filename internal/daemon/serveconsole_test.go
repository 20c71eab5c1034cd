package daemon_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/devidp"
)

const (
	realTenant  = "2ce1d18c-a94c-4bd3-b5b9-ce7d94b1d9f8"
	realConsole = "7a0e6b0e-0e0b-4c8e-8f0e-0d3e6f7a1c11"
	realSecret  = "hunter2-of-the-console"
)

// realIssuer is the development provider behind a proxy that keeps it from
// saying so: an issuer that a service accepts, where people sign in by pages.
func realIssuer(t *testing.T) (issuer string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	provider, err := devidp.New(devidp.Config{
		BaseURL: base, Tenant: realTenant, Domain: "contoso.example", SigningKey: key, SealKey: make([]byte, 32),
		Users:   []devidp.User{{ObjectID: "bb5bb6c8-7a5c-4e9e-a7a7-7a7a2a8a2a6a", Username: "alice@contoso.example", Name: "Alice Example"}},
		Clients: []devidp.Client{{ID: realConsole, Secret: realSecret, RedirectURIs: []string{"http://127.0.0.1/getAToken"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		provider.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		w.Write(bytes.Replace(answer.Body.Bytes(), []byte(`"patrol_development":true`), []byte(`"patrol_development":false`), 1))
	})
	server.Start()
	t.Cleanup(server.Close)
	return base + "/" + realTenant + "/v2.0"
}

// consoleOf is a service with a console.
func consoleOf(t *testing.T, issuer string) daemon.Config {
	t.Helper()
	config := serveConfig(t, issuer)
	config.Issuers[0].Audiences, config.Issuers[0].Scope = []string{devidp.DefaultAudience}, ""
	config.Console = &daemon.ConsoleConfig{ClientConfig: daemon.ClientConfig{ClientID: realConsole, ClientSecret: secretFile(t, realSecret)}}
	return config
}

// TestServeConsole signs in to the console of a service behind a proxy. The API
// sees the visitor's address, as the proxy states it.
func TestServeConsole(t *testing.T) {
	t.Parallel()
	config := consoleOf(t, realIssuer(t))
	config.ClientAddressHeader = "X-Forwarded-For"
	logs, stop := serve(t, config)
	v := newVisitor(t, config.PublicURL, http.DefaultTransport)
	v.agent = http.Header{"X-Forwarded-For": {"198.51.100.7, 203.0.113.9"}}
	p := v.signIn(t, "/acme/tokens", "alice@contoso.example")
	if p.status != http.StatusOK || p.address.Path != "/acme/tokens" {
		t.Errorf("after signing in: %s = %d %s, want the tokens", p.address.Path, p.status, p.text)
	}
	stop()
	_, stop = serve(t, config)
	if p := v.get(t, "/acme/tokens"); p.status != http.StatusOK {
		t.Errorf("after a restart: %d, to %q, want to be signed in still", p.status, p.location)
	}
	stop()
	for _, want := range []string{
		`"msg":"request","method":"GET","route":"/\{organization\}/_apis/tokens/pats","status":200,.*"address":"203\.0\.113\.9"`,
		`"msg":"page","method":"GET","page":"/\{organization\}/tokens","status":200,.*"address":"203\.0\.113\.9"`,
	} {
		if !regexp.MustCompile(want).MatchString(logs.String()) {
			t.Errorf("the log has no line like %s:\n%s", want, logs)
		}
	}
	for _, secret := range []string{realSecret, "eyJ", "code="} {
		if strings.Contains(logs.String(), secret) {
			t.Errorf("the log holds a secret, near %s", secret)
		}
	}
}

// TestServeConsoleKeys: a session goes on at every node, and under a new key
// while the old one is known.
func TestServeConsoleKeys(t *testing.T) {
	t.Parallel()
	config := consoleOf(t, realIssuer(t))
	config.Database = postgresConfig(t)
	_, stop := serve(t, config)
	defer stop()
	v := newVisitor(t, config.PublicURL, http.DefaultTransport)
	v.signIn(t, "/acme/tokens", "alice@contoso.example")

	other := serveConfig(t, "") // has a port and a key of its own
	other.Keys[0].ID = "B"
	for _, tt := range []struct {
		name string
		keys []daemon.KeyConfig
		want int
	}{
		{"the same key", config.Keys, http.StatusOK},
		{"a newer one", append(other.Keys, config.Keys...), http.StatusOK},
		{"another alone", other.Keys, http.StatusSeeOther},
	} {
		node := config
		node.Listen, node.Keys = freeAddress(t), tt.keys
		_, stop := serve(t, node)
		if p := v.get(t, "http://"+node.Listen+"/acme/tokens"); p.status != tt.want {
			t.Errorf("at a node with %s: %d, to %q, want %d", tt.name, p.status, p.location, tt.want)
		}
		stop()
	}
}

// TestServeWithoutConsole: paths outside the API answer as they did.
func TestServeWithoutConsole(t *testing.T) {
	t.Parallel()
	config := serveConfig(t, newIssuer(t).url)
	_, stop := serve(t, config)
	defer stop()
	v := newVisitor(t, config.PublicURL, http.DefaultTransport)
	for _, path := range []string{"/", "/sign-in", "/acme/tokens", "/assets/console.css", "/getAToken"} {
		p := v.get(t, path)
		if p.status != http.StatusNotFound || !strings.Contains(p.text, "VssResourceNotFoundException") || p.header.Get("Cross-Origin-Opener-Policy") != "" {
			t.Errorf("GET %s = %d %s, want what the API says", path, p.status, p.text)
		}
	}
}

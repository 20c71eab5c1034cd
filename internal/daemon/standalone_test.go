package daemon_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// secretFile refers to a secret in a file.
func secretFile(t *testing.T, secret string) daemon.SecretRef {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return daemon.SecretRef("file:" + path)
}

// standaloneConfig is that of a console for a development service elsewhere.
func standaloneConfig(t *testing.T, of *patroltest.Server, address string) daemon.StandaloneConfig {
	t.Helper()
	c := daemon.StandaloneConfig{SiteConfig: daemon.SiteConfig{Listen: address, PublicURL: "http://" + address}}
	c.API = daemon.APIConfig{Endpoint: of.API, CAFile: of.CAFile}
	c.SignIn = daemon.SignInConfig{Kind: "oidc", Authority: of.Authority + "/v2.0", Scope: of.Audience + "/.default", CAFile: of.CAFile}
	if of.CAFile != "" {
		c.SignIn.Kind, c.SignIn.Authority = "", of.Authority
	}
	c.SignIn.ClientID, c.SignIn.ClientSecret = of.Clients.Console.ID, secretFile(t, of.Clients.Console.Secret)
	return c
}

// serveConsole runs a console alone until stop is called.
func serveConsole(t *testing.T, c daemon.StandaloneConfig, data string) (logs *logBuffer, stop func()) {
	t.Helper()
	logs = &logBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- daemon.ServeConsole(ctx, c, data, logs) }()
	for {
		resp, err := http.Get(c.PublicURL + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				break
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("ServeConsole = %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return logs, func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			t.Errorf("ServeConsole = %v, want nil after its context ended", err)
		}
	}
}

// TestStandalone runs the console alone for a service elsewhere, twice on one
// directory: who is signed in stays so.
func TestStandalone(t *testing.T) {
	t.Parallel()
	for name, tls := range map[string]bool{"OpenID Connect": false, "Entra, with a certificate": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, data := freeAddress(t), filepath.Join(t.TempDir(), "data")
			service := patroltest.Start(t, patroltest.Options{TLS: tls, RegisterRedirects: []string{"http://" + address + "/signin-oidc"}})
			config := standaloneConfig(t, service, address)
			config.SignIn.RedirectPath = "/signin-oidc"
			if tls {
				config.SignIn.ClientSecret, config.SignIn.ClientCertificate = "", daemon.SecretRef("file:"+service.Clients.Console.Certificate)
			}
			created, err := alice(t, service).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "made by curl", Scope: "vso.code"})
			if err != nil {
				t.Fatal(err)
			}
			logs, stop := serveConsole(t, config, data)
			v := newVisitor(t, config.PublicURL, service.HTTP.Transport)
			p := v.signIn(t, "/contoso/tokens", "alice@contoso.example")
			if p.status != http.StatusOK || p.address.Path != "/contoso/tokens" || !strings.Contains(p.text, "made by curl") {
				t.Errorf("after signing in: %s = %d %s, want the tokens", p.address.Path, p.status, p.text)
			}
			service.HTTP.CloseIdleConnections()
			stop()
			for _, secret := range []string{*created.Token, service.Clients.Console.Secret, "access_token", "eyJ"} {
				if strings.Contains(logs.String(), secret) {
					t.Errorf("the log holds a secret: %s", logs)
				}
			}
			for _, file := range []string{"sessions.db", "session-key"} {
				if mode := fileMode(t, filepath.Join(data, file)); mode != 0o600 {
					t.Errorf("%s has mode %o, want 600", file, mode)
				}
			}
			_, stop = serveConsole(t, config, data)
			if p := v.get(t, "/contoso/tokens"); p.status != http.StatusOK || !strings.Contains(p.text, "made by curl") {
				t.Errorf("after a restart: %d, to %q, want to be signed in still", p.status, p.location)
			}
			service.HTTP.CloseIdleConnections()
			stop()
		})
	}
}

// TestStandaloneWrongSecret: the page says whose fault it is, and the log has
// the provider's code.
func TestStandaloneWrongSecret(t *testing.T) {
	t.Parallel()
	for name, tls := range map[string]bool{"OpenID Connect": false, "Entra": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			service := patroltest.Start(t, patroltest.Options{TLS: tls, RegisterRedirects: []string{"http://" + address + "/getAToken"}})
			config := standaloneConfig(t, service, address)
			config.SignIn.ClientSecret = secretFile(t, "hunter2-is-the-wrong-secret")
			logs, stop := serveConsole(t, config, t.TempDir())
			p := newVisitor(t, config.PublicURL, service.HTTP.Transport).signIn(t, "/", "alice@contoso.example")
			if p.status < 400 || !strings.Contains(p.text, "AADSTS7000215") || strings.Contains(p.text+logs.String(), "hunter2") {
				t.Errorf("signing in with a wrong secret = %d %s, want a page with the provider's code and no secret", p.status, p.text)
			}
			service.HTTP.CloseIdleConnections()
			stop()
		})
	}
}

// TestStandaloneAlone: one process has a directory.
func TestStandaloneAlone(t *testing.T) {
	t.Parallel()
	service := patroltest.Start(t, patroltest.Options{})
	config, data := standaloneConfig(t, service, freeAddress(t)), t.TempDir()
	_, stop := serveConsole(t, config, data)
	defer stop()
	config.Listen = "127.0.0.1:0"
	if err := daemon.ServeConsole(t.Context(), config, data, &logBuffer{}); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("a second console on the directory = %v, want a sentence that says so", err)
	}
}

package walkthrough_test

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestConsoleAlone manages the tokens of another patrold, until that goes
// away.
func TestConsoleAlone(t *testing.T) {
	t.Parallel()
	for name, tls := range map[string]bool{"OpenID Connect": false, "Entra": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			s := start(t, patroltest.Options{TLS: tls, RegisterRedirects: []string{"http://" + address + "/getAToken"}})
			b := open(t, s.from(t, address), look{})
			b.signIn("alice")
			b.the(link, "New token").press()
			b.the(textbox, "Name").fill("from afar")
			b.chooseScope("Code", "vso.code")
			b.the(button, "Create token").press()
			b.at("Your new token")
			secret := b.secret()
			s.accepts(t, secret, "vso.code")
			b.the(link, "This token").press()
			b.the(link, "Revoke").press()
			b.the(button, "Revoke it for good").press()
			b.reads("“from afar” is revoked.")
			s.refuses(t, secret, "vso.code")

			b.visit("/contoso/tokens/new")
			b.the(textbox, "Name").fill("typed in vain")
			b.chooseScope("Code", "vso.code")
			s.Stop()
			b.the(button, "Create token").press()
			b.at("The service cannot be reached")
			b.picture("create-unavailable")
			b.checkAccess()
			b.the(button, "Send it again").press()
			b.at("The service cannot be reached")
			stop := s.restart(t, tls)
			b.the(button, "Send it again").press()
			b.at("Your new token")
			s.accepts(t, b.secret(), "vso.code")
			stop()
			b.visit("/contoso/tokens")
			b.at("The service cannot be reached")
			b.the(link, "Try again").shown()
			b.picture("list-unavailable")
			b.visit("/account")
			b.at("Account")
		})
	}
}

// from is s as one sees it from a console alone at an address.
func (s *site) from(t testing.TB, address string) *site {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(s.Clients.Console.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	config := daemon.StandaloneConfig{SiteConfig: daemon.SiteConfig{Listen: address, PublicURL: "http://" + address}}
	config.API = daemon.APIConfig{Endpoint: s.API, CAFile: s.CAFile}
	config.SignIn = daemon.SignInConfig{Kind: "oidc", Authority: s.Authority + "/v2.0", Scope: s.Audience + "/.default", CAFile: s.CAFile}
	if s.CAFile != "" {
		config.SignIn.Kind, config.SignIn.Authority = "entra", s.Authority
	}
	config.SignIn.ClientID, config.SignIn.ClientSecret = s.Clients.Console.ID, daemon.SecretRef("file:"+secret)

	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := readiness{listening: make(chan struct{})}, make(chan error, 1)
	go func() { ended <- daemon.ServeConsole(ctx, config, filepath.Join(t.TempDir(), "data"), &ready) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ServeConsole = %v", err)
		}
	})
	select {
	case <-ready.listening:
	case err := <-ended:
		ended <- err
		t.Fatalf("ServeConsole = %v", err)
	}
	seen := *s.Server
	seen.Console = config.PublicURL + "/"
	return &site{&seen, s.log}
}

// restart starts a service that was stopped, where it was.
func (s *site) restart(t testing.TB, tls bool) (stop func()) {
	t.Helper()
	listen, _ := url.Parse(s.API) // it was reached there
	idpListen, _ := url.Parse(s.IDP)
	ctx, cancel := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{Listen: listen.Host, IDPListen: idpListen.Host, Data: s.Data, TLS: tls})
	if err != nil {
		cancel()
		t.Fatalf("starting patrold again: %v", err)
	}
	stop = sync.OnceFunc(func() {
		s.HTTP.CloseIdleConnections()
		cancel()
		if err := dev.Wait(ctx); err != nil {
			t.Errorf("stopping patrold: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// readiness is a log that tells when the service listens.
type readiness struct {
	listening chan struct{}
	once      sync.Once
}

func (r *readiness) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(`"serving"`)) || bytes.Contains(line, []byte("msg=serving")) {
		r.once.Do(func() { close(r.listening) })
	}
	return len(line), nil
}

// freeAddress is one on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

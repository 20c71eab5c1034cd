package daemon

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"path/filepath"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/devidp"
)

// devConsole is the console of a development service: its people sign in at
// the identity provider beside it, as signIn says.
func devConsole(o DevOptions, m material, l listeners, signIn api.SignIn, client *http.Client) (c consoleSetup, err error) {
	config := signin.Config{
		Kind: signIn.Kind, Authority: signIn.Authority, Scopes: []string{signIn.Scope},
		ClientID: m.Clients.Console.ID, Secret: m.Clients.Console.Secret, RedirectURI: l.consoleRedirect(), HTTP: client,
	}
	if o.ConsoleCertificate {
		config.Secret = ""
		if config.Certificate, err = signin.ParseCertificate(m.ConsoleCertificate.pem()); err != nil {
			return c, fmt.Errorf("the console's certificate: %w", err)
		}
	}
	c.provider, err = signin.New(config)
	return c, err
}

// consoleRedirect is where the identity provider sends browsers back to.
func (l listeners) consoleRedirect() string { return l.apiURL + console.DefaultRedirectPath }

// devConsoleClient is the console to the identity provider, with redirect URIs
// of others that stand in for it.
func devConsoleClient(m material, redirects ...string) (devidp.Client, error) {
	certificate, err := x509.ParseCertificate(m.ConsoleCertificate.Certificate)
	if err != nil {
		return devidp.Client{}, fmt.Errorf("reading the console's certificate: %w", err)
	}
	return devidp.Client{
		ID: m.Clients.Console.ID, Name: "Patrol console", RedirectURIs: redirects,
		Secret: m.Clients.Console.Secret, Certificates: []*x509.Certificate{certificate},
	}, nil
}

// describeConsole is the console's client in dev.json. Its certificate is
// written where others find it.
func describeConsole(o DevOptions, m material, l listeners) (devClient, error) {
	c := m.Clients.Console
	c.RedirectURI = l.consoleRedirect()
	file, err := filepath.Abs(filepath.Join(o.Data, "console.pem"))
	if err != nil {
		return c, fmt.Errorf("finding the console's certificate: %w", err)
	}
	c.Certificate = file
	return c, replaceFile(file, m.ConsoleCertificate.pem())
}

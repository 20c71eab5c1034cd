package daemon

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// ConsoleConfig is the web console of the service. People sign in to it with the
// first issuer.
type ConsoleConfig struct {
	ClientConfig
	// SessionIdle is how long people stay signed in without doing anything, "8h"
	// by default, and SessionLife how long at all, "7d".
	SessionIdle Duration `toml:"session_idle"`
	SessionLife Duration `toml:"session_life"`
}

// ClientConfig is the application as which the console signs people in: a
// confidential client, or web application, at the provider.
type ClientConfig struct {
	ClientID string `toml:"client_id"`
	// ClientSecret refers to the application's secret. Exactly one of it and
	// ClientCertificate is required.
	ClientSecret SecretRef `toml:"client_secret"`
	// ClientCertificate refers to the application's certificate, with its chain
	// and private key in PEM. That of a certificate in a Key Vault is
	// "keyvault:https://VAULT.vault.azure.net/certificates/NAME".
	ClientCertificate SecretRef `toml:"client_certificate"`
	// RedirectPath is where the provider sends browsers back to, "/getAToken" by
	// default: the application's redirect URI is PublicURL and this.
	RedirectPath string `toml:"redirect_path"`
}

// consoleSetup is what a console is made from besides where it is and where its
// API is.
type consoleSetup struct {
	provider     signin.Provider // nil where there is no console
	off          error           // why there is none although one is configured
	redirectPath string
	idle, life   time.Duration // 0 is the default
}

func (c Config) prepareConsole(f *faults, secrets *secrets, signIn api.SignIn) consoleSetup {
	if c.Console == nil {
		return consoleSetup{}
	}
	checkSessions(f, "console.session_", c.Console.SessionIdle, c.Console.SessionLife)
	s := c.Console.prepare(f, "console", secrets, c.PublicURL, signin.Config{
		Kind: signIn.Kind, Authority: signIn.Authority, Scopes: strings.Fields(signIn.Scope),
	})
	s.idle, s.life = c.Console.SessionIdle.Duration, c.Console.SessionLife.Duration
	return s
}

func checkSessions(f *faults, at string, idle, life Duration) {
	f.add(at+"idle", idle.fault)
	f.add(at+"life", life.fault)
	if idle.Duration > durationOr(life, session.DefaultLife) {
		f.addf(at+"idle", "it is longer than a session lasts at all")
	}
}

func durationOr(d Duration, otherwise time.Duration) time.Duration {
	if d.Duration == 0 {
		return otherwise
	}
	return d.Duration
}

// prepare checks c, the keys of which stand under at, and has people sign in as
// in says. A certificate that has expired is no fault here: the API must not
// fail to start because of it.
func (c ClientConfig) prepare(f *faults, at string, secrets *secrets, publicURL string, in signin.Config) (s consoleSetup) {
	s.redirectPath = c.RedirectPath
	if s.redirectPath == "" {
		s.redirectPath = console.DefaultRedirectPath
	}
	f.add(at+".redirect_path", checkRedirectPath(s.redirectPath))
	in.ClientID, in.RedirectURI = c.ClientID, publicURL+s.redirectPath
	var err error
	switch {
	case c.ClientSecret != "" && c.ClientCertificate != "":
		err = errors.New("client_secret and client_certificate exclude each other: keep the certificate")
	case c.ClientSecret != "":
		if in.Secret, err = secrets.read(c.ClientSecret); err != nil {
			err = fmt.Errorf("client_secret: %w", err)
		}
	case c.ClientCertificate != "":
		if in.Certificate, err = secrets.readCertificate(c.ClientCertificate); err != nil {
			err = fmt.Errorf("client_certificate: %w", err)
		}
	default:
		err = errors.New("client_secret or client_certificate is missing: name what the application proves itself with at the provider")
	}
	if err != nil {
		f.add(at, err)
		return s
	}
	s.provider, err = signin.New(in)
	if err != nil && in.Certificate != nil && time.Now().After(in.Certificate.Expires()) {
		s.off, err = fmt.Errorf("%s: %w", at, err), nil
	}
	f.add(at, err)
	return s
}

// checkRedirectPath fails where the answer of a provider would not reach the
// console.
func checkRedirectPath(path string) error {
	if err := console.CheckRedirectPath(path); err != nil {
		return err
	}
	segments := strings.Split(strings.ToLower(path)+"/", "/")[1:]
	switch segments[0] {
	case "_apis", "healthz", "metrics", "oauth2", "openapi.yaml", "readyz", "verify":
		return fmt.Errorf("%q is the API's: choose another path, such as %q", path, console.DefaultRedirectPath)
	}
	if segments[1] == "_apis" {
		return fmt.Errorf("%q is the API's: choose another path, such as %q", path, console.DefaultRedirectPath)
	}
	return nil
}

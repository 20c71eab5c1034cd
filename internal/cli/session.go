package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/patrolhq/patrol/client"
)

// session is a connection to the service as a user.
type session struct {
	*client.Client
	target target
}

// connect prepares the calls to the service. It calls nobody yet.
func (p *program) connect() (*session, error) {
	t, err := p.target()
	if err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	hc, err := p.httpClient(t)
	if err != nil {
		return nil, err
	}
	token, err := p.tokens(t, hc)
	if err != nil {
		return nil, err
	}
	return &session{&client.Client{
		BaseURL: t.Server, Organization: t.Organization, Token: token, HTTP: hc, UserAgent: "patrol/" + version(),
	}, t}, nil
}

// check fails where it is not known whom to call.
func (t target) check() error {
	if t.Server == "" {
		return fail(exitUsage, "which server?").
			with("sign in with \"patrol login --server URL --organization NAME\", or add --server and --organization")
	}
	if t.Organization == "" && !ownHost(t.Server) {
		return fail(exitUsage, "which organization on %s?", t.Server).with("add --organization NAME")
	}
	return nil
}

// tokens is where the access token comes from: PATROL_TOKEN, else the profile.
func (p *program) tokens(t target, hc *http.Client) (func(context.Context) (string, error), error) {
	if token := p.givenToken(); token != "" {
		return func(context.Context) (string, error) { return token, nil }, nil
	}
	if t.name == "" {
		return nil, signedOut(t.Server)
	}
	source := &tokenSource{p.vault(), t.name, t.Server, hc, p.now}
	return source.token, nil
}

func (p *program) givenToken() string { return strings.TrimSpace(p.env("PATROL_TOKEN")) }

// ownHost reports whether the server's address names its organization, as the
// older ones of Azure DevOps do.
func ownHost(server string) bool {
	u, err := url.Parse(server)
	return err == nil && strings.HasSuffix(u.Hostname(), ".visualstudio.com")
}

// httpClient trusts the target's own certificate authority, too. It warns where
// tokens travel in the clear.
func (p *program) httpClient(t target) (*http.Client, error) {
	if exposed(t.Server) {
		p.notes.printf("%s %s is not https: everyone on the way can read the tokens\n", p.notes.warn("warning:"), t.Server)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if t.CAFile != "" {
		data, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fail(exitUsage, "reading the certificates to trust: %w", err).with("correct --ca-file")
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(data) {
			return nil, fail(exitUsage, "%s has no certificate in PEM", t.CAFile).with("correct --ca-file")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}, nil
}

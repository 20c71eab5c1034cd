package daemon_test

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// visitor is a person with a browser at a console.
type visitor struct {
	console string // its address, without a slash at the end
	http    *http.Client
	idp     *devidptest.Browser
	agent   http.Header // sent with every request
}

// newVisitor keeps cookies and follows redirects within the console.
func newVisitor(t *testing.T, console string, transport http.RoundTripper) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{console: strings.TrimSuffix(console, "/"), idp: devidptest.NewBrowser(transport), http: &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Host != via[0].URL.Host {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// page is what a browser shows in the end.
type page struct {
	status   int
	text     string
	address  *url.URL
	location string // of a redirect that leaves the console
	header   http.Header
}

func (v *visitor) get(t *testing.T, address string) page {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = v.console + address
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range v.agent {
		r.Header[name] = values
	}
	resp, err := v.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{resp.StatusCode, string(text), resp.Request.URL, resp.Header.Get("Location"), resp.Header}
}

// signIn opens a page as somebody whom the console does not know yet, signs in
// as the user of that name, and is back at the page.
func (v *visitor) signIn(t *testing.T, address, username string) page {
	t.Helper()
	p := v.get(t, address)
	if p.location == "" {
		t.Fatalf("GET %s = %d %s, want to be sent to sign in", address, p.status, p.text)
	}
	answer, err := v.idp.SignIn(t.Context(), p.location, username)
	if err != nil {
		t.Fatal(err)
	}
	return v.get(t, answer.URL.String())
}

// freeAddress is one that a service can have again after a restart.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestDevConsole signs in to the console of a development service by every
// kind of provider and credential, and is still signed in after a restart.
func TestDevConsole(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]daemon.DevOptions{
		"OpenID Connect":                     {},
		"OpenID Connect, with a certificate": {ConsoleCertificate: true},
		"Entra":                              {TLS: true},
		"Entra, with a certificate":          {TLS: true, ConsoleCertificate: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Data, o.Listen, o.IDPListen = t.TempDir(), freeAddress(t), freeAddress(t)
			s, stop := run(t, o)
			if _, err := alice(t, s).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "made by curl", Scope: "vso.code"}); err != nil {
				t.Fatal(err)
			}
			v := newVisitor(t, s.Console, s.HTTP.Transport)
			p := v.signIn(t, "/contoso/tokens", "alice@contoso.example")
			if p.status != http.StatusOK || p.address.Path != "/contoso/tokens" || !strings.Contains(p.text, "made by curl") {
				t.Errorf("after signing in: %s = %d %s, want the tokens", p.address.Path, p.status, p.text)
			}
			if got := p.header.Get("Strict-Transport-Security"); (got != "") != o.TLS {
				t.Errorf("Strict-Transport-Security: %q, TLS is %v", got, o.TLS)
			}
			stop()
			again, stop := run(t, o)
			defer stop()
			v.http.Transport = again.HTTP.Transport
			if p := v.get(t, "/contoso/tokens"); p.status != http.StatusOK || !strings.Contains(p.text, "made by curl") {
				t.Errorf("after a restart: %d, to %q, want to be signed in still", p.status, p.location)
			}
		})
	}
}

// TestDevDescribesConsole: what dev.json says of the console's client is there.
func TestDevDescribesConsole(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	file := s.Clients.Console.Certificate
	if !filepath.IsAbs(file) || fileMode(t, file) != 0o600 {
		t.Errorf("clients.console.certificate is %s, want an absolute path of a private file", file)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "-----BEGIN CERTIFICATE-----") || !strings.Contains(string(text), "-----BEGIN PRIVATE KEY-----") {
		t.Errorf("it has no certificate and key in PEM: %v", err)
	}
	if material, err := os.ReadFile(filepath.Join(s.Data, "material.json")); err != nil || strings.Contains(string(material), file) {
		t.Errorf("material.json names the process's files, or is not there: %v", err)
	}
}

// TestDevOldDirectory: a directory of a version without a console goes on.
func TestDevOldDirectory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first, stop := run(t, daemon.DevOptions{Data: data})
	stop()
	forget(t, filepath.Join(data, "material.json"), "consoleCertificate")
	if err := os.Remove(filepath.Join(data, "console.pem")); err != nil {
		t.Fatal(err)
	}
	second, stop := run(t, daemon.DevOptions{Data: data, ConsoleCertificate: true})
	if first.Clients.Console.Secret != second.Clients.Console.Secret || first.Tenant != second.Tenant {
		t.Error("the directory has other ids or secrets than before")
	}
	made, err := os.ReadFile(filepath.Join(data, "console.pem"))
	if err != nil {
		t.Error(err)
	}
	newVisitor(t, second.Console, second.HTTP.Transport).signIn(t, "/", "bob@contoso.example")
	stop()
	_, stop = run(t, daemon.DevOptions{Data: data})
	defer stop()
	if kept, err := os.ReadFile(filepath.Join(data, "console.pem")); err != nil || string(kept) != string(made) {
		t.Errorf("the certificate is another after a restart: %v", err)
	}
}

package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

// user is a person with a configuration directory, who runs patrol in this
// process.
type user struct {
	dir     string
	env     map[string]string
	keyring keyring
	now     func() time.Time
	// name is whom the browser signs in.
	name    string
	browser *devidptest.Browser
	// device makes the browser enter the code that patrol shows.
	device bool
	// answers are what the user types on a terminal, if there is one.
	answers string
	// watch also gets what is said besides results.
	watch io.Writer
	// terminal makes standard output one of that width.
	terminal int
}

const alice = "alice@contoso.example"

// newUser is alice on a machine without a keyring. A nil transport is that of
// package http.
func newUser(t *testing.T, transport http.RoundTripper) *user {
	t.Helper()
	return &user{
		dir: t.TempDir(), env: map[string]string{}, keyring: noKeyring{}, now: time.Now,
		name: alice, browser: devidptest.NewBrowser(transport),
	}
}

// result is what a run of patrol leaves.
type result struct {
	code       int
	out, notes string
}

// patrol runs the command line.
func (u *user) patrol(t *testing.T, args ...string) result {
	t.Helper()
	return u.patrolUntil(t.Context(), t, args...)
}

// patrolUntil runs the command line until it or ctx ends.
func (u *user) patrolUntil(ctx context.Context, t *testing.T, args ...string) result {
	t.Helper()
	var out, notes shared
	p := &program{
		args: args, in: input{strings.NewReader(u.answers), u.answers != ""},
		out: output{w: &out, isTerminal: u.terminal > 0, width: u.terminal}, notes: output{w: &notes},
		env: func(name string) string { return u.env[name] },
		dir: u.dir, keyring: u.keyring, now: u.now,
		open: func(address string) error { return u.browser.Open(t.Context(), address, u.name) },
	}
	if u.watch != nil {
		p.notes.w = io.MultiWriter(&notes, u.watch)
	}
	if u.device {
		p.notes.w = io.MultiWriter(&notes, &approver{t: t, user: u})
	}
	code := p.run(ctx)
	return result{code, out.String(), notes.String()}
}

// must is patrol where it has to succeed.
func (u *user) must(t *testing.T, args ...string) result {
	t.Helper()
	r := u.patrol(t, args...)
	if r.code != exitOK {
		t.Fatalf("patrol %s = %d, want 0:\n%s", strings.Join(args, " "), r.code, r.notes)
	}
	return r
}

// shared is a buffer for several goroutines.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// approver reads what patrol says and does as it is told on another device.
type approver struct {
	t    *testing.T
	user *user
}

var deviceMessage = regexp.MustCompile(`open (\S+) on any device and enter the code (\S+)`)

func (a *approver) Write(p []byte) (int, error) {
	if m := deviceMessage.FindSubmatch(p); m != nil {
		if err := a.user.browser.ApproveDevice(a.t.Context(), string(m[1]), string(m[2]), a.user.name); err != nil {
			a.t.Errorf("entering the code: %v", err)
		}
	}
	return len(p), nil
}

// noKeyring is that of a machine without one.
type noKeyring struct{}

var errNoKeyring = errors.New("no keyring here")

func (noKeyring) Get(string, string) (string, error) { return "", errNoKeyring }
func (noKeyring) Set(string, string, string) error   { return errNoKeyring }

// startShort starts a patrold whose access tokens live for a minute only, so
// that patrol renews them each time.
func startShort(t *testing.T, tls bool) (daemon.DevInfo, http.RoundTripper) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{
		Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: t.TempDir(), TLS: tls, AccessTokenLife: time.Minute,
	})
	if err != nil {
		stop()
		t.Fatalf("starting patrold: %v", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if tls {
		transport.TLSClientConfig = trusting(dev.Info.CAFile)
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := dev.Wait(ctx); err != nil {
			t.Errorf("stopping patrold: %v", err)
		}
	})
	return dev.Info, transport
}

// trusting is a configuration that trusts the certificates in a file.
func trusting(file string) *tls.Config {
	roots := x509.NewCertPool()
	data, err := os.ReadFile(file)
	if err != nil || !roots.AppendCertsFromPEM(data) {
		panic("no certificates in " + file)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

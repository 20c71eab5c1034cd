package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	oskeyring "github.com/zalando/go-keyring"
	"go.uber.org/goleak"

	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestMain makes the test binary be patrol, and the browsers that patrol may
// start, for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){
		"patrol": func() {
			oskeyring.MockInitWithError(errors.New("tests have no keyring"))
			os.Exit(Main())
		},
		"xdg-open": browse, // Linux
		"open":     browse, // macOS
	})
}

// leakless fails where tests leave goroutines behind.
type leakless struct{ *testing.M }

func (l leakless) Run() int {
	code := l.M.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// browse is a browser whose person signs in as $BROWSER_USER.
func browse() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if file := os.Getenv("CA_FILE"); file != "" {
		transport.TLSClientConfig = trusting(file)
	}
	browser := devidptest.NewBrowser(transport)
	if err := browser.Open(context.Background(), os.Args[1], os.Getenv("BROWSER_USER")); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// The scripts of testdata run against patrold over http, whose users sign in by
// OpenID Connect; those of testdata/tls over https, where Microsoft's library
// signs them in.
func TestScripts(t *testing.T)    { runScripts(t, "testdata", patroltest.Options{}) }
func TestTLSScripts(t *testing.T) { runScripts(t, "testdata/tls", patroltest.Options{TLS: true}) }

func runScripts(t *testing.T, dir string, o patroltest.Options) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir+"/home")
			e.Setenv("XDG_CONFIG_HOME", e.WorkDir+"/home/config")
			e.Setenv("AppData", e.WorkDir+"/home/config")
			e.Setenv("TZ", "UTC")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // else each run sleeps for a second
			e.Setenv("BROWSER_USER", "alice@contoso.example")
			sv := &service{t: e.T().(testing.TB), dir: e.WorkDir, options: o}
			e.Values["service"] = sv
			return sv.start(e.Setenv)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "capture": capture, "mode": mode, "verify": verify, "restart": restart,
		},
	})
}

// service is the patrold of a script.
type service struct {
	*patroltest.Server
	t       testing.TB
	dir     string
	options patroltest.Options
}

// start starts it, and leaves access tokens to it in files, because variables
// are logged.
func (s *service) start(setenv func(key, value string)) error {
	s.Server = patroltest.Start(s.t, s.options)
	s.options.Data = s.Data
	setenv("SERVER", s.API)
	setenv("CA_FILE", s.CAFile)
	for _, user := range []string{"alice", "bob"} {
		if err := os.WriteFile(filepath.Join(s.dir, user+".token"), []byte(s.Token(s.t, user)), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// restart stops the service, which writes down what it knows, and starts it
// with the same data at another address.
func restart(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: restart")
	}
	s := ts.Value("service").(*service)
	s.Stop()
	ts.Check(s.start(ts.Setenv))
}

// verify STATUS SCOPE FILE lets git present the secret in a file where SCOPE is
// needed.
func verify(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: verify status scope file")
	}
	s := ts.Value("service").(*service)
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.Verify.URL+"/contoso/"+args[1], nil)
	ts.Check(err)
	r.SetBasicAuth("", strings.TrimSpace(ts.ReadFile(args[2])))
	r.Header.Set("User-Agent", "git/2.47.3")
	resp, err := s.HTTP.Do(r)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	if got := strconv.Itoa(resp.StatusCode); got != args[0] {
		ts.Fatalf("verify answered %s, want %s", got, args[0])
	}
}

// exits CODE PROGRAM ARG... runs a program that must end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program arg...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// capture VARIABLE FILE [PATTERN] sets a variable to the file's text, or to the
// first group that the pattern matches in it.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: capture variable file [pattern]")
	}
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	if len(args) == 3 {
		found := regexp.MustCompile(args[2]).FindStringSubmatch(text)
		if len(found) < 2 {
			ts.Fatalf("%s does not match %q:\n%s", args[1], args[2], text)
		}
		text = found[1]
	}
	ts.Setenv(args[0], text)
}

// mode PERMISSIONS FILE checks the permissions of a file.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode permissions file")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

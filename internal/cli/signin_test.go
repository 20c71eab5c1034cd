package cli

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	oskeyring "github.com/zalando/go-keyring"
	"golang.org/x/oauth2"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// kinds are the two ways to sign in: OpenID Connect over http, and Microsoft's
// library over https.
var kinds = []struct {
	name string
	tls  bool
}{{"oidc", false}, {"entra", true}}

func TestDeviceCode(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := patroltest.Start(t, patroltest.Options{TLS: kind.tls})
			u := newUser(t, s.HTTP.Transport)
			u.device = true
			r := u.must(t, "login", "--device-code", "--server", s.API, "--organization", "contoso", "--ca-file", s.CAFile)
			if want := "as alice@contoso.example (profile contoso)"; !strings.Contains(r.notes, want) {
				t.Errorf("login says %q, want %q in it", r.notes, want)
			}
			if r := u.must(t, "whoami"); !strings.Contains(r.out, "user\talice@contoso.example\n") {
				t.Errorf("whoami = %q, want alice", r.out)
			}
		})
	}
}

// TestRenewal has every command renew the access token, several at once: an
// issuer that takes a refresh token only once must not see it twice.
func TestRenewal(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			info, transport := startShort(t, kind.tls)
			u := newUser(t, transport)
			u.must(t, "login", "--server", info.API, "--organization", "contoso", "--ca-file", info.CAFile)
			before, _, err := vault{u.dir + "/credentials", u.keyring}.load("contoso")
			if err != nil {
				t.Fatal(err)
			}
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					if r := u.patrol(t, "list"); r.code != exitOK {
						t.Errorf("list = %d, want 0: %s", r.code, r.notes)
					}
				})
			}
			group.Wait()
			after, _, err := vault{u.dir + "/credentials", u.keyring}.load("contoso")
			if err != nil {
				t.Fatal(err)
			}
			if before.AccessToken == after.AccessToken {
				t.Error("the access token is the old one, want a new one")
			}
			if before.User != after.User || before.Server != after.Server || before.SignIn != after.SignIn {
				t.Errorf("renewed for %s at %s, want %s at %s", after.User, after.Server, before.User, before.Server)
			}
		})
	}
}

// TestRenewalRefused signs the user out as far as the issuer is concerned.
func TestRenewalRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			info, transport := startShort(t, kind.tls)
			u := newUser(t, transport)
			u.must(t, "login", "--server", info.API, "--organization", "contoso", "--ca-file", info.CAFile)
			v := vault{u.dir + "/credentials", u.keyring}
			c, _, err := v.load("contoso")
			if err != nil {
				t.Fatal(err)
			}
			c.RefreshToken, c.Cache = "refused", refused(t, c.Cache)
			if err := v.save("contoso", c, nil); err != nil {
				t.Fatal(err)
			}
			r := u.patrol(t, "list")
			if r.code != exitAuthentication || !strings.Contains(r.notes, "patrol: your sign-in is no longer valid: AADSTS") || strings.Contains(r.notes, "Trace ID") ||
				!strings.Contains(r.notes, "hint: run \"patrol login --profile contoso\"\n") {
				t.Errorf("list = %d %q, want %d and how to sign in", r.code, r.notes, exitAuthentication)
			}
		})
	}
}

// refused is the cache of Microsoft's library with refresh tokens that the
// issuer does not accept.
func refused(t *testing.T, cache []byte) []byte {
	t.Helper()
	if len(cache) == 0 {
		return nil
	}
	var parts map[string]map[string]map[string]any
	if err := json.Unmarshal(cache, &parts); err != nil {
		t.Fatalf("reading the cache: %v", err)
	}
	for _, token := range parts["RefreshToken"] {
		token["secret"] = "refused"
	}
	cache, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// TestKeyring is not parallel: the keyring in memory is one for the process.
func TestKeyring(t *testing.T) {
	oskeyring.MockInit()
	s := patroltest.Start(t, patroltest.Options{})
	u := newUser(t, nil)
	u.keyring = osKeyring{}
	r := u.must(t, "login", "--server", s.API, "--organization", "contoso")
	if want := "sealed with a key in the keyring"; !strings.Contains(r.notes, want) {
		t.Errorf("login says %q, want %q in it", r.notes, want)
	}
	file := u.dir + "/credentials/contoso.json"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.Contains(text, `"sealed"`) || strings.Contains(text, "oken") || strings.Contains(text, "alice") {
		t.Errorf("the file of the credentials is %.60s..., want them sealed", text)
	}
	if r := u.must(t, "whoami"); !strings.Contains(r.out, "storage\tkeyring\n") {
		t.Errorf("whoami = %q, want storage keyring", r.out)
	}

	u.must(t, "login", "--server", s.API, "--organization", "fabrikam")
	if err := os.Rename(file, u.dir+"/credentials/fabrikam.json"); err != nil {
		t.Fatal(err)
	}
	if r := u.patrol(t, "list"); r.code != exitAuthentication {
		t.Errorf("list with swapped files = %d, want %d", r.code, exitAuthentication)
	}
	u.must(t, "login")

	oskeyring.MockInit() // the key is gone
	if r := u.patrol(t, "list"); r.code != exitAuthentication || !strings.Contains(r.notes, "hint: unlock the keyring") {
		t.Errorf("list without the key = %d %q, want %d and a hint", r.code, r.notes, exitAuthentication)
	}
	u.must(t, "login")
	u.must(t, "list")

	if err := oskeyring.Set(keyringService, keyringUser, "nonsense"); err != nil {
		t.Fatal(err)
	}
	if r := u.patrol(t, "list"); r.code != exitAuthentication || !strings.Contains(r.notes, "damaged") {
		t.Errorf("list with a damaged key = %d %q, want %d", r.code, r.notes, exitAuthentication)
	}
	oskeyring.MockInitWithError(errors.New("locked"))
	if r := u.patrol(t, "list"); r.code != exitAuthentication || !strings.Contains(r.notes, "locked") {
		t.Errorf("list with a locked keyring = %d %q, want %d", r.code, r.notes, exitAuthentication)
	}
}

// TestIDTokenOfAnotherSignIn replays an ID token, which has the nonce of the
// sign-in that it is from.
func TestIDTokenOfAnotherSignIn(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	signIn, err := client.SignIn(t.Context(), s.HTTP, s.API)
	if err != nil {
		t.Fatal(err)
	}
	ctx := oidc.ClientContext(t.Context(), s.HTTP)
	issuer, err := openID{signIn, s.HTTP}.discover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	issuer.RedirectURL = "http://127.0.0.1:1/callback"
	answer, err := newUser(t, nil).browser.SignIn(ctx, issuer.AuthCodeURL("state", oidc.Nonce("theirs")), alice)
	if err != nil {
		t.Fatal(err)
	}
	token, err := issuer.Exchange(ctx, answer.Values().Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		token *oauth2.Token
		nonce string
		want  int
	}{
		{"its own", token, "theirs", exitOK},
		{"another sign-in", token, "ours", exitAuthentication},
		{"a device's", token, "", exitAuthentication},
		{"no ID token", &oauth2.Token{AccessToken: token.AccessToken}, "theirs", exitAuthentication},
		{"broken ID token", token.WithExtra(map[string]any{"id_token": token.Extra("id_token").(string) + "A"}), "theirs", exitAuthentication},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := exitOK
			_, err := issuer.credentials(ctx, test.token, test.nonce)
			if f, ok := errors.AsType[*failure](err); ok {
				got = f.code
			} else if err != nil {
				t.Fatalf("credentials = %v, want a failure", err)
			}
			if got != test.want {
				t.Errorf("credentials = %v, want code %d", err, test.want)
			}
		})
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	const issuer = "https://issuer.example"
	for _, test := range []struct {
		name, query string
		status      int
		code        string
		err         string
	}{
		{"code", "?state=S&code=C", 200, "C", ""},
		{"code with issuer", "?state=S&code=C&iss=https%3A%2F%2Fissuer.example", 200, "C", ""},
		{"another issuer", "?state=S&code=C&iss=https%3A%2F%2Fevil.example", 200, "", "another issuer answered"},
		{"refusal", "?state=S&error=access_denied&error_description=They+said+no%0ATrace:+1", 200, "", "They said no"},
		{"refusal without words", "?state=S&error=access_denied", 200, "", "access_denied"},
		{"no code", "?state=S", 200, "", "the issuer sent no code"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l, err := listenLoopback("S", issuer)
			if err != nil {
				t.Fatal(err)
			}
			defer l.close()
			for _, stray := range []string{"", "?code=C", "?state=T&code=C", "?state=T&error=access_denied"} {
				if got := get(t, l.address()+stray); got != http.StatusBadRequest {
					t.Errorf("GET %q = %d, want 400", stray, got)
				}
			}
			if got := get(t, l.address()+test.query); got != test.status {
				t.Errorf("GET %q = %d, want %d", test.query, got, test.status)
			}
			get(t, l.address()+"?state=S&code=LATER")
			code, err := l.wait(t.Context())
			if code != test.code && err == nil || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
				t.Errorf("wait = %q, %v, want %q, %q", code, err, test.code, test.err)
			}
		})
	}
}

func get(t *testing.T, address string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("Referrer-Policy = %q, want no-referrer", got)
	}
	return resp.StatusCode
}

// onWrite calls itself when it is written to.
type onWrite func()

func (f onWrite) Write(p []byte) (int, error) {
	f()
	return len(p), nil
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := patroltest.Start(t, patroltest.Options{TLS: kind.tls})
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			u := newUser(t, s.HTTP.Transport)
			u.watch = onWrite(interrupt)
			r := u.patrolUntil(ctx, t, "login", "--device-code", "--server", s.API, "--organization", "contoso", "--ca-file", s.CAFile)
			if r.code != exitInterrupted || !strings.HasSuffix(r.notes, "patrol: interrupted\n") {
				t.Errorf("login = %d %q, want %d", r.code, r.notes, exitInterrupted)
			}
			if r := u.must(t, "profile", "list"); r.out != "" {
				t.Errorf("profile list = %q, want none", r.out)
			}
		})
	}
}

// TestNoSecrets greps all that patrol says for the secrets that it handles.
func TestNoSecrets(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			info, transport := startShort(t, kind.tls)
			u := newUser(t, transport)
			var said strings.Builder
			secrets := map[string]string{}
			run := func(args ...string) {
				r := u.patrol(t, args...)
				said.WriteString(r.out + r.notes)
				c, _, err := vault{u.dir + "/credentials", u.keyring}.load("contoso")
				if err != nil {
					t.Fatal(err)
				}
				secrets[c.AccessToken], secrets[c.RefreshToken] = "access token", "refresh token"
			}
			file := u.dir + "/ci.token"
			run("login", "--server", info.API, "--organization", "contoso", "--ca-file", info.CAFile)
			for _, args := range [][]string{
				{"create", "--name", "ci", "--scope", "app_token", "--output", file}, {"rotate", "ci", "--output", file},
			} {
				run(args...)
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				secrets[strings.TrimSpace(string(data))] = "personal access token"
			}
			for _, args := range [][]string{
				{"list"},
				{"list", "--json"},
				{"show", "ci"},
				{"show", "ci", "--json"},
				{"update", "ci", "--scope", "vso.code", "--json"},
				{"whoami"},
				{"whoami", "--json"},
				{"create", "--name", "x", "--scope", "nonsense"},
				{"list", "--organization", "nowhere"},
				{"revoke", "--yes", "ci"},
				{"profile", "list", "--json"},
			} {
				run(args...)
			}
			delete(secrets, "")
			if len(secrets) < 3 {
				t.Fatalf("there are %d secrets, want more", len(secrets))
			}
			for secret, kind := range secrets {
				if strings.Contains(said.String(), secret) {
					t.Errorf("patrol printed the %s", kind)
				}
			}
		})
	}
}

func TestAdapt(t *testing.T) {
	t.Parallel()
	entra := api.SignIn{Kind: api.SignInEntra, Authority: "https://login.microsoftonline.com/organizations", Scope: "s", ClientID: "c"}
	oidc := api.SignIn{Kind: api.SignInOIDC, Authority: "https://issuer.example", Scope: "s", ClientID: "c"}
	for _, test := range []struct {
		name  string
		flags loginFlags
		in    api.SignIn
		want  api.SignIn
		code  int
	}{
		{"nothing", loginFlags{}, entra, entra, exitOK},
		{"client", loginFlags{clientID: "d"}, oidc, api.SignIn{Kind: api.SignInOIDC, Authority: "https://issuer.example", Scope: "s", ClientID: "d"}, exitOK},
		{"tenant", loginFlags{tenant: "contoso.example"}, entra, api.SignIn{Kind: api.SignInEntra, Authority: "https://login.microsoftonline.com/contoso.example", Scope: "s", ClientID: "c"}, exitOK},
		{"tenant that is none", loginFlags{tenant: "a/b?c"}, entra, entra, exitUsage},
		{"tenant elsewhere", loginFlags{tenant: "contoso.example"}, oidc, oidc, exitUsage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := test.flags.adapt(test.in)
			code := exitOK
			if f, ok := errors.AsType[*failure](err); ok {
				code = f.code
			}
			if code != test.code || got != test.want {
				t.Errorf("adapt = %+v, %v, want %+v, code %d", got, err, test.want, test.code)
			}
		})
	}
}

func TestRefusalOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"discovery": {errors.New(`400 Bad Request: {"error":"invalid_tenant","error_description":"AADSTS90002: Tenant 'x' not found. Trace ID: 1 Correlation ID: 2","trace_id":"1"}`), "AADSTS90002: Tenant 'x' not found."},
		"lines":     {errors.New(`400: {"error":"invalid_grant","error_description":"AADSTS70008: expired.\r\nTrace ID: 1"}`), "AADSTS70008: expired."},
		"code only": {errors.New(`400: {"error":"invalid_grant"}`), "invalid_grant"},
		"no answer": {errors.New("503 Service Unavailable: <html>"), ""},
		"no OAuth":  {errors.New(`500: {"message":"sorry"}`), ""},
	} {
		if got := refusalOf(c.err); got != c.want {
			t.Errorf("%s: refusalOf = %q, want %q", name, got, c.want)
		}
	}
}

func TestBrowserError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Time{})
	defer cancel()
	p := &program{started: true}
	f := p.explain(browserError(ctx, ctx.Err()))
	if f.code != exitAuthentication || f.Error() != "nobody signed in within 5 minutes" || f.hint != "run \"patrol login\" again, or use --device-code" {
		t.Errorf("browserError = %d %q %q, want who did not sign in, and what to do", f.code, f, f.hint)
	}
}

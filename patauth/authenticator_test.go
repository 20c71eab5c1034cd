package patauth_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/patauth"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		endpoint, id, secret, realm string
		want                        string // in the error; "" for none
	}{
		"https":               {endpoint: "https://patrol.example/oauth2/introspect"},
		"https below a path":  {endpoint: "https://tools.example:8443/patrol/oauth2/introspect"},
		"http on localhost":   {endpoint: "http://localhost:8080/oauth2/introspect"},
		"http on 127.0.0.1":   {endpoint: "http://127.0.0.1:8080/oauth2/introspect"},
		"http on 127.8.9.1":   {endpoint: "http://127.8.9.1/oauth2/introspect"},
		"http on ::1":         {endpoint: "http://[::1]:8080/oauth2/introspect"},
		"http elsewhere":      {endpoint: "http://patrol.example/oauth2/introspect", want: "not https"},
		"http, private":       {endpoint: "http://10.0.0.1/oauth2/introspect", want: "not https"},
		"http, any address":   {endpoint: "http://0.0.0.0/oauth2/introspect", want: "not https"},
		"looks like loopback": {endpoint: "http://127.0.0.1.example/oauth2/introspect", want: "not https"},
		"another scheme":      {endpoint: "ftp://127.0.0.1/", want: "not https"},
		"empty":               {endpoint: "", want: "Patrol's ends in /oauth2/introspect"},
		"no host":             {endpoint: "https:///oauth2/introspect", want: "with a host"},
		"no URL":              {endpoint: "https://pass:word@[", want: "with a host"},
		"user and password":   {endpoint: "https://pass:word@patrol.example/", want: "without user"},
		"query":               {endpoint: "https://patrol.example/?key=word", want: "query"},
		"fragment":            {endpoint: "https://patrol.example/#word", want: "fragment"},
		"no id":               {endpoint: "https://patrol.example/", id: "-", want: "ClientID"},
		"no secret":           {endpoint: "https://patrol.example/", secret: "-", want: "ClientSecret"},
		"realm of two lines":  {endpoint: "https://patrol.example/", realm: "a\r\nSet-Cookie: b", want: "Realm"},
	}
	given := func(value, otherwise string) string {
		if value == "-" {
			return ""
		}
		return otherwise
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := patauth.New(patauth.Config{
				IntrospectionURL: test.endpoint, ClientID: given(test.id, clientID),
				ClientSecret: given(test.secret, clientSecret), Realm: test.realm,
			})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v, want an error with %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "word") {
				t.Errorf("New = %v: it tells the password", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		organization string
		pat          string
		scopes       []string
		want         patauth.Kind
	}{
		"any scope":               {pat: goodPAT},
		"one scope":               {pat: goodPAT, scopes: []string{"vso.code"}},
		"two scopes":              {pat: goodPAT, scopes: []string{"vso.code", "vso.packaging"}},
		"an organization":         {organization: "contoso", pat: goodPAT},
		"organization and scope":  {organization: "contoso", pat: goodPAT, scopes: []string{"vso.code"}},
		"one scope too many":      {pat: goodPAT, scopes: []string{"vso.code", "vso.build"}, want: patauth.KindForbidden},
		"another organization":    {organization: "fabrikam", pat: goodPAT, want: patauth.KindForbidden},
		"empty scope":             {pat: goodPAT, scopes: []string{""}, want: patauth.KindForbidden},
		"two scopes in one":       {pat: goodPAT, scopes: []string{"vso.code vso.packaging"}, want: patauth.KindForbidden},
		"scope with a line break": {pat: goodPAT, scopes: []string{"vso.code\r\n"}, want: patauth.KindForbidden},
		"nothing":                 {pat: "", want: patauth.KindMissing},
		"an unknown one":          {pat: strings.ToUpper(goodPAT), want: patauth.KindInvalid},
		"spaces":                  {pat: goodPAT + " ", want: patauth.KindInvalid},
		"a list":                  {pat: goodPAT + ",x", want: patauth.KindInvalid},
		"another parameter":       {pat: goodPAT + "&scope=", want: patauth.KindInvalid},
		"control characters":      {pat: goodPAT + "\x00", want: patauth.KindInvalid},
		"no end of it":            {pat: strings.Repeat(goodPAT, 1000), want: patauth.KindInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := start(t, new(patrol))
			config.Organization = test.organization
			identity, err := newAuthenticator(t, config).Check(t.Context(), test.pat, test.scopes...)
			if got := patauth.KindOf(err); got != test.want || (err == nil) != (test.want == "") {
				t.Fatalf("Check = %v, want kind %q", err, test.want)
			}
			want := patauth.Identity{}
			if test.want == "" {
				want = patauth.Identity{
					Subject: "5a7c2f0e-1d7b-4f3c-9b1e-0a4f5b6c7d8e", Username: "alice@contoso.example",
					Organization: "contoso", Tenant: "ed7dc393-de23-4397-833f-5f2fd66911e5",
					Scopes: []string{"vso.code", "vso.packaging"}, AuthorizationID: "f92b6b04-bb26-84df-8ac8-4551f0d7ddba",
					Issued: time.Unix(1_795_000_000, 0).UTC(), Expires: time.Unix(1_797_592_000, 0).UTC(),
				}
			}
			if diff := cmp.Diff(want, identity); diff != "" {
				t.Errorf("Check (-want +got):\n%s", diff)
			}
		})
	}
}

// TestQuestion: what Patrol is sent is this and nothing more.
func TestQuestion(t *testing.T) {
	t.Parallel()
	p := new(patrol)
	config := start(t, p)
	config.Organization = "Contoso & Söhne"
	_, err := newAuthenticator(t, config).Check(t.Context(), goodPAT, "vso.code", "vso.packaging")
	if err != nil {
		t.Fatalf("Check = %v", err)
	}
	r := p.asked[0]
	if want := "POST /oauth2/introspect"; r.Method+" "+r.URL.String() != want {
		t.Errorf("asked by %s %s, want %s", r.Method, r.URL, want)
	}
	want := url.Values{"token": {goodPAT}, "organization": {"Contoso & Söhne"}, "scope": {"vso.code vso.packaging"}}
	if diff := cmp.Diff(want, r.PostForm); diff != "" {
		t.Errorf("form (-want +got):\n%s", diff)
	}
	id, secret, _ := r.BasicAuth()
	if id, secret := unescape(t, id), unescape(t, secret); id != clientID || secret != clientSecret {
		t.Errorf("client authentication is not that of the configuration")
	}
	if _, sent := r.Header["Idempotency-Key"]; sent {
		t.Error("an Idempotency-Key is sent")
	}
}

func unescape(t *testing.T, text string) string {
	t.Helper()
	plain, err := url.QueryUnescape(text)
	if err != nil {
		t.Errorf("client authentication is not encoded: %v", err)
	}
	return plain
}

func TestIn(t *testing.T) {
	t.Parallel()
	config := start(t, new(patrol))
	auth := newAuthenticator(t, config)
	for organization, want := range map[string]patauth.Kind{"contoso": "", "fabrikam": patauth.KindForbidden, "": patauth.KindForbidden} {
		if _, err := auth.In(organization).Check(t.Context(), goodPAT); patauth.KindOf(err) != want {
			t.Errorf("In(%q).Check = %v, want kind %q", organization, err, want)
		}
	}
	if _, err := auth.Check(t.Context(), goodPAT); err != nil {
		t.Errorf("Check = %v: In has changed the one that it was called on", err)
	}
}

func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	config := start(t, new(patrol))
	auth := newAuthenticator(t, config)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		for _, value := range []any{config, &config, auth, *auth, []any{config}, struct{ C patauth.Config }{config}, struct{ c *patauth.Authenticator }{auth}} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, clientSecret) || strings.Contains(text, hex.EncodeToString([]byte(clientSecret))) {
				t.Errorf("%s of %T tells the secret", verb, value)
			}
		}
	}
}

// TestConnectionsAreKept: a busy service does not shake hands for each
// request, as it would on the default transport, which keeps two.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const callers, rounds = 16, 20
	var opened atomic.Int32
	server := httptest.NewUnstartedServer(new(patrol))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	auth := newAuthenticator(t, patauth.Config{IntrospectionURL: server.URL, ClientID: clientID, ClientSecret: clientSecret})
	for range rounds {
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				if _, err := auth.Check(t.Context(), goodPAT); err != nil {
					t.Errorf("Check = %v", err)
				}
			})
		}
		group.Wait()
	}
	if n := opened.Load(); n > 2*callers {
		t.Errorf("%d connections were opened for %d callers", n, callers)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	config := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	}))
	_, err := newAuthenticator(t, config).Check(ctx, goodPAT)
	if patauth.KindOf(err) != patauth.KindUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("Check = %v, want it given up", err)
	}
}

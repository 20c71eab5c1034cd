package patauth_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/patauth"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// whoami answers with the caller's name.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	identity, ok := patauth.FromContext(r.Context())
	fmt.Fprintf(w, "%s %t %v", identity.Username, ok, r.Header["Authorization"])
})

func TestPresented(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers []string
		want    string
	}{
		"password":                 {[]string{basic("any", goodPAT)}, goodPAT},
		"password, no user":        {[]string{basic("", goodPAT)}, goodPAT},
		"user, empty password":     {[]string{basic(goodPAT, "")}, goodPAT},
		"password before user":     {[]string{basic(goodPAT, "other")}, "other"},
		"colon in the password":    {[]string{basic("any", "a:b")}, "a:b"},
		"Bearer":                   {[]string{"Bearer " + goodPAT}, goodPAT},
		"schemes in any case":      {[]string{"bEARER " + goodPAT}, goodPAT},
		"several spaces":           {[]string{"Bearer   " + goodPAT}, goodPAT},
		"none":                     {nil, ""},
		"empty":                    {[]string{""}, ""},
		"two":                      {[]string{basic("any", goodPAT), "Bearer " + goodPAT}, ""},
		"the same twice":           {[]string{basic("any", goodPAT), basic("any", goodPAT)}, ""},
		"one and an empty one":     {[]string{basic("any", goodPAT), ""}, ""},
		"a list in one":            {[]string{basic("any", goodPAT) + ", " + basic("any", goodPAT)}, ""},
		"no scheme":                {[]string{goodPAT}, ""},
		"another scheme":           {[]string{"Token " + goodPAT}, ""},
		"Basic, not base64":        {[]string{"Basic " + goodPAT + "!"}, ""},
		"Basic without colon":      {[]string{"Basic " + base64.StdEncoding.EncodeToString([]byte(goodPAT))}, ""},
		"Basic, both empty":        {[]string{basic("", "")}, ""},
		"scheme and nothing":       {[]string{"Bearer"}, ""},
		"scheme, spaces, nothing":  {[]string{"Bearer   "}, ""},
		"the scheme's name longer": {[]string{"BearerX " + goodPAT}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = test.headers
			if got := patauth.Presented(r); got != test.want {
				t.Errorf("Presented(%q) = %q, want %q", test.headers, got, test.want)
			}
		})
	}
}

func TestRequire(t *testing.T) {
	t.Parallel()
	const challenge = `Basic realm="the \"packages\" \\ of contoso", charset="UTF-8"`
	tests := map[string]struct {
		authorization []string
		scopes        []string
		status        int
		challenge     string
		body          string // in the answer
		kind          patauth.Kind
	}{
		"Basic":             {authorization: []string{basic("any", goodPAT)}, status: 200, body: "alice@contoso.example true []"},
		"Bearer":            {authorization: []string{"Bearer " + goodPAT}, scopes: []string{"vso.code"}, status: 200, body: "alice@contoso.example true []"},
		"none":              {status: 401, challenge: challenge, body: "send it as the password", kind: patauth.KindMissing},
		"two headers":       {authorization: []string{"Bearer " + goodPAT, "Bearer " + goodPAT}, status: 401, challenge: challenge, body: "send it as the password", kind: patauth.KindMissing},
		"unknown":           {authorization: []string{basic("any", "noise")}, status: 401, challenge: challenge, body: "create another", kind: patauth.KindInvalid},
		"out of scope":      {authorization: []string{basic("any", goodPAT)}, scopes: []string{"vso.build", "vso.wiki"}, status: 403, body: "scope vso.build and vso.wiki for organization \"contoso\"", kind: patauth.KindForbidden},
		"several in one":    {authorization: []string{"Bearer " + goodPAT + ", Bearer " + goodPAT}, status: 401, challenge: challenge, body: "create another", kind: patauth.KindInvalid},
		"not even a scheme": {authorization: []string{goodPAT}, status: 401, challenge: challenge, body: "send it as the password", kind: patauth.KindMissing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []patauth.Kind
			config := start(t, new(patrol))
			config.Organization, config.Realm = "contoso", `the "packages" \ of contoso`
			config.OnRefusal = func(r *http.Request, err *patauth.Error) {
				told = append(told, err.Kind)
				if r.Header["Authorization"] != nil {
					t.Error("OnRefusal is shown the credentials")
				}
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header["Authorization"] = test.authorization
			w := httptest.NewRecorder()
			newAuthenticator(t, config).Require(test.scopes...)(whoami).ServeHTTP(w, r)
			if w.Code != test.status || w.Header().Get("WWW-Authenticate") != test.challenge || !strings.Contains(w.Body.String(), test.body) {
				t.Errorf("status %d, challenge %q, body %q, want %d, %q and %q", w.Code, w.Header().Get("WWW-Authenticate"), w.Body, test.status, test.challenge, test.body)
			}
			if test.status != 200 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the refusal may be cached")
			}
			if diff := cmp.Diff(test.authorization, r.Header["Authorization"]); diff != "" {
				t.Errorf("the request given to the middleware was changed (-want +got):\n%s", diff)
			}
			var want []patauth.Kind
			if test.kind != "" {
				want = []patauth.Kind{test.kind}
			}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("OnRefusal (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKeepAuthorization(t *testing.T) {
	t.Parallel()
	config := start(t, new(patrol))
	config.KeepAuthorization = true
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+goodPAT)
	w := httptest.NewRecorder()
	newAuthenticator(t, config).Require()(whoami).ServeHTTP(w, r)
	if want := "[Bearer " + goodPAT + "]"; !strings.HasSuffix(w.Body.String(), want) {
		t.Error("the handler does not see the credentials")
	}
}

// TestRevokedAtOnce: no yes outlives the token.
func TestRevokedAtOnce(t *testing.T) {
	t.Parallel()
	p := new(patrol)
	handler := newAuthenticator(t, start(t, p)).Require("vso.code")(whoami)
	status := func() int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", basic("any", goodPAT))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	for range 3 {
		if got := status(); got != 200 {
			t.Fatalf("status %d before the revocation, want 200", got)
		}
	}
	p.revoke()
	if got := status(); got != 401 {
		t.Errorf("status %d after the revocation, want 401", got)
	}
	if len(p.asked) != 4 {
		t.Errorf("Patrol was asked %d times about 4 requests", len(p.asked))
	}
}

func TestRequirePanics(t *testing.T) {
	t.Parallel()
	auth := newAuthenticator(t, start(t, new(patrol)))
	for _, scope := range []string{"", "vso.code vso.build", "vso.code\t", `vso."code"`, "vso.cöde"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Require(%q) did not panic", scope)
				}
			}()
			auth.Require("vso.code", scope)
		}()
	}
}

func TestNothingIsKnownElsewhere(t *testing.T) {
	t.Parallel()
	if identity, ok := patauth.FromContext(t.Context()); ok {
		t.Errorf("FromContext = %v, true, want nothing", identity)
	}
}

// TestBodyIsNotAskedFor: who waits for a go-ahead before sending a body (git
// does, and curl) is refused before it is sent.
func TestBodyIsNotAskedFor(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(newAuthenticator(t, start(t, new(patrol))).Require()(whoami))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 401 {
		t.Errorf("status %d, want 401 and no go-ahead", response.StatusCode)
	}
}

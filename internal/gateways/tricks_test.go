package gateways_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
)

// trick is a request as it goes over the wire, with LF for line ends. In it
// stand %GOOD for a header with a token for reading, %UNDER for one with a
// token for something else, and %HOST for the gateway.
type trick = string

// refused are requests that must not reach the service, whatever they add.
var refused = map[string]trick{
	"query":                         "GET /x?scope=-&org=- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"query, other scopes":           "GET /x?scope=vso.code&org=contoso HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"query, repeated":               "GET /x?scope=&scope=-&org=-&org=contoso&org= HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"query, encoded":                "GET /x%3Fscope=-%26org=- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"query, never ending":           "GET /x?%23%00%0d%0a%26scope=- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"query, question marks":         "GET /x????/verify/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"fragment":                      "GET /x#/verify/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"address dropped on the way":    "GET /x HTTP/1.1\nHost: %HOST\nConnection: X-Forwarded-For\nX-Forwarded-For: 10.0.0.9\n%UNDER\n\n",
	"path of another question":      "GET /verify/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots":                          "GET /../../-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots, encoded":                 "GET /%2e%2e/%2e%2e/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots and slashes, encoded":     "GET /..%2f..%2F-%2f- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots, encoded twice":           "GET /%252e%252e/%252e%252e/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots and backslashes":          "GET /..\\..\\-\\- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"dots and parameters":           "GET /..;/..;/-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"slashes":                       "GET //-//- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"a slash too many":              "GET //x HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"the gateway's own location":    "GET /_patrol HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"that, slash":                   "GET /_patrol/ HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"that, slashes":                 "GET //_patrol HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"that, encoded":                 "GET /%5fpatrol?scope=- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"that, dots":                    "GET /x/../_patrol HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"the location for errors":       "GET /@unknown HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"a URL for a target":            "GET https://%HOST/x HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"Patrol for a target":           "GET https://patrol.example/verify/-/- HTTP/1.1\nHost: patrol.example\n%UNDER\n\n",
	"a target without slash":        "GET x HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"a star for a target":           "OPTIONS * HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"a target that goes on":         "GET .code/../-/- HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"placeholders":                  "GET /{env.HOME}/{http.vars.demand}?{query} HTTP/1.1\nHost: %HOST\n%UNDER\n\n",
	"no host":                       "GET /x HTTP/1.1\n%UNDER\n\n",
	"an empty host":                 "GET /x HTTP/1.1\nHost:\n%UNDER\n\n",
	"another host":                  "GET /x HTTP/1.1\nHost: patrol.example\n%UNDER\n\n",
	"two hosts":                     "GET /x HTTP/1.1\nHost: %HOST\nHost: patrol.example\n%UNDER\n\n",
	"HTTP/1.0":                      "GET /x HTTP/1.0\nHost: %HOST\n%UNDER\n\n",
	"HTTP/1.0 without host":         "GET /x HTTP/1.0\n%UNDER\n\n",
	"HTTP/1.0 with a go-ahead":      "PUT /x HTTP/1.0\nHost: %HOST\nContent-Length: 4\nExpect: 100-continue\n%GOOD\n\nbody",
	"HTTP/0.9":                      "GET /x\n\n",
	"HTTP/2 in clear":               "GET /x HTTP/1.1\nHost: %HOST\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n%UNDER\n\n",
	"a web socket":                  "GET /x HTTP/1.1\nHost: %HOST\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n%UNDER\n\n",
	"original URL":                  "GET /x HTTP/1.1\nHost: %HOST\nX-Original-URI: /verify/-/-\nX-Original-URL: /verify/-/-\nX-Rewrite-URL: /verify/-/-\n%UNDER\n\n",
	"forwarded":                     "GET /x HTTP/1.1\nHost: %HOST\nX-Forwarded-For: 10.0.0.9\nX-Forwarded-Uri: /verify/-/-\nX-Forwarded-Host: patrol.example\nX-Forwarded-Prefix: /verify/-/-\nForwarded: host=patrol.example\n%UNDER\n\n",
	"method of another header":      "PUT /x HTTP/1.1\nHost: %HOST\nContent-Length: 0\nX-HTTP-Method-Override: GET\nX-Forwarded-Method: GET\nX-Original-Method: GET\n%GOOD\n\n",
	"method in lower case":          "get /x HTTP/1.1\nHost: %HOST\n%GOOD\n\n",
	"method with a tail":            "GETTY /x HTTP/1.1\nHost: %HOST\n%GOOD\n\n",
	"method TRACE":                  "TRACE /x HTTP/1.1\nHost: %HOST\n%GOOD\n\n",
	"method CONNECT":                "CONNECT %HOST HTTP/1.1\nHost: %HOST\n%GOOD\n\n",
	"identity, asserted":            "GET /x HTTP/1.1\nHost: %HOST\nX-Patrol-Subject: a\nX-Patrol-User: admin\nX-Patrol-Scopes: app_token\nRemote-User: admin\n\n",
	"two headers, the first bad":    "GET /x HTTP/1.1\nHost: %HOST\n%UNDER\n%GOOD\n\n",
	"two headers, the last bad":     "GET /x HTTP/1.1\nHost: %HOST\n%GOOD\n%UNDER\n\n",
	"two headers, both good":        "GET /x HTTP/1.1\nHost: %HOST\n%GOOD\n%GOOD\n\n",
	"two headers, one empty":        "GET /x HTTP/1.1\nHost: %HOST\nAuthorization:\n%GOOD\n\n",
	"two tokens in a header":        "GET /x HTTP/1.1\nHost: %HOST\n%GOOD, Bearer x\n\n",
	"a header that goes on":         "GET /x HTTP/1.1\nHost: %HOST\n%UNDER\n x\n%GOOD\n\n",
	"a space before the colon":      "GET /x HTTP/1.1\nHost: %HOST\nAuthorization : Bearer x\n%GOOD\n\n",
	"another header's token":        "GET /x HTTP/1.1\nHost: %HOST\nProxy-%GOOD\n\n",
	"a token in the query":          "GET /x?access_token=%TOKEN HTTP/1.1\nHost: %HOST\n\n",
	"a token in a cookie":           "GET /x HTTP/1.1\nHost: %HOST\nCookie: token=%TOKEN; authorization=%TOKEN\n\n",
	"a token in the URL":            "GET https://any:%TOKEN@%HOST/x HTTP/1.1\nHost: %HOST\n\n",
	"the token dropped on the way":  "GET /x HTTP/1.1\nHost: %HOST\nConnection: Authorization\nX-Patrol-User: admin\n%UNDER\n\n",
	"a body":                        "GET /x HTTP/1.1\nHost: %HOST\nContent-Length: 20\n%UNDER\n\ntoken=x&scope=-&org=",
	"a body in chunks":              "GET /x HTTP/1.1\nHost: %HOST\nTransfer-Encoding: chunked\n%UNDER\n\n4\nbody\n0\n\n",
	"a body and a go-ahead":         "PUT /x HTTP/1.1\nHost: %HOST\nContent-Length: 4\nExpect: 100-continue\n%UNDER\n\nbody",
	"two lengths":                   "GET /x HTTP/1.1\nHost: %HOST\nContent-Length: 0\nContent-Length: 4\n%UNDER\n\nbody",
	"length and chunks":             "GET /x HTTP/1.1\nHost: %HOST\nContent-Length: 4\nTransfer-Encoding: chunked\n%UNDER\n\n0\n\n",
	"chunks of another name":        "GET /x HTTP/1.1\nHost: %HOST\nTransfer-Encoding: xchunked\n%UNDER\n\n0\n\n",
	"a trailer":                     "PUT /x HTTP/1.1\nHost: %HOST\nTransfer-Encoding: chunked\nTrailer: Authorization\n\n4\nbody\n0\n%GOOD\n\n",
	"a request in a body":           "PUT /x HTTP/1.1\nHost: %HOST\nConnection: close\nContent-Length: 45\n%UNDER\n\nGET /y HTTP/1.1\nHost: a\nAccept: */*\n\n\n\n",
	"a second request":              "GET /x HTTP/1.1\nHost: %HOST\n%UNDER\n\nGET /y HTTP/1.1\nHost: %HOST\nConnection: close\n\n",
	"a length for the question":     "POST /x HTTP/1.1\nHost: %HOST\nConnection: close\nContent-Length: 63\nTransfer-Encoding: identity\n%UNDER\n\nGET /verify/-/- HTTP/1.1\nHost: localhost\nAuthorization: a\n\n",
	"content type of introspection": "POST /oauth2/introspect HTTP/1.1\nHost: %HOST\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 7\n%UNDER\n\ntoken=x",
}

// TestNothingWidens: no request reaches the service because of what its caller
// adds, and Patrol is never asked another question than the page's, nor for
// another address than the caller's.
func TestNothingWidens(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	good, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	under, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code"})
	w := watch(t, patrol)
	s := newSurroundings(t, w.question)
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for name, trick := range refused {
			t.Run(name, func(t *testing.T) {
				for _, scheme := range []func(string) string{bearer, func(secret string) string { return basic("any", secret) }} {
					status := send(t, s, g, trick, scheme(good), scheme(under), good)
					if reached := s.backend.take(); len(reached) > 0 {
						t.Errorf("status %d, and it reached the service as %+v", status, withoutHeaders(reached))
					}
				}
			})
		}
		for _, asked := range w.take() {
			if asked != "/verify/contoso/vso.packaging for 127.0.0.1" && asked != "/verify/contoso/vso.packaging_write for 127.0.0.1" {
				t.Errorf("Patrol was asked %s", asked)
			}
		}
	})
}

// send sends a trick, and returns the status of the last answer.
func send(t *testing.T, s *surroundings, g *gateway, trick, good, under, token string) (status int) {
	t.Helper()
	wire := strings.NewReplacer("\n", "\r\n", "%GOOD", "Authorization: "+good, "%UNDER", "Authorization: "+under, "%HOST", g.address, "%TOKEN", token).Replace(trick)
	return exchange(t, g.address, &tls.Config{RootCAs: s.roots}, wire)
}

// TestSmuggledIdentity: with a good token, the service is told who its owner is
// and nothing that the caller says about that.
func TestSmuggledIdentity(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	secret, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	want := identityOf(t, c, id)
	s := newSurroundings(t, patrol)
	tests := map[string]trick{
		"as Patrol spells it":  "X-Patrol-User: admin",
		"in lower case":        "x-patrol-user: admin",
		"in upper case":        "X-PATROL-USER: admin",
		"twice":                "X-Patrol-User: admin\nX-Patrol-User: root",
		"empty":                "X-Patrol-User:",
		"empty, then not":      "X-Patrol-User:\nX-Patrol-User: admin",
		"with underscores":     "X_Patrol_User: admin",
		"with one underscore":  "X-Patrol_User: admin",
		"with the other":       "X_Patrol-User: admin",
		"with dots":            "X.Patrol.User: admin",
		"with a space":         "X-Patrol-User : admin",
		"with a tab":           "X-Patrol-User\t: admin",
		"continued":            "X-Other: a\n X-Patrol-User: admin",
		"continuing":           "X-Patrol-User: admin\n and root",
		"after a return":       "X-Other: a\rX-Patrol-User: admin",
		"of each kind":         "X-Patrol-Subject: a\nX-Patrol-User: b\nX-Patrol-Organization: c\nX-Patrol-Scopes: app_token\nX-Patrol-Authorization-Id: d\nX-Patrol-Expires: e",
		"to be dropped":        "Connection: X-Patrol-User, X-Patrol-Subject",
		"to be dropped, later": "Connection: keep-alive\nConnection: x-patrol-user",
		"as a placeholder":     "X-Patrol-User: {http.request.header.Authorization}",
	}
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for name, headers := range tests {
			t.Run(name, func(t *testing.T) {
				status := send(t, s, g, "GET /x HTTP/1.1\nHost: %HOST\n"+headers+"\n%GOOD\n\n", bearer(secret), "", "")
				reached := s.backend.take()
				if status >= 400 && len(reached) == 0 {
					return // refused for its form
				}
				if status != 200 || len(reached) != 1 {
					t.Fatalf("status %d, and it reached the service %d times", status, len(reached))
				}
				for name, values := range reached[0].identity() {
					if len(want[name]) != 1 || len(values) != 1 || values[0] != want[name][0] {
						t.Errorf("the service is told %s: %q, want %q", name, values, want[name])
					}
				}
				if got := len(reached[0].identity()); got != len(want) {
					t.Errorf("the service is told %d of %d headers", got, len(want))
				}
				if reached[0].header["Authorization"] != nil {
					t.Error("the token reached the service")
				}
			})
		}
	})
}

// TestPassesWhole: what is let through arrives as it was sent.
func TestPassesWhole(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	secret, _ := create(t, clientOf(t, p, "contoso"), api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
	s := newSurroundings(t, patrol)
	tests := map[string]struct {
		trick     trick
		uri, body string
	}{
		"a path of all kinds": {"GET /a//b/%2e%2e/%2F?scope=-&a=%20+%26 HTTP/1.1\nHost: %HOST\n%GOOD\n\n", "/a//b/%2e%2e/%2F?scope=-&a=%20+%26", ""},
		"a body":              {"PUT /x HTTP/1.1\nHost: %HOST\nContent-Length: 4\n%GOOD\n\nbody", "/x", "body"},
		"a body in chunks":    {"PUT /x HTTP/1.1\nHost: %HOST\nTransfer-Encoding: chunked\n%GOOD\n\n4\nbody\n0\n\n", "/x", "body"},
		"a body of a GET":     {"GET /x HTTP/1.1\nHost: %HOST\nContent-Length: 4\n%GOOD\n\nbody", "/x", "body"},
		"a go-ahead":          {"PUT /x HTTP/1.1\nHost: %HOST\nContent-Length: 4\nExpect: 100-continue\n%GOOD\n\nbody", "/x", "body"},
		"HTTP/1.0":            {"GET /x HTTP/1.0\nHost: %HOST\n%GOOD\n\n", "/x", ""},
		"a body in HTTP/1.0":  {"PUT /x HTTP/1.0\nHost: %HOST\nContent-Length: 4\n%GOOD\n\nbody", "/x", "body"},
		"names in lower case": {"GET /x HTTP/1.1\nhost: %HOST\nauthorization: Bearer %TOKEN\n\n", "/x", ""},
		"schemes in any case": {"GET /x HTTP/1.1\nHost: %HOST\nAuthorization: bEaReR %TOKEN\n\n", "/x", ""},
	}
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				send(t, s, g, test.trick, basic("any", secret), "", secret)
				reached := s.backend.take()
				if len(reached) != 1 || reached[0].uri != test.uri || reached[0].body != test.body {
					t.Errorf("reached the service as %+v, want %s with body %q", withoutHeaders(reached), test.uri, test.body)
				}
			})
		}
	})
}

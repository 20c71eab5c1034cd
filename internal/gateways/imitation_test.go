package gateways_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// Envoy and Traefik are not run here, for want of Debian packages: these tests
// ask Patrol in the form in which they do, where the page's files send them.

// TestEnvoyForm: Envoy keeps the caller's method, and asks for its prefix with
// the caller's path and query behind, unchanged.
func TestEnvoyForm(t *testing.T) {
	t.Parallel()
	const file = "/etc/envoy/envoy.yaml"
	prefix := quoted(t, file, `path_prefix: (\S+)`)
	if prefix != "/verify/contoso/vso.packaging_write/" {
		t.Fatalf("the page's prefix is %s: these tests are about another", prefix)
	}
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	good, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
	under, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	elsewhere, _ := create(t, clientOf(t, p, "fabrikam"), api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
	identity := identityOf(t, c, id)

	ask := directly(t, patrol)
	for _, target := range []string{
		"/", "/x", "/x/y?z", "/?scope=-&org=-", "/?scope=vso.packaging&org=fabrikam", "/?org=&scope=", "/?org=contoso&org=-", "/?%", "/?;",
		"//", "//-/-", "/../../-/-", "/../-", "/..", "/.", "/%2e%2e/%2e%2e/-/-", "/..%2f..%2f-%2f-", "/%2F", "/%00",
		"/..;/-/-", "/\\..\\-", "/+vso.code", "+vso.code", "/\xff", "/ü", "/{x}", "/^`|\"<>", "/verify/-/-", "/" + strings.Repeat("x", 8000),
		"/?" + strings.Repeat("scope=-&", 1000),
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "BREW"} {
			for authorization, want := range map[string]int{
				basic("any", good): 200, bearer(good): 200, bearer(under): 403, basic(under, ""): 403, bearer(elsewhere): 403, bearer("noise"): 401, "": 401,
			} {
				status, header := ask(method+" "+prefix+strings.TrimPrefix(target, "/"), "Content-Length: 0", "X-Forwarded-For: 10.0.0.9", "Authorization: "+authorization)
				if status != want {
					t.Fatalf("%s %.60s: status %d, want %d", method, target, status, want)
				}
				checkIdentity(t, target, status, header, identity)
			}
		}
	}
}

// TestEnvoyMalformed: a target that is none is refused even with a good token.
func TestEnvoyMalformed(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	good, _ := create(t, clientOf(t, p, "contoso"), api.PatTokenCreateRequest{Scope: "app_token"})
	for _, target := range []string{"%", "%zz", "x y", "\x01", "x\tHTTP/1.1"} {
		wire := "GET /verify/contoso/vso.packaging_write/" + target + " HTTP/1.1\r\nHost: a\r\nAuthorization: " + bearer(good) + "\r\nConnection: close\r\n\r\n"
		if status := exchange(t, patrol.address, trusting(t, patrol), wire); status != 400 {
			t.Errorf("%q: status %d, want 400", target, status)
		}
	}
}

// TestTraefikForm: Traefik asks the same address for all, by GET, and says in
// headers what it is about, some of which the caller may have a hand in.
func TestTraefikForm(t *testing.T) {
	t.Parallel()
	const file = "/etc/traefik/dynamic/packages.yaml"
	read := strings.TrimPrefix(quoted(t, file, `address: (\S+)`), "https://patrol.example")
	write := strings.TrimPrefix(quoted(t, file, `may-write:(?s:.*?)address: (\S+)`), "https://patrol.example")
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	good, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	under, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.code"})
	identity := identityOf(t, c, id)

	ask := directly(t, patrol)
	for _, headers := range [][]string{
		{"X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: packages.example", "X-Forwarded-Uri: /x", "X-Forwarded-For: 10.0.0.9"},
		{"X-Forwarded-Method: GET", "X-Forwarded-Host: patrol.example", "X-Forwarded-Uri: /verify/-/-?scope=-&org=-", "X-Forwarded-For: 127.0.0.1, ::1"},
		{"X-Forwarded-Uri: /verify/-/-", "X-Original-Url: /verify/-/-", "X-Rewrite-Url: /verify/-/-", "X-Http-Method-Override: OPTIONS", "Forwarded: host=x"},
		{"X-Patrol-User: admin", "X-Patrol-Scopes: app_token", "X-Patrol-Subject:"},
		{"Expect: 100-continue", "Accept: application/json;api-version=9.9", "Accept-Encoding: gzip, br", "Content-Type: text/html", "Git-Protocol: version=2"},
		{"Cookie: a=b", "Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Upgrade: h2c"},
	} {
		for question, want := range map[string]int{
			read + " " + basic("any", good): 200, read + " " + bearer(good): 200, write + " " + bearer(good): 403, read + " " + bearer(under): 403, read + " ": 401,
		} {
			path, authorization, _ := strings.Cut(question, " ")
			status, header := ask("GET "+path, append(headers, "Authorization: "+authorization)...)
			if status != want {
				t.Fatalf("%s with %q: status %d, want %d", path, headers, status, want)
			}
			checkIdentity(t, path, status, header, identity)
		}
	}
}

// checkIdentity: an answer says whose the token is where it is good, and only
// there.
func checkIdentity(t *testing.T, about string, status int, header http.Header, identity map[string][]string) {
	t.Helper()
	got := arrival{header: header}.identity()
	delete(got, "X-Patrol-Reason")
	want := map[string][]string{}
	if status == 200 {
		want = identity
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%.60s: identity (-want +got):\n%s", about, diff)
	}
}

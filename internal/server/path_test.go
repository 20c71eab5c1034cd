package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPaths: the same resource under every spelling of its path.
func TestPaths(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	want := names(append(alice.page(t).PatTokens, alice.named(t, "t")))
	for _, path := range []string{
		"/contoso/_apis/tokens/pats", "/contoso/_apis/Tokens/Pats", "/Contoso/_apis/tokens/pats", "/CONTOSO/_APIS/TOKENS/PATS",
		"/contoso/_apis/tokens/pats/", "/contoso/_apis/Tokens/Pats/", "/" + contosoID + "/_apis/tokens/pats",
		"/" + strings.ToUpper(contosoID) + "/_apis/tokens/pats", "/contoso/%5Fapis/tokens/p%61ts", "/c%6Fntoso/_apis/tokens/pats",
	} {
		a := alice.do(t, http.MethodGet, path+"?"+version, "")
		if a.Status != http.StatusOK {
			t.Errorf("GET %s = %d %s, want 200", path, a.Status, a.Body)
			continue
		}
		if diff := cmp.Diff(want, decodeNames(t, a)); diff != "" {
			t.Errorf("GET %s (-want +got):\n%s", path, diff)
		}
	}
}

func decodeNames(t testing.TB, a answer) []string {
	t.Helper()
	var list []string
	for _, token := range decode[struct {
		PatTokens []struct{ DisplayName string }
	}](t, a.Body).PatTokens {
		list = append(list, token.DisplayName)
	}
	return list
}

// TestNoRoute: paths are taken as they are, never cleaned.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	alice.named(t, "t")
	before := s.dump(t)
	for _, path := range []string{
		"/", "//", "/contoso", "/contoso/", "/_apis", "/_apis/", "/_apis/tokens/pats", "/contoso/_apis/tokens/pats/x", "/contoso/_apis/tokens/pats//",
		"/contoso//_apis/tokens/pats", "//contoso/_apis/tokens/pats", "/contoso/_apis//tokens/pats", "/contoso/_apis/tokens%2Fpats",
		"/contoso%2F_apis/tokens/pats", "/contoso/_apis/tokens/%2e%2e/tokens/pats", "/contoso/_apis/tokens/../tokens/pats", "/x/../contoso/_apis/tokens/pats",
		"/./contoso/_apis/tokens/pats", "/contoso/_apis/tokens/pats/..", "/contoso/_apis/tokens/pats/.", "/contoso/_apis/tokens/pats%00", "/contoso/_apis/tokens/pats%20",
		"/contoso/_apis/tokens/pats;v=1", "/contoso\\_apis/tokens/pats", "/contoso/project/_apis/tokens/pats", "/contoso/_apis/patrol/signin", "/contoso/_apis/patrol/organizations",
		"/contoso/healthz", "/healthz/x", "/contoso/_apis/tokens/pats/11111111-2222-4333-8444-555555555555", "/contoso/_apis/openapi.yaml", "/openapi.yaml/x",
		"/_apis/_apis/patrol/signin", "/contoso/_apis/resourceareas/11111111-2222-4333-8444-555555555555", "/contoso/_APİS/tokens/pats",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			target := path
			if !strings.Contains(path, "?") {
				target += "?" + version
			}
			a := alice.wrong(t, method, target, "")
			if got, want := faultOf(t, a), (fault{http.StatusNotFound, "VssResourceNotFoundException"}); got != want {
				t.Errorf("%s %s = %v, want %v", method, path, got, want)
			}
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("paths that lead nowhere changed (-before +after):\n%s", diff)
	}
}

func TestNoOrganization(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	for organization, shown := range map[string]string{
		"contosso": "contosso", "..": "..", "%2e": ".", "%20": " ", "contoso%00": "contoso?", "%3Cscript%3E": "<script>", "%FF": "\ufffd",
		"11111111-2222-4333-8444-555555555555": "11111111-2222-4333-8444-555555555555", strings.Repeat("a", 300): strings.Repeat("a", 200),
	} {
		a := alice.wrong(t, http.MethodGet, "/"+organization+"/_apis/tokens/pats?"+version, "")
		if got, want := faultOf(t, a), (fault{http.StatusNotFound, "HostDoesNotExistException"}); got != want {
			t.Errorf("organization %s = %v, want %v", organization, got, want)
		}
		if got, want := message(t, a), `TF400898: The organization "`+shown+`" does not exist here: check its name in the URL.`; got != want {
			t.Errorf("organization %s: message %q, want %q", organization, got, want)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	alice.named(t, "t")
	before := s.dump(t)
	want := fault{http.StatusMethodNotAllowed, "HttpRequestMethodNotAllowedException"}
	for path, allow := range map[string]string{
		"/contoso/_apis/tokens/pats": "DELETE, GET, HEAD, POST, PUT", "/contoso/_apis/patrol/scopes": "GET, HEAD", "/contoso/_apis/patrol/usage": "GET, HEAD",
		"/contoso/_apis": "OPTIONS", "/contoso/_apis/connectiondata": "GET, HEAD", "/healthz": "GET, HEAD", "/_apis/patrol/signin": "GET, HEAD", "/_apis/patrol/organizations": "GET, HEAD",
	} {
		for _, method := range []string{"PATCH", "TRACE", "CONNECT", "PURGE", "get", "GET2", "X-" + strings.Repeat("Y", 300)} {
			if method == http.MethodConnect {
				continue // the client would ask for a tunnel
			}
			a := alice.wrong(t, method, path+"?"+version, "")
			if got := faultOf(t, a); got != want || a.Header.Get("Allow") != allow {
				t.Errorf("%s %s = %v, Allow %q, want %v, Allow %q", method, path, got, a.Header.Get("Allow"), want, allow)
			}
			if len(a.Body) > 1000 {
				t.Errorf("%.10s: the answer has %d bytes", method, len(a.Body))
			}
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("wrong methods changed (-before +after):\n%s", diff)
	}
}

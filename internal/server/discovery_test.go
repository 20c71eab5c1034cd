package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// TestScopes: the catalogue is what can be asked for, every name of it.
func TestScopes(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	a := alice.do(t, http.MethodGet, "/contoso/_apis/patrol/scopes?"+version, "")
	got := decode[api.Collection[api.Scope]](t, a.Body)
	if diff := cmp.Diff(api.Collect(api.AzureDevOpsScopes()), got); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if got, want := a.Header.Get("Content-Type"), "application/json; charset=utf-8; api-version=7.2-preview.1"; got != want {
		t.Errorf("Content-Type = %q, want %q", got, want)
	}
	var all []string
	for _, scope := range got.Value {
		if scope.Name != "app_token" {
			all = append(all, scope.Name)
		}
	}
	made := alice.create(t, encode(t, api.PatTokenCreateRequest{DisplayName: "all", Scope: strings.Join(all, " ")}))
	if got := len(strings.Fields(made.Scope)); got != len(all) {
		t.Errorf("a token with every scope has %d, want %d", got, len(all))
	}
	if got, want := faultOf(t, alice.do(t, http.MethodGet, "/contoso/_apis/patrol/scopes", "")), (fault{400, "VssVersionNotSpecifiedException"}); got != want {
		t.Errorf("scopes without a version = %v, want %v", got, want)
	}
}

// TestDiscoveryNeedsNoVersion, and takes any: the SDKs send what they like.
func TestDiscoveryNeedsNoVersion(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	robot := caller{s, "Bearer " + s.robotToken(t), "contoso"}
	for path, method := range map[string]string{
		"/contoso/_apis": http.MethodOptions, "/contoso/_apis/": http.MethodOptions, "/contoso/_apis/Tokens": http.MethodOptions,
		"/contoso/_apis/Location": http.MethodOptions, "/contoso/_apis/Patrol": http.MethodOptions,
		"/contoso/_apis/ConnectionData": http.MethodGet, "/contoso/_apis/ResourceAreas": http.MethodGet,
	} {
		for _, version := range []string{"", "?api-version=1.0", "?api-version=5.2-preview.1", "?api-version=nonsense"} {
			if a := alice.wrong(t, method, path+version, ""); a.Status != http.StatusOK {
				t.Errorf("%s %s%s = %d %s, want 200", method, path, version, a.Status, a.Body)
			}
		}
		if a := (caller{site: s}).wrong(t, method, path, ""); a.Status != http.StatusUnauthorized {
			t.Errorf("%s %s without a credential = %d, want 401", method, path, a.Status)
		}
		// Who may not manage tokens may still find out who it is.
		if a := robot.do(t, method, path, ""); a.Status != http.StatusOK {
			t.Errorf("%s %s by an application = %d %s, want 200", method, path, a.Status, a.Body)
		}
	}
}

// TestNoSignInPages: no answer is a page or a redirect, whoever asks.
func TestNoSignInPages(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, authorization := range []string{"", "Bearer junk", "Basic eDp5"} {
		c := caller{s, authorization, "contoso"}
		a := c.wrong(t, http.MethodGet, c.pats(), "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8", "User-Agent", "Mozilla/5.0", "X-TFS-FedAuthRedirect", "")
		if got, want := faultOf(t, a), (fault{401, unauthorized}); got != want || a.Header.Get("Location") != "" {
			t.Errorf("a browser with %q = %v, Location %q, want %v", authorization, got, a.Header.Get("Location"), want)
		}
	}
}

// TestNamesBeyondASCII: headers carry as much of a name as they can, bodies
// all of it.
func TestNamesBeyondASCII(t *testing.T) {
	t.Parallel()
	zoe := start(t, options{}).as(t, "zoë")
	a := zoe.do(t, http.MethodGet, "/contoso/_apis/connectiondata", "")
	if got, want := a.Header.Get("X-VSS-UserData"), zoeID+":zo?@contoso.example"; got != want {
		t.Errorf("X-VSS-UserData = %q, want %q", got, want)
	}
	who := decode[api.ConnectionData](t, a.Body).AuthenticatedUser
	if got, want := who.ProviderDisplayName+", "+who.Properties["Account"].Value, "Zoë 例, zoë@contoso.example"; got != want {
		t.Errorf("connection data names %q, want %q", got, want)
	}
}

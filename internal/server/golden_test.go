package server_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

var update = flag.Bool("update", false, "write what the service answers to testdata instead of comparing")

// TestGolden holds bodies against testdata byte by byte, so that the order of
// members, nulls and line ends stay as they are, and the full set of headers
// of one answer of each kind. What varies is masked.
func TestGolden(t *testing.T) {
	t.Parallel()
	var policy pat.Policy
	s := start(t, options{Policy: func(pat.Organization) (pat.Policy, error) {
		if policy.Creation.On {
			return policy, errors.New("unreadable")
		}
		return policy, nil
	}})
	alice := s.as(t, "alice")
	made := alice.do(t, http.MethodPost, "/contoso/_apis/tokens/pats?api-version=7.1-preview.1",
		`{"displayName":"<new_token> & more","scope":"app_token","validTo":"2026-12-24T23:46:23.3200Z","allOrgs":false}`)
	id := token(t, made).AuthorizationID
	other := alice.named(t, "other").AuthorizationID
	pats := func(version, query string) string {
		return "/contoso/_apis/tokens/pats?api-version=" + version + query
	}
	get := func(version, id string) answer {
		return alice.do(t, http.MethodGet, pats(version, "&authorizationId="+id), "")
	}
	const unknown = "11111111-2222-4333-8444-555555555555"

	golden(t, s, "create", made)
	golden(t, s, "get", get("7.1-preview.1", id))
	golden(t, s, "get-7.2", get("7.2-preview.1", id))
	golden(t, s, "get-unknown", get("7.1-preview.1", unknown))
	golden(t, s, "get-unknown-7.2", get("7.2-preview.1", unknown))
	golden(t, s, "get-numbers", alice.do(t, http.MethodGet, pats("7.2-preview.1", "&authorizationId="+unknown), "", "Accept", "application/json;enumsAsNumbers=true"))
	golden(t, s, "list", alice.do(t, http.MethodGet, pats("7.1-preview.1", "&sortByOption=displayName"), ""))
	golden(t, s, "list-more", alice.do(t, http.MethodGet, pats("7.1-preview.1", "&$top=1&sortByOption=displayName&isSortAscending=true"), "", "X-TFS-Session", aliceID))
	golden(t, s, "list-empty", alice.do(t, http.MethodGet, pats("7.1-preview.1", "&displayFilterOption=expired"), ""))
	golden(t, s, "update", alice.do(t, http.MethodPut, pats("7.1-preview.1", ""), `{"authorizationId":"`+id+`","allOrgs":true}`))
	golden(t, s, "create-refused-7.2", alice.do(t, http.MethodPost, pats("7.2-preview.1", ""), `{"displayName":"t","scope":"vso.nonsense"}`))
	golden(t, s, "revoke", alice.do(t, http.MethodDelete, pats("7.1-preview.1", "&authorizationId="+other), ""))
	golden(t, s, "revoke-unknown", alice.do(t, http.MethodDelete, pats("7.1-preview.1", "&authorizationId="+unknown), ""))
	golden(t, s, "revoke-no-id", alice.wrong(t, http.MethodDelete, pats("7.1-preview.1", ""), ""))
	golden(t, s, "no-version", alice.do(t, http.MethodGet, "/contoso/_apis/tokens/pats", ""))
	golden(t, s, "no-json", alice.wrong(t, http.MethodPost, pats("7.1-preview.1", ""), `{"displayName":`))
	golden(t, s, "no-method", alice.wrong(t, http.MethodPatch, pats("7.1-preview.1", ""), ""))
	golden(t, s, "no-route", alice.wrong(t, http.MethodGet, "/contoso/_apis/tokens/cats", ""))
	golden(t, s, "no-organization", alice.do(t, http.MethodGet, "/contosso/_apis/tokens/pats", ""))
	golden(t, s, "no-credential", caller{site: s}.wrong(t, http.MethodGet, pats("7.1-preview.1", ""), ""))
	golden(t, s, "service-principal", caller{s, "Bearer " + s.robotToken(t), ""}.do(t, http.MethodGet, pats("7.1-preview.1", ""), ""))
	s.use(t, pat.Usage{Token: uuid(t, id), At: epoch.Add(time.Minute), Address: "192.0.2.7", Agent: "git", Scope: "vso.code"})
	golden(t, s, "usage", alice.do(t, http.MethodGet, alice.usage(other, id), ""))
	golden(t, s, "usage-no-id", alice.wrong(t, http.MethodGet, alice.usage(), ""))
	golden(t, s, "resource-areas", alice.do(t, http.MethodGet, "/contoso/_apis/ResourceAreas", ""))
	golden(t, s, "resource-area", alice.do(t, http.MethodGet, "/contoso/_apis/ResourceAreas/55967393-20EF-45C6-A96C-B5D5D5986A9A", ""))
	golden(t, s, "locations", alice.do(t, http.MethodOptions, "/contoso/_apis", ""))
	golden(t, s, "locations-tokens", alice.do(t, http.MethodOptions, "/contoso/_apis/Tokens", ""))
	golden(t, s, "connection-data", alice.do(t, http.MethodGet, "/contoso/_apis/connectionData?connectOptions=1", ""))
	golden(t, s, "organizations", alice.do(t, http.MethodGet, organizationsPath, ""))
	golden(t, s, "signin", caller{site: s}.do(t, http.MethodGet, "/_apis/patrol/signin", ""))
	golden(t, s, "health", caller{site: s}.do(t, http.MethodGet, "/healthz", ""))
	golden(t, s, "ready", caller{site: s}.do(t, http.MethodGet, "/readyz", ""))
	policy.Creation.On = true
	golden(t, s, "policy-unreadable", alice.do(t, http.MethodPost, pats("7.1-preview.1", ""), `{"displayName":"t","scope":"vso.code"}`))
}

// golden compares an answer, its headers and body, with a file.
func golden(t *testing.T, s *site, name string, a answer) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s\n", a.Status, http.StatusText(a.Status))
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		for _, value := range a.Header[name] {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	fmt.Fprintf(&b, "\n%s", a.Body)
	got := mask(s, b.String())
	file := filepath.Join("testdata", "golden", name+".http")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

var variable = []struct {
	form *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`(?m)^(Activityid|X-Vss-E2eid): [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), "$1: <activity>"},
	{regexp.MustCompile(`Activity Id: [0-9a-f-]{36}\.`), "Activity Id: <activity>."},
	{regexp.MustCompile(`(?m)^Date: .* GMT$`), "Date: <now>"},
	{regexp.MustCompile(`"authorizationId":"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`), `"authorizationId":"<id>"`},
	{regexp.MustCompile(`"token":"[0-9A-Za-z]{84}"`), `"token":"<secret>"`},
	{regexp.MustCompile(`"continuationToken":"[0-9A-Za-z_-]{40,}"`), `"continuationToken":"<next>"`},
}

// mask hides addresses, ids and secrets, each only where it has its form.
func mask(s *site, text string) string {
	text = strings.ReplaceAll(text, s.URL, "<url>")
	text = strings.ReplaceAll(text, s.idpURL, "<idp>")
	for _, v := range variable {
		text = v.form.ReplaceAllString(text, v.mask)
	}
	return text
}

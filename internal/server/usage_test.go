package server_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// use records a use as verification does.
func (s *site) use(t testing.TB, u pat.Usage) {
	t.Helper()
	if err := s.Service.Store.Used(t.Context(), []pat.Usage{u}); err != nil {
		t.Fatal(err)
	}
}

func (c caller) usage(ids ...string) string {
	return "/" + c.Organization + "/_apis/patrol/usage?authorizationIds=" + strings.Join(ids, ",") + "&" + version
}

func TestUsage(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice, bob := s.as(t, "alice"), s.as(t, "bob")
	used, bare, idle := alice.named(t, "used").AuthorizationID, alice.named(t, "bare").AuthorizationID, alice.named(t, "idle").AuthorizationID
	elsewhere, others := alice.in("fabrikam").named(t, "elsewhere").AuthorizationID, bob.named(t, "bob's").AuthorizationID
	at := epoch.Add(time.Hour)
	for _, id := range []string{used, elsewhere, others} {
		s.use(t, pat.Usage{Token: uuid(t, id), At: at, Address: "2001:db8::7", Agent: "npm", Scope: "vso.packaging"})
	}
	s.use(t, pat.Usage{Token: uuid(t, bare), At: at})
	full := func(id string) api.TokenUsage {
		return api.TokenUsage{AuthorizationID: id, State: api.StateActive, LastUsed: &api.Time{Time: at}, Address: "2001:db8::7", Client: "npm", Scope: "vso.packaging"}
	}
	usedUsage, bareUsage := full(used), api.TokenUsage{AuthorizationID: bare, State: api.StateActive, LastUsed: &api.Time{Time: at}}
	idleUsage := api.TokenUsage{AuthorizationID: idle, State: api.StateActive}
	all := []string{bare, idle, others, elsewhere, "11111111-2222-4333-8444-555555555555", used}
	tests := []struct {
		name string
		by   caller
		ids  []string
		want []api.TokenUsage
	}{
		{"in the order asked", alice, all, []api.TokenUsage{bareUsage, idleUsage, usedUsage}},
		{"once each", alice, []string{used, bare, used, used}, []api.TokenUsage{usedUsage, bareUsage}},
		{"in upper case, in braces, with spaces", alice, []string{strings.ToUpper(used), "%7B" + bare + "%7D", "%20" + bare + "%20"}, []api.TokenUsage{usedUsage, bareUsage}},
		{"with commas that are encoded", alice, []string{used + "%2C" + bare}, []api.TokenUsage{usedUsage, bareUsage}},
		{"elsewhere", alice.in("fabrikam"), all, []api.TokenUsage{full(elsewhere)}},
		{"somebody else's", bob, all, []api.TokenUsage{full(others)}},
		{"never used", alice, []string{idle}, []api.TokenUsage{idleUsage}},
		{"none of the caller's", alice, []string{others, elsewhere}, []api.TokenUsage{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := tt.by.wrong(t, http.MethodGet, tt.by.usage(tt.ids...), "")
			if a.Status != http.StatusOK {
				t.Fatalf("usage = %d %s, want 200", a.Status, a.Body)
			}
			if diff := cmp.Diff(api.Collect(tt.want), decode[api.Collection[api.TokenUsage]](t, a.Body)); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUsageRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	created := token(t, alice.do(t, http.MethodPost, alice.pats(), `{"displayName":"ci","scope":"app_token"}`))
	id := created.AuthorizationID
	page := make([]string, pat.MaxPage)
	for i := range page {
		page[i] = fmt.Sprintf("11111111-2222-4333-8444-%012d", i)
	}
	if a := alice.do(t, http.MethodGet, alice.usage(page...), ""); a.Status != http.StatusOK {
		t.Errorf("usage of a page = %d %s, want 200", a.Status, a.Body)
	}
	reader := caller{s, "Bearer " + accessToken(t, s.idp, tenant, "alice", "vso.pats"), "contoso"}
	if a := reader.do(t, http.MethodGet, reader.usage(id), ""); a.Status != http.StatusOK {
		t.Errorf("usage with permission to read = %d %s, want 200", a.Status, a.Body)
	}
	invalid, malformed := fault{http.StatusBadRequest, "InvalidAuthorizationIdException"}, fault{http.StatusBadRequest, "VssPropertyValidationException"}
	const path = "/contoso/_apis/patrol/usage?"
	tests := []struct {
		name   string
		by     caller
		target string
		want   fault
	}{
		{"no parameter", alice, path + version, invalid},
		{"no id", alice, alice.usage(), invalid},
		{"an empty id", alice, alice.usage(id, ""), invalid},
		{"no UUID", alice, alice.usage(id, "x"), invalid},
		{"semicolons", alice, alice.usage(id + "%3B" + id), invalid},
		{"too many", alice, alice.usage(append(page, id)...), invalid},
		{"too many, all the same", alice, alice.usage(strings.Split(strings.Repeat(id+",", pat.MaxPage)+id, ",")...), invalid},
		{"given twice", alice, alice.usage(id) + "&authorizationids=" + id, malformed},
		{"no version", alice, path + "authorizationIds=" + id, fault{http.StatusBadRequest, "VssVersionNotSpecifiedException"}},
		{"no credential", caller{s, "", "contoso"}, alice.usage(id), fault{http.StatusUnauthorized, unauthorized}},
		{"a PAT", caller{s, "Bearer " + *created.Token, "contoso"}, alice.usage(id), fault{http.StatusUnauthorized, unauthorized}},
		{"a PAT as password", caller{s, "Basic " + base64.StdEncoding.EncodeToString([]byte(":"+*created.Token)), "contoso"}, alice.usage(id), fault{http.StatusUnauthorized, unauthorized}},
		{"a service principal", caller{s, "Bearer " + s.robotToken(t), "contoso"}, alice.usage(id), fault{http.StatusForbidden, "InvalidAccessException"}},
		{"no member", alice.in("closed"), alice.in("closed").usage(id), fault{http.StatusForbidden, "InvalidAccessException"}},
		{"no such organization", alice, alice.in("nowhere").usage(id), fault{http.StatusNotFound, "HostDoesNotExistException"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := faultOf(t, tt.by.wrong(t, http.MethodGet, tt.target, "")); got != tt.want {
				t.Errorf("usage = %v, want %v", got, tt.want)
			}
		})
	}
}

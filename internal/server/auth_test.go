package server_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/devidp"
)

const (
	unauthorized = "UnauthorizedRequestException"
	noIdentity   = "InvalidIdentityException"
	noAccess     = "InvalidAccessException"
)

// operations are one request for each operation on tokens, and what it takes.
func operations(id string) []struct {
	name, method, query, body string
	writes                    bool
} {
	return []struct {
		name, method, query, body string
		writes                    bool
	}{
		{"List", http.MethodGet, "", "", false},
		{"Get", http.MethodGet, "authorizationId=" + id, "", false},
		{"Create", http.MethodPost, "", `{"displayName":"t","scope":"vso.code"}`, true},
		{"Update", http.MethodPut, "", `{"authorizationId":"` + id + `","displayName":"u"}`, true},
		{"Revoke", http.MethodDelete, "authorizationId=" + id, "", true},
	}
}

// TestCredentials: every credential that is not an access token of a user of
// the right tenant is refused, on every operation, and changes nothing.
func TestCredentials(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	made := alice.named(t, "t")
	good := strings.TrimPrefix(alice.Authorization, "Bearer ")
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	past := s.provider(t, devidp.Config{Now: func() time.Time { return time.Now().Add(-2 * time.Hour) }})
	future := s.provider(t, devidp.Config{Now: func() time.Time { return time.Now().Add(2 * time.Hour) }})
	foreign := s.provider(t, devidp.Config{Tenant: "99999999-9999-4999-8999-999999999999"})
	audience := s.provider(t, devidp.Config{Audience: "00000003-0000-0000-c000-000000000000"})
	parts := strings.Split(good, ".")
	const anonymous = "TF400813: Resource not available for anonymous access. Client authentication required."
	tests := []struct {
		name, authorization string
		want                fault
		message             string
	}{
		{"none", "", fault{401, unauthorized}, anonymous},
		{"token as Basic", basic("", *made.Token), fault{401, unauthorized}, "personal access tokens and passwords cannot call this API: sign in and send an access token as Bearer"},
		{"token as Bearer", "Bearer " + *made.Token, fault{401, unauthorized}, ""},
		{"password", basic("alice@contoso.example", password), fault{401, unauthorized}, "personal access tokens and passwords cannot call this API: sign in and send an access token as Bearer"},
		{"access token as Basic", basic("", good), fault{401, unauthorized}, ""},
		{"bare", good, fault{401, unauthorized}, `the Authorization header is not of the form "Bearer <access token>"`},
		{"Bearer alone", "Bearer", fault{401, unauthorized}, "the Authorization header has no access token, or more than one"},
		{"two tokens", "Bearer " + good + " " + good, fault{401, unauthorized}, ""},
		{"two tokens with a comma", "Bearer " + good + "," + good, fault{401, unauthorized}, ""},
		{"other scheme", "Negotiate YII=", fault{401, unauthorized}, ""},
		{"junk", "Bearer junk", fault{401, unauthorized}, ""},
		{"not signed", "Bearer " + parts[0] + "." + parts[1] + ".", fault{401, unauthorized}, ""},
		{"other signature", "Bearer " + parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), fault{401, unauthorized}, ""},
		{"other claims", "Bearer " + parts[0] + "." + strings.Split(s.robotToken(t), ".")[1] + "." + parts[2], fault{401, unauthorized}, ""},
		{"cut", "Bearer " + good[:len(good)-1], fault{401, unauthorized}, ""},
		{"expired", "Bearer " + accessToken(t, past, tenant, "alice", ".default"), fault{401, unauthorized}, ""},
		{"of the future", "Bearer " + accessToken(t, future, tenant, "alice", ".default"), fault{401, unauthorized}, ""},
		{"foreign tenant", "Bearer " + accessToken(t, foreign, "99999999-9999-4999-8999-999999999999", "alice", ".default"), fault{401, unauthorized}, ""},
		{"other audience", "Bearer " + grant(t, audience, tenant, url.Values{
			"grant_type": {"password"}, "client_id": {cliID},
			"scope": {"00000003-0000-0000-c000-000000000000/.default"}, "username": {"alice@contoso.example"}, "password": {password},
		}), fault{401, unauthorized}, ""},
		{"huge", "Bearer " + strings.Repeat("A", 30<<10), fault{401, unauthorized}, "the Authorization header is too long"},
		{
			"user of an accepted tenant, not this organization's", "Bearer " + accessToken(t, s.provider(t, devidp.Config{Tenant: otherTenant}), otherTenant, "alice", ".default"),
			fault{403, noAccess},
			`You are not a member of the organization "Contoso": ask its administrator to add you.`,
		},
		{
			"service principal of another tenant", "Bearer " + grant(t, s.provider(t, devidp.Config{Tenant: otherTenant}), otherTenant, url.Values{
				"grant_type": {"client_credentials"},
				"client_id":  {robotID}, "client_secret": {password}, "scope": {devidp.DefaultAudience + "/.default"},
			}),
			fault{403, noAccess},
			`You are not a member of the organization "Contoso": ask its administrator to add you.`,
		},
		{"service principal", "Bearer " + s.robotToken(t), fault{403, noAccess}, "Service principals are not allowed to perform this action."},
	}
	before := s.dump(t)
	for _, tt := range tests {
		for _, op := range operations(made.AuthorizationID) {
			c := caller{s, tt.authorization, "contoso"}
			a := c.wrong(t, op.method, c.pats(op.query), op.body)
			if got := faultOf(t, a); got != tt.want {
				t.Errorf("%s: %s = %v, want %v: %s", tt.name, op.name, got, tt.want, a.Body)
			}
			if got := message(t, a); tt.message != "" && got != tt.message {
				t.Errorf("%s: %s says %q, want %q", tt.name, op.name, got, tt.message)
			}
			if challenged := a.Header.Get("WWW-Authenticate") != ""; challenged != (a.Status == http.StatusUnauthorized) {
				t.Errorf("%s: %s = %d, challenged: %v", tt.name, op.name, a.Status, challenged)
			}
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("callers that were refused changed (-before +after):\n%s", diff)
	}
}

// TestNotInTheQuery: access tokens in URLs end in logs, and are not read.
func TestNotInTheQuery(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	token := strings.TrimPrefix(alice.Authorization, "Bearer ")
	alice.Authorization = ""
	a := alice.wrong(t, http.MethodGet, alice.pats("access_token="+token), "")
	if got, want := faultOf(t, a), (fault{401, unauthorized}); got != want {
		t.Errorf("an access token in the query = %v, want %v", got, want)
	}
}

// TestPermissions: vso.pats reads; vso.pats_manage and user_impersonation do
// everything.
func TestPermissions(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for scope, writes := range map[string]bool{"vso.pats": false, "vso.pats_manage": true, "user_impersonation": true, ".default": true} {
		id := s.as(t, "alice").named(t, "t").AuthorizationID
		c := caller{s, "Bearer " + accessToken(t, s.idp, tenant, "alice", scope), "contoso"}
		for _, op := range operations(id) {
			before := s.dump(t)
			a := c.do(t, op.method, c.pats(op.query), op.body)
			if !op.writes || writes {
				if a.Status >= 300 {
					t.Errorf("%s: %s = %d %s, want success", scope, op.name, a.Status, a.Body)
				}
				continue
			}
			if got, want := faultOf(t, a), (fault{401, noIdentity}); got != want {
				t.Errorf("%s: %s = %v, want %v", scope, op.name, got, want)
			}
			if got, want := message(t, a), "the access token may only read: sign in again and ask for user_impersonation or vso.pats_manage"; got != want {
				t.Errorf("%s: %s says %q, want %q", scope, op.name, got, want)
			}
			if diff := cmp.Diff(before, s.dump(t)); diff != "" {
				t.Errorf("%s: %s changed (-before +after):\n%s", scope, op.name, diff)
			}
		}
	}
}

// TestTokenVersions: access tokens of Entra's version 1 do as well.
func TestTokenVersions(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	id := s.as(t, "alice").named(t, "t").AuthorizationID
	old := caller{s, "Bearer " + accessToken(t, s.provider(t, devidp.Config{TokenVersion: 1}), tenant, "alice", ".default"), "contoso"}
	if got := old.get(t, id).DisplayName; got != "t" {
		t.Errorf("Get with an access token of version 1 = %q, want t", got)
	}
	for _, scheme := range []string{"bearer ", "BEARER ", "Bearer  ", " Bearer "} {
		spelt := caller{s, scheme + strings.TrimPrefix(s.as(t, "alice").Authorization, "Bearer "), "contoso"}
		if a := spelt.wrong(t, http.MethodGet, spelt.pats(), ""); a.Status != http.StatusOK {
			t.Errorf("scheme %q = %d, want 200", scheme, a.Status)
		}
	}
}

// TestMembers: an organization with members is closed to others.
func TestMembers(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.as(t, "bob").in("closed").named(t, "bob's")
	alice := s.as(t, "alice").in("closed")
	a := alice.do(t, http.MethodGet, alice.pats(), "")
	if got, want := faultOf(t, a), (fault{403, noAccess}); got != want {
		t.Errorf("List by who is no member = %v, want %v", got, want)
	}
}

// TestAnonymousRoutes need no access token and mind no wrong one.
func TestAnonymousRoutes(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	for _, path := range []string{"/_apis/patrol/signin", "/openapi.yaml", "/healthz", "/readyz"} {
		for _, authorization := range []string{"", "Bearer junk", "Basic eDp5"} {
			if a := (caller{s, authorization, ""}).do(t, http.MethodGet, path, ""); a.Status != http.StatusOK {
				t.Errorf("GET %s with %q = %d %s, want 200", path, authorization, a.Status, a.Body)
			}
		}
	}
}

// TestSession: the client's session comes back if it is a UUID.
func TestSession(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	for sent, want := range map[string]string{
		"": "", aliceID: aliceID, "{" + strings.ToUpper(aliceID) + "}": aliceID, "junk": "", aliceID + "\tx": "",
	} {
		a := alice.wrong(t, http.MethodGet, alice.pats(), "", "X-TFS-Session", sent, "X-TFS-FedAuthRedirect", "Suppress", "X-VSS-ForceMsaPassThrough", "true")
		if got := a.Header.Get("X-TFS-Session"); got != want || a.Status != http.StatusOK {
			t.Errorf("X-TFS-Session %q comes back as %q with status %d, want %q and 200", sent, got, a.Status, want)
		}
	}
}

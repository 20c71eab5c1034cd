package verify

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

const formType = "application/x-www-form-urlencoded"

// introspect asks as a client about form, and returns the status and the
// answer.
func (w *world) introspect(t testing.TB, id, secret, form string) (int, api.Introspection) {
	t.Helper()
	resp := w.do(request(http.MethodPost, introspectionPath, form, "Content-Type", formType,
		"Authorization", basic(url.QueryEscape(id), url.QueryEscape(secret))))
	var answer api.Introspection
	text := body(t, resp)
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Errorf("the answer is no JSON: %v\n%s", err, text)
		}
		if !answer.Active && text != `{"active":false}` {
			t.Errorf("the answer about a token that is not active says %s", text)
		}
	}
	if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers = %v, want JSON that is not stored", resp.Header)
	}
	return resp.StatusCode, answer
}

// TestIntrospection asks about tokens as clients that are bound and not.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, codeSecret := w.token(t, "vso.code_write vso.work", false)
	all, allSecret := w.token(t, "vso.code", true)
	dead, deadSecret := w.token(t, "vso.code", false)
	w.revoke(t, dead)
	of := func(token pat.Token, organization string, allowed *bool) api.Introspection {
		return api.Introspection{
			Active: true, Allowed: allowed, Scope: string(token.Scope), Username: "alice@contoso.example", TokenType: "Bearer",
			ExpiresAt: token.ValidTo.Unix(), IssuedAt: token.ValidFrom.Unix(), Subject: w.alice.ID.String(), ID: token.ID.String(),
			Organization: organization, Tenant: w.alice.Tenant.String(),
		}
	}
	yes, no := new(true), new(false)
	tests := []struct {
		client, form string
		want         api.Introspection
	}{
		{clientID, "token=" + codeSecret, of(code, "contoso", nil)},
		{clientID, "token_type_hint=access_token&token=" + codeSecret + "&other=x&other=y", of(code, "contoso", nil)},
		{clientID, "token=" + deadSecret, api.Introspection{}},
		{clientID, "token=noise", api.Introspection{}},
		{clientID, "token=" + invented(t), api.Introspection{}},
		{clientID, "token=%00%ff", api.Introspection{}},

		{clientID, "scope=vso.code&token=" + codeSecret, of(code, "contoso", yes)},
		{clientID, "scope=vso.code+vso.profile%20vso.work&token=" + codeSecret, of(code, "contoso", yes)},
		{clientID, "scope=vso.code+vso.build&token=" + codeSecret, of(code, "contoso", no)},
		{clientID, "scope=vso.unknown&token=" + codeSecret, of(code, "contoso", no)},
		{clientID, "scope=vso.code%2Bvso.work&token=" + codeSecret, of(code, "contoso", no)},
		{clientID, "organization=Contoso&token=" + codeSecret, of(code, "contoso", yes)},
		{clientID, "organization=" + w.contoso.ID.String() + "&scope=vso.code_write&token=" + codeSecret, of(code, "contoso", yes)},
		{clientID, "organization=fabrikam&token=" + codeSecret, of(code, "contoso", no)},
		{clientID, "organization=unknown&token=" + codeSecret, of(code, "contoso", no)},
		{clientID, "organization=fabrikam&scope=vso.code&token=" + allSecret, of(all, "fabrikam", yes)},
		{clientID, "organization=fabrikam&scope=vso.work&token=" + allSecret, of(all, "fabrikam", no)},
		{clientID, "organization=closed&token=" + allSecret, of(all, "contoso", no)},
		{clientID, "organization=contoso&token=" + deadSecret, api.Introspection{}},

		{boundID, "token=" + codeSecret, api.Introspection{}},
		{boundID, "organization=contoso&token=" + codeSecret, api.Introspection{}},
		{boundID, "token=" + allSecret, of(all, "fabrikam", nil)},
		{boundID, "scope=vso.code&token=" + allSecret, of(all, "fabrikam", yes)},
		{boundID, "scope=vso.work&token=" + allSecret, of(all, "fabrikam", no)},
		{boundID, "organization=fabrikam&token=" + allSecret, of(all, "fabrikam", yes)},
		{boundID, "organization=contoso&token=" + allSecret, of(all, "fabrikam", no)},
		{boundID, "organization=contoso&scope=vso.code&token=" + allSecret, of(all, "fabrikam", no)},
	}
	secrets := map[string]string{clientID: clientSecret, boundID: boundSecret}
	for range 2 {
		for _, tt := range tests {
			status, got := w.introspect(t, tt.client, secrets[tt.client], tt.form)
			if diff := cmp.Diff(tt.want, got); status != http.StatusOK || diff != "" {
				t.Errorf("%s about %.60s = %d (-want +got):\n%s", tt.client, tt.form, status, diff)
			}
		}
	}
}

// TestIntrospectionRefuses holds the errors.
func TestIntrospectionRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	good := []string{"Content-Type", formType, "Authorization", basic(clientID, url.QueryEscape(clientSecret))}
	as := func(authorization string) []string {
		return []string{"Content-Type", formType, "Authorization", authorization}
	}
	inForm := "client_id=" + clientID + "&client_secret=" + url.QueryEscape(clientSecret) + "&token=" + secret
	plain := []string{"Content-Type", formType}
	tests := map[string]struct {
		method, body string
		headers      []string
		status       int
		code         string
	}{
		"by basic":                {http.MethodPost, "token=" + secret, good, 200, ""},
		"by form":                 {http.MethodPost, inForm, plain, 200, ""},
		"by basic, and its id":    {http.MethodPost, "client_id=" + clientID + "&token=" + secret, good, 200, ""},
		"a character set":         {http.MethodPost, inForm, []string{"Content-Type", "APPLICATION/x-www-form-urlencoded ; charset=utf-8"}, 200, ""},
		"GET":                     {http.MethodGet, "", good, 405, "invalid_request"},
		"HEAD":                    {http.MethodHead, "", good, 405, "invalid_request"},
		"PUT":                     {http.MethodPut, "token=" + secret, good, 405, "invalid_request"},
		"no type":                 {http.MethodPost, "token=" + secret, good[2:], 415, "invalid_request"},
		"JSON":                    {http.MethodPost, `{"token":"x"}`, append([]string{"Content-Type", "application/json"}, good[2:]...), 415, "invalid_request"},
		"too large":               {http.MethodPost, "token=" + strings.Repeat("x", maxForm), good, 413, "invalid_request"},
		"no token":                {http.MethodPost, "", good, 400, "invalid_request"},
		"an empty token":          {http.MethodPost, "token=", good, 400, "invalid_request"},
		"two tokens":              {http.MethodPost, "token=" + secret + "&token=" + secret, good, 400, "invalid_request"},
		"two organizations":       {http.MethodPost, "token=x&organization=contoso&organization=contoso", good, 400, "invalid_request"},
		"two scopes":              {http.MethodPost, "token=x&scope=vso.code&scope=vso.code", good, 400, "invalid_request"},
		"an empty organization":   {http.MethodPost, "token=x&organization=", good, 400, "invalid_request"},
		"an empty scope":          {http.MethodPost, "token=x&scope=+", good, 400, "invalid_request"},
		"a semicolon":             {http.MethodPost, "token=x;scope=vso.code", good, 400, "invalid_request"},
		"a bad escape":            {http.MethodPost, "token=%zz", good, 400, "invalid_request"},
		"nobody":                  {http.MethodPost, "token=" + secret, plain, 401, "invalid_client"},
		"an unknown client":       {http.MethodPost, "token=" + secret, as(basic("nobody", "x")), 401, "invalid_client"},
		"an unknown empty client": {http.MethodPost, "token=" + secret, as(basic("", "")), 401, "invalid_client"},
		"a wrong secret":          {http.MethodPost, "token=" + secret, as(basic(clientID, "x")), 401, "invalid_client"},
		"another's secret":        {http.MethodPost, "token=" + secret, as(basic(clientID, url.QueryEscape(boundSecret))), 401, "invalid_client"},
		"a secret as it is":       {http.MethodPost, "token=" + secret, as(basic(clientID, clientSecret)), 401, "invalid_client"},
		"a token as client":       {http.MethodPost, "token=" + secret, as("Bearer " + secret), 401, "invalid_client"},
		"no base64":               {http.MethodPost, "token=" + secret, as("Basic !"), 401, "invalid_client"},
		"a client twice":          {http.MethodPost, "token=" + secret, append(as(basic(clientID, url.QueryEscape(clientSecret))), "Authorization", "Basic x"), 401, "invalid_client"},
		"a wrong secret by form":  {http.MethodPost, "client_id=" + clientID + "&client_secret=x&token=" + secret, plain, 401, "invalid_client"},
		"by basic and by form":    {http.MethodPost, inForm, good, 400, "invalid_request"},
		"two client ids":          {http.MethodPost, "client_id=x&token=" + secret, good, 400, "invalid_request"},
	}
	for name, tt := range tests {
		resp := w.do(request(tt.method, introspectionPath+"?token="+secret, tt.body, tt.headers...))
		text := body(t, resp)
		var answer api.OAuthError
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Errorf("%s: the answer is no JSON: %v", name, err)
		}
		if resp.StatusCode != tt.status || answer.Error != tt.code {
			t.Errorf("%s = %d, %q, want %d, %q", name, resp.StatusCode, answer.Error, tt.status, tt.code)
		}
		if challenged := resp.Header.Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
			t.Errorf("%s: a challenge came: %v", name, challenged)
		}
		if allow := resp.Header.Get("Allow"); (allow == "POST") != (tt.status == 405) {
			t.Errorf("%s: Allow = %q", name, allow)
		}
		if strings.Contains(text, secret[:52]) || strings.Contains(text, clientSecret) {
			t.Errorf("%s: the answer repeats a secret", name)
		}
	}
}

// TestIntrospectionUnavailable: what cannot be known is 503.
func TestIntrospectionUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	w.Lease.change(func() { w.Lease.held = false })
	resp := w.do(request(http.MethodPost, introspectionPath, "token="+secret, "Content-Type", formType,
		"Authorization", basic(clientID, url.QueryEscape(clientSecret))))
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("POST = %d, %v, want 503 in JSON", resp.StatusCode, resp.Header)
	}
}

// TestIntrospectionIsAUse, unless the token is not good for what was asked.
func TestIntrospectionIsAUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, secret := w.token(t, "vso.code", false)
	w.introspect(t, clientID, clientSecret, "organization=fabrikam&token="+secret)
	w.introspect(t, clientID, clientSecret, "scope=vso.work&token="+secret)
	w.introspect(t, boundID, boundSecret, "token="+secret)
	store := new(recorder)
	w.Uses.Store = store
	w.Uses.Flush(t.Context())
	if len(store.uses) != 0 {
		t.Errorf("uses = %+v, want none", store.uses)
	}
	w.introspect(t, clientID, clientSecret, "scope=vso.code&token="+secret)
	w.Uses.Flush(t.Context())
	if len(store.uses) != 1 || store.uses[0].Token != token.ID || store.uses[0].Scope != "vso.code" {
		t.Errorf("uses = %+v, want one", store.uses)
	}
}

// TestAppendActive: what is written by hand is what the struct encodes to.
func TestAppendActive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "alice@contoso.example", `<"a\b"&>`, "älïce", "a\u2028b", "a\x7fb"} {
		for _, allowed := range []*bool{nil, new(true), new(false)} {
			found := &Found{
				Claim: pat.Claim{ID: pat.RandomUUID(), Owner: pat.RandomUUID(), Tenant: pat.RandomUUID(), ValidFrom: 1_700_000_000_999_999, ValidTo: 1_800_000_000_000_000},
				Scope: []byte("vso.code vso.work"), OwnerName: []byte(name), At: pat.Organization{Name: "contoso"},
			}
			want, err := json.Marshal(api.Introspection{
				Active: true, Allowed: allowed, Scope: "vso.code vso.work", Username: name, TokenType: api.TokenTypeBearer,
				ExpiresAt: 1_800_000_000, IssuedAt: 1_700_000_000, Subject: found.Claim.Owner.String(), ID: found.Claim.ID.String(),
				Organization: "contoso", Tenant: found.Claim.Tenant.String(),
			})
			if err != nil {
				t.Fatal(err)
			}
			got := appendActive(nil, found, allowed != nil, allowed != nil && *allowed)
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%q (-want +got):\n%s", name, diff)
			}
		}
	}
	inactive, err := json.Marshal(api.Introspection{})
	if string(inactive) != `{"active":false}` || err != nil {
		t.Errorf("a token that is not active is %s, %v", inactive, err)
	}
}

// TestClientsPrintNoSecret: a client holds only a hash, which is not printed
// as its secret either.
func TestClientsPrintNoSecret(t *testing.T) {
	t.Parallel()
	if printed := fmt.Sprintf("%+v %#v", NewClient("id", "the secret"), NewClient("id", "the secret")); strings.Contains(printed, "the secret") {
		t.Errorf("a client prints as %s", printed)
	}
}

// FuzzForm holds that no body makes the service fail, or a token that is dead
// active.
func FuzzForm(f *testing.F) {
	w := newWorld(f)
	token, secret := w.token(f, "vso.code", false)
	w.revoke(f, token)
	for _, seed := range []string{"token=" + secret, "token=x&token=y", "%74oken=" + secret, "token=%zz", ";", "&&=&", "scope=&token=" + secret, "organization=\x00&token=" + secret} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		status, answer := w.introspect(t, clientID, clientSecret, form)
		if answer.Active || status >= 500 {
			t.Errorf("%q = %d, %+v", form, status, answer)
		}
	})
}

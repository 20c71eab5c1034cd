package patauth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/patauth"
)

// Credentials of the tests; none of them is to be found in any error.
const (
	goodPAT      = "ThisIsAliveThisIsAliveThisIsAliveThisIsAliveThisIsAlJQQJ99CKAAAAAAAAAAAAAAAAPTRLaaaa"
	clientID     = "packages"
	clientSecret = "the-secret/of+packages"
)

// patrol is an introspection endpoint that behaves: it knows goodPAT, which
// grants vso.packaging and vso.code in contoso, until it is revoked.
type patrol struct {
	mu      sync.Mutex
	revoked bool
	asked   []*http.Request
}

func (p *patrol) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = r.ParseForm()
	p.asked = append(p.asked, r)
	reply(w, p.judge(r))
}

func (p *patrol) judge(r *http.Request) map[string]any {
	if p.revoked || r.PostForm.Get("token") != goodPAT {
		return map[string]any{"active": false}
	}
	answer := good()
	organization, scope := r.PostForm["organization"], r.PostForm["scope"]
	if len(organization)+len(scope) > 0 {
		held := strings.Fields("vso.code vso.packaging")
		answer["allowed"] = len(organization) <= 1 && slices.Index(organization, "fabrikam") < 0 &&
			!slices.ContainsFunc(strings.Fields(strings.Join(scope, " ")), func(s string) bool { return !slices.Contains(held, s) })
	}
	return answer
}

func (p *patrol) revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked = true
}

// good is the answer about goodPAT where nothing is demanded.
func good() map[string]any {
	return map[string]any{
		"active": true, "scope": "vso.code vso.packaging", "username": "alice@contoso.example", "token_type": "pat",
		"iat": 1_795_000_000, "exp": 1_797_592_000,
		"sub": "5a7c2f0e-1d7b-4f3c-9b1e-0a4f5b6c7d8e", "jti": "f92b6b04-bb26-84df-8ac8-4551f0d7ddba",
		"organization": "contoso", "tenant": "ed7dc393-de23-4397-833f-5f2fd66911e5",
	}
}

func reply(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// start serves handler until the test ends, and returns a configuration that
// asks it.
func start(t *testing.T, handler http.Handler) patauth.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return patauth.Config{
		IntrospectionURL: server.URL + "/oauth2/introspect", ClientID: clientID, ClientSecret: clientSecret,
		HTTP: server.Client(),
	}
}

func newAuthenticator(t *testing.T, config patauth.Config) *patauth.Authenticator {
	t.Helper()
	auth, err := patauth.New(config)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return auth
}

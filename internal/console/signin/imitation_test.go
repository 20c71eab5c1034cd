package signin_test

import (
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// imitation is a provider that answers as a test wants.
type imitation struct {
	t         testing.TB
	URL       string
	transport *http.Transport
	metadata  map[string]any // what its discovery document says besides
	token     func(http.ResponseWriter, *http.Request)
	keys      func(http.ResponseWriter, *http.Request) // nil: those of testKey
	down      atomic.Bool
}

func imitate(t testing.TB, token func(http.ResponseWriter, *http.Request)) *imitation {
	t.Helper()
	i := &imitation{t: t, token: token, metadata: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /"+tenant+"/v2.0/.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
		if i.keys != nil {
			i.keys(w, r)
			return
		}
		writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: rsaKey(t).Public(), KeyID: "k1", Algorithm: "RS256"}}})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { i.token(w, r) })
	i.URL, i.transport = serve(t, "https", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.down.Load() {
			http.Error(w, "<html>maintenance</html>", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return i
}

func (i *imitation) issuer() string { return i.URL + "/" + tenant + "/v2.0" }

func (i *imitation) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": i.issuer(), "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
	}
	maps.Copy(document, i.metadata)
	writeJSON(w, http.StatusOK, document)
}

func (i *imitation) config(kind string) signin.Config {
	c := signin.Config{
		Kind: kind, Authority: i.issuer(), ClientID: clientID, Secret: secret, Scopes: []string{scope},
		RedirectURI: redirect, HTTP: &http.Client{Transport: i.transport},
	}
	if kind == signin.KindEntra {
		c.Authority = i.URL + "/" + tenant
	}
	return c
}

// finish signs in with any code.
func (i *imitation) finish(t *testing.T, kind string, a signin.Attempt) (signin.User, signin.Credentials, error) {
	t.Helper()
	return newProvider(t, i.config(kind)).Finish(t.Context(), a, url.Values{"code": {"a-code-that-is-redeemed"}})
}

// idClaims are good ones for the attempt.
func (i *imitation) idClaims(a signin.Attempt) map[string]any {
	return map[string]any{
		"iss": i.issuer(), "aud": clientID, "sub": "s1", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"nonce": a.Nonce, "name": "Alice", "preferred_username": "alice", "tid": tenant, "oid": alice.ObjectID,
	}
}

func sign(t testing.TB, key *rsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func tokens(id string) map[string]any {
	return map[string]any{
		"access_token": "an.access.token", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "a-refresh-token",
		"id_token": id, "scope": scope,
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the test notices
}

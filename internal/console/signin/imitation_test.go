package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
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

// TestIDTokens: only the issuer's, for this client and this attempt, sign
// someone in.
func TestIDTokens(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	for _, test := range []struct {
		name string
		edit func(map[string]any)
		good bool
	}{
		{"good", func(map[string]any) {}, true},
		{"several audiences and azp", func(c map[string]any) { c["aud"], c["azp"] = []string{"other", clientID}, clientID }, true},
		{"another client", set("aud", "other"), false},
		{"several audiences", set("aud", []string{"other", clientID}), false},
		{"authorized another client", set("azp", "other"), false},
		{"another issuer", set("iss", "https://evil.example/v2.0"), false},
		{"expired", set("exp", time.Now().Add(-time.Minute).Unix()), false},
		{"not yet", set("nbf", time.Now().Add(time.Hour).Unix()), false},
		{"another nonce", set("nonce", "other"), false},
		{"no nonce", func(c map[string]any) { delete(c, "nonce") }, false},
		{"nobody", set("sub", ""), false},
	} {
		for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
			if kind == signin.KindEntra && strings.HasPrefix(test.name, "several") {
				continue // Entra has one audience, and its library reads no other
			}
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				a := newAttempt()
				i := imitate(t, nil)
				claims := i.idClaims(a)
				test.edit(claims)
				i.token = func(w http.ResponseWriter, _ *http.Request) {
					writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), claims)))
				}
				user, _, err := i.finish(t, kind, a)
				if test.good {
					if err != nil || user.Username != "alice" {
						t.Errorf("Finish = %v, %v, want alice", user, err)
					}
					return
				}
				refused(t, err, signin.ReasonForged)
			})
		}
	}
	for _, test := range []struct {
		name string
		id   func(signin.Attempt, map[string]any) string
		want signin.Reason
	}{
		{"another key", func(_ signin.Attempt, c map[string]any) string { return sign(t, other, c) }, signin.ReasonForged},
		{"no signature", func(_ signin.Attempt, c map[string]any) string { return unsigned(t, `{"alg":"none"}`, c) }, signin.ReasonForged},
		{"HMAC", func(_ signin.Attempt, c map[string]any) string {
			return unsigned(t, `{"alg":"HS256","kid":"k1"}`, c) + base64.RawURLEncoding.EncodeToString(make([]byte, 32))
		}, signin.ReasonForged},
		{"at_hash of another", func(_ signin.Attempt, c map[string]any) string {
			c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA"
			return sign(t, rsaKey(t), c)
		}, signin.ReasonForged},
		{"none", func(signin.Attempt, map[string]any) string { return "" }, signin.ReasonOther},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAttempt()
			i := imitate(t, nil)
			i.metadata["id_token_signing_alg_values_supported"] = []string{"RS256", "HS256", "none"}
			id := test.id(a, i.idClaims(a))
			i.token = func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, tokens(id)) }
			_, _, err := i.finish(t, signin.KindOIDC, a)
			refused(t, err, test.want)
		})
	}
}

func unsigned(t *testing.T, header string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// TestTenants: an issuer of several tenants has that of the person in its name,
// and each is another person.
func TestTenants(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	for _, test := range []struct {
		named, tenant string
		want          signin.Reason
	}{
		{"one", "one", -1},
		{"two", "two", -1},
		{"one", "two", signin.ReasonForged},
		{"one", "", signin.ReasonForged},
		{"", "", signin.ReasonOther},
	} {
		a := newAttempt()
		i := imitate(t, nil)
		i.metadata["issuer"] = i.URL + "/{tenantid}/v2.0"
		claims := i.idClaims(a)
		claims["iss"], claims["tid"] = i.URL+"/"+test.named+"/v2.0", test.tenant
		i.token = func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), claims)))
		}
		user, _, err := i.finish(t, signin.KindEntra, a)
		if test.want >= 0 {
			refused(t, err, test.want)
			continue
		}
		if err != nil || user.Tenant != test.tenant || user.ID != alice.ObjectID {
			t.Fatalf("Finish = %v, %v, want alice of %s", user, err, test.tenant)
		}
		keys[user.Key] = test.tenant
	}
	if len(keys) != 2 {
		t.Errorf("the keys of two people are %v, want two", keys)
	}
}

// TestStrangeAnswers: whatever the token endpoint answers, there is an Error
// without anything that was sent to it.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	text := func(status int, contentType, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   signin.Reason
	}{
		{"page", text(200, "text/html", "<html><body>Sign in to the network</body></html>"), signin.ReasonUnreachable},
		{"page of a gateway", text(502, "text/html", "<html>Bad Gateway</html>"), signin.ReasonUnreachable},
		{"nothing", text(204, "", ""), signin.ReasonUnreachable},
		{"nothing and wrong", text(400, "", ""), signin.ReasonUnreachable},
		{"broken JSON", text(200, "application/json", `{"access_token":`), signin.ReasonUnreachable},
		{"another JSON", text(200, "application/json", `[1,2,3]`), signin.ReasonUnreachable},
		{"no access token", text(200, "application/json", `{"expires_in":3600}`), signin.ReasonUnreachable},
		{"too long", text(200, "application/json", `{"access_token":"`+strings.Repeat("a", 2<<20)+`"}`), signin.ReasonUnreachable},
		{"long refusal", text(400, "application/json", `{"error":"invalid_client","error_description":"`+strings.Repeat("a ", 400_000)+`"}`), signin.ReasonCredential},
		{"odd types", text(400, "application/json", `{"error":"invalid_client","error_codes":["7000222"],"claims":{},"trace_id":7}`), signin.ReasonCredential},
		{"unknown word", text(400, "application/json", `{"error":"i_made_this_up"}`), signin.ReasonOther},
		{"unknown number", text(400, "application/json", `{"error":"invalid_grant","error_codes":[999999999]}`), signin.ReasonInteraction},
		{"busy", text(503, "application/json", `{"error":"busy"}`), signin.ReasonUnreachable},
		{"too many", text(429, "application/json", `{"error":"slow"}`), signin.ReasonUnreachable},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, signin.ReasonUnreachable},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, signin.ReasonUnreachable},
		{"echo as JSON", echo(400, func(sent string) string {
			body, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": "AADSTS70000: got " + sent})
			return string(body)
		}), signin.ReasonInteraction},
		{"echo in the code", echo(400, func(sent string) string {
			body, _ := json.Marshal(map[string]string{"error": sent, "suberror": sent, "trace_id": sent, "correlation_id": sent, "claims": sent})
			return string(body)
		}), signin.ReasonOther},
		{"echo as text", echo(500, func(sent string) string { return sent }), signin.ReasonUnreachable},
		{"echo as success", echo(200, func(sent string) string { return sent }), signin.ReasonUnreachable},
	} {
		for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				i := imitate(t, test.answer)
				a := newAttempt()
				_, _, err := i.finish(t, kind, a)
				checkNoSecret(t, refused(t, err, test.want), secret, "a-code-that-is-redeemed", a.Verifier)

				// The same of renewing, which has other secrets.
				good := newAttempt()
				i.token = func(w http.ResponseWriter, _ *http.Request) {
					writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(good))))
				}
				_, credentials, err := i.finish(t, kind, good)
				if err != nil {
					t.Fatalf("Finish = %v, want someone signed in", err)
				}
				i.token = test.answer
				_, err = newProvider(t, i.config(kind)).Renew(t.Context(), credentials)
				checkNoSecret(t, refused(t, err, test.want), secret, "a-refresh-token", "an.access.token")
			})
		}
	}
}

// echo answers with what was sent to it.
func echo(status int, answer func(sent string) string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		id, password, _ := r.BasicAuth()
		values := make([]string, 0, len(r.PostForm)+3)
		for _, v := range r.PostForm {
			values = append(values, v...)
		}
		password, _ = url.QueryUnescape(password)
		sent := strings.Join(append(values, r.Header.Get("Authorization"), id, password, r.PostForm.Encode()), " ")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer(sent)))
	}
}

// TestAssertionsAreNoSecretsLost: nor is what a certificate signed.
func TestEchoedAssertions(t *testing.T) {
	t.Parallel()
	own, err := signin.NewCertificate(certificates(newCertificate(t, rsaKey(t))), rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		var assertion string
		i := imitate(t, nil)
		i.token = func(w http.ResponseWriter, r *http.Request) {
			assertion = r.PostFormValue("client_assertion")
			writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "bad assertion " + assertion})
		}
		c := i.config(kind)
		c.Secret, c.Certificate = "", own
		_, _, err := newProvider(t, c).Finish(t.Context(), newAttempt(), url.Values{"code": {"a-code-that-is-redeemed"}})
		e := refused(t, err, signin.ReasonCredential)
		if len(assertion) < 100 {
			t.Fatalf("%s: the assertion has %d characters, want a token", kind, len(assertion))
		}
		checkNoSecret(t, e, strings.Split(assertion, ".")...)
	}
}

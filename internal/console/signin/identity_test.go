package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
)

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

// TestAccessTokenHash: at_hash holds the access token to the ID token.
func TestAccessTokenHash(t *testing.T) {
	t.Parallel()
	a := newAttempt()
	i := imitate(t, nil)
	claims := i.idClaims(a)
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(halfHash("an.access.token"))
	i.token = func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), claims)))
	}
	if _, _, err := i.finish(t, signin.KindOIDC, a); err != nil {
		t.Errorf("Finish = %v, want someone signed in", err)
	}
}

// halfHash is that of at_hash (OpenID Connect Core section 3.1.3.6).
func halfHash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:len(sum)/2]
}

package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// TestClientSecrets: the secret goes the way that the issuer takes it, and by
// that way again.
func TestClientSecrets(t *testing.T) {
	t.Parallel()
	const basic, post = "basic", "post"
	for _, test := range []struct {
		name           string
		supported      []string // nil: not said
		takes          string
		first, renewal []string // how it came
	}{
		{"not said", nil, basic, []string{basic}, []string{basic}},
		{"HTTP Basic", []string{"client_secret_basic"}, basic, []string{basic}, []string{basic}},
		{"form", []string{"client_secret_post", "private_key_jwt"}, post, []string{post}, []string{post}},
		{"both", []string{"client_secret_post", "client_secret_basic"}, basic, []string{basic}, []string{basic}},
		{"both, but not for this client", []string{"client_secret_post", "client_secret_basic"}, post, []string{basic, post}, []string{post}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var came []string
			a := newAttempt()
			i := imitate(t, nil)
			if test.supported != nil {
				i.metadata["token_endpoint_auth_methods_supported"] = test.supported
			}
			i.token = func(w http.ResponseWriter, r *http.Request) {
				way := wayOf(t, r)
				came = append(came, way)
				if way != test.takes {
					writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
					return
				}
				writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
			}
			p := newProvider(t, i.config(signin.KindOIDC))
			_, credentials, err := p.Finish(t.Context(), a, url.Values{"code": {"c"}})
			if err != nil {
				t.Fatalf("Finish = %v, want someone signed in", err)
			}
			if diff := cmp.Diff(test.first, came); diff != "" {
				t.Errorf("the secret came by (-want +got):\n%s", diff)
			}
			came = nil
			if _, err := p.Renew(t.Context(), credentials); err != nil {
				t.Fatalf("Renew = %v, want credentials", err)
			}
			if diff := cmp.Diff(test.renewal, came); diff != "" {
				t.Errorf("the secret came to renew by (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		i := imitate(t, func(http.ResponseWriter, *http.Request) { t.Error("the secret was sent, want it kept") })
		i.metadata["token_endpoint_auth_methods_supported"] = []string{"tls_client_auth"}
		_, _, err := i.finish(t, signin.KindOIDC, newAttempt())
		refused(t, err, signin.ReasonOther)
	})
}

// wayOf is how the client's secret came, which must be right.
func wayOf(t *testing.T, r *http.Request) string {
	t.Helper()
	id, password, isBasic := r.BasicAuth()
	if !isBasic {
		if r.PostFormValue("client_id") != clientID || r.PostFormValue("client_secret") != secret {
			t.Error("the form has another id or secret")
		}
		return "post"
	}
	id, _ = url.QueryUnescape(id)
	password, _ = url.QueryUnescape(password)
	if id != clientID || password != secret || r.PostFormValue("client_secret") != "" {
		t.Error("HTTP Basic has another id or secret, or the form has it too")
	}
	return "basic"
}

// TestPrivateKeyJWT: the assertion is by the key, of the algorithm that the
// issuer takes, and good once.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	ofRSA, err := signin.NewCertificate(certificates(newCertificate(t, rsaKey(t))), rsaKey(t))
	if err != nil {
		t.Fatal(err)
	}
	curve, curveKey := ecCertificate(t, elliptic.P384())
	ofCurve, err := signin.NewCertificate(certificates(curve), curveKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		own       *signin.Certificate
		key       any
		supported []string
		want      jose.SignatureAlgorithm
	}{
		{"RSA", ofRSA, rsaKey(t).Public(), nil, jose.RS256},
		{"RSA, both", ofRSA, rsaKey(t).Public(), []string{"PS256", "RS256"}, jose.RS256},
		{"RSA, PSS only", ofRSA, rsaKey(t).Public(), []string{"ES256", "PS256"}, jose.PS256},
		{"curve", ofCurve, curveKey.Public(), []string{"RS256", "ES384"}, jose.ES384},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var seen []string
			a := newAttempt()
			i := imitate(t, nil)
			i.metadata["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"}
			i.metadata["token_endpoint_auth_signing_alg_values_supported"] = test.supported
			i.token = func(w http.ResponseWriter, r *http.Request) {
				if r.PostFormValue("client_secret") != "" || r.Header.Get("Authorization") != "" || r.PostFormValue("client_id") != clientID ||
					r.PostFormValue("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
					t.Error("the request has not the parameters of RFC 7523")
				}
				token, err := jwt.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{test.want})
				if err != nil {
					t.Errorf("ParseSigned = %v, want %s", err, test.want)
					return
				}
				var c jwt.Claims
				if err := token.Claims(test.key, &c); err != nil {
					t.Errorf("Claims = %v, want a good signature", err)
				}
				if err := c.ValidateWithLeeway(jwt.Expected{Issuer: clientID, Subject: clientID, AnyAudience: jwt.Audience{i.URL + "/token"}, Time: time.Now()}, time.Second); err != nil {
					t.Errorf("Validate = %v, want good claims", err)
				}
				if slices.Contains(seen, c.ID) || c.ID == "" {
					t.Errorf("jti = %q after %q, want a new one", c.ID, seen)
				}
				seen = append(seen, c.ID)
				writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
			}
			c := i.config(signin.KindOIDC)
			c.Secret, c.Certificate = "", test.own
			p := newProvider(t, c)
			_, credentials, err := p.Finish(t.Context(), a, url.Values{"code": {"c"}})
			if err != nil {
				t.Fatalf("Finish = %v, want someone signed in", err)
			}
			if _, err := p.Renew(t.Context(), credentials); err != nil {
				t.Fatalf("Renew = %v, want credentials", err)
			}
		})
	}
}

// TestRotation: a refresh token that is not replaced is kept, and one that is
// there is not asked for where the issuer does not know it.
func TestRotation(t *testing.T) {
	t.Parallel()
	a := newAttempt()
	i := imitate(t, nil)
	i.metadata["scopes_supported"] = []string{"openid", "profile"}
	i.token = func(w http.ResponseWriter, _ *http.Request) {
		answer := tokens(sign(t, rsaKey(t), i.idClaims(a)))
		delete(answer, "expires_in")
		writeJSON(w, http.StatusOK, answer)
	}
	p := newProvider(t, i.config(signin.KindOIDC))
	address, err := p.Begin(t.Context(), a)
	if err != nil || strings.Contains(address, "offline_access") {
		t.Errorf("Begin = %s, %v, want no offline_access", address, err)
	}
	_, first, err := p.Finish(t.Context(), a, url.Values{"code": {"c"}})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(first.Expires); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the access token is good for %v, want an hour where nobody says", left)
	}
	var asked []string
	i.token = func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.PostFormValue("refresh_token"))
		answer := map[string]any{"access_token": "another.access.token", "token_type": "Bearer", "expires_in": 60}
		if len(asked) == 2 {
			answer["refresh_token"] = "another-refresh-token"
		}
		writeJSON(w, http.StatusOK, answer)
	}
	c := first
	for range 3 {
		if c, err = p.Renew(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"a-refresh-token", "a-refresh-token", "another-refresh-token"}, asked); diff != "" {
		t.Errorf("refresh tokens used (-want +got):\n%s", diff)
	}
}

// TestMixUp: an issuer that names itself in the answer is held to it (RFC 9207).
func TestMixUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, given string
		names, good bool
	}{
		{"does not", "", false, true},
		{"does", "own", true, true},
		{"does unasked", "own", false, true},
		{"does not though it says so", "", true, false},
		{"another", "https://evil.example", false, false},
		{"another though it says so", "https://evil.example", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := newAttempt()
			i := imitate(t, nil)
			i.metadata["authorization_response_iss_parameter_supported"] = test.names
			i.token = func(w http.ResponseWriter, _ *http.Request) {
				if !test.good {
					t.Error("the code was redeemed, want it kept")
				}
				writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
			}
			answer := url.Values{"code": {"c"}}
			if test.given != "" {
				answer.Set("iss", strings.Replace(test.given, "own", i.issuer(), 1))
			}
			_, _, err := newProvider(t, i.config(signin.KindOIDC)).Finish(t.Context(), a, answer)
			if test.good && err != nil {
				t.Errorf("Finish = %v, want someone signed in", err)
			}
			if !test.good {
				refused(t, err, signin.ReasonForged)
			}
		})
	}
}

// TestStrangeDiscovery: a document that leads elsewhere is not followed.
func TestStrangeDiscovery(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		edit map[string]any
		want signin.Reason
	}{
		{"another issuer", map[string]any{"issuer": "https://evil.example"}, signin.ReasonOther},
		{"authorization over http", map[string]any{"authorization_endpoint": "http://idp.example/authorize"}, signin.ReasonOther},
		{"authorization by a script", map[string]any{"authorization_endpoint": "javascript:alert(1)"}, signin.ReasonOther},
		{"token over http", map[string]any{"token_endpoint": "http://idp.example/token"}, signin.ReasonOther},
		{"token nowhere", map[string]any{"token_endpoint": ""}, signin.ReasonOther},
		{"keys in a file", map[string]any{"jwks_uri": "file:///etc/passwd"}, signin.ReasonOther},
		{"logout with a user", map[string]any{"end_session_endpoint": "https://u:p@idp.example/logout"}, signin.ReasonOther},
		{"other types", map[string]any{"authorization_endpoint": 7}, signin.ReasonUnreachable},
		{"too long", map[string]any{"more": strings.Repeat("m", 2<<20)}, signin.ReasonUnreachable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i := imitate(t, nil)
			i.metadata = test.edit
			p := newProvider(t, i.config(signin.KindOIDC))
			_, err := p.Begin(t.Context(), newAttempt())
			refused(t, err, test.want)
			if got := p.SignOutURL(t.Context(), after, signin.Credentials{}); got != "" {
				t.Errorf("SignOutURL = %q, want none", got)
			}
		})
	}
}

// TestKeysAway: that keys cannot be had is no forgery.
func TestKeysAway(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		a := newAttempt()
		i := imitate(t, nil)
		i.token = func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
		}
		i.keys = func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "<html>busy", http.StatusServiceUnavailable)
		}
		_, _, err := i.finish(t, kind, a)
		refused(t, err, signin.ReasonUnreachable)
	}
}

func ecCertificate(t *testing.T, curve elliptic.Curve) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Patrol"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key
}

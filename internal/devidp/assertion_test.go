package devidp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"github.com/patrolhq/patrol/internal/devidp"
)

const certificateID = "5d4c3b2a-1f0e-4d9c-8b7a-6f5e4d3c2b1a"

// certificate is one that a client has the key of.
type certificate struct {
	*x509.Certificate
	Key *rsa.PrivateKey
}

// newCertificate makes one that is valid for a day.
func newCertificate(tb testing.TB) certificate {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return certificate{parsed, key}
}

// registerCertificates gives the confidential client certificates beside its
// secret, and adds a client that has nothing else.
func registerCertificates(pairs ...certificate) func(*devidp.Config) {
	return func(cfg *devidp.Config) {
		for _, pair := range pairs {
			cfg.Clients[2].Certificates = append(cfg.Clients[2].Certificates, pair.Certificate)
		}
		cfg.Clients = append(cfg.Clients, devidp.Client{
			ID: certificateID, Certificates: cfg.Clients[2].Certificates,
			RedirectURIs: []string{"https://other.contoso.example/signed-in"},
		})
	}
}

// assertion is one that a client is about to sign.
type assertion struct {
	Algorithm jose.SignatureAlgorithm
	Key       any
	Header    map[string]any
	Claims    map[string]any
}

// newAssertion is one that the provider takes.
func (s *site) newAssertion(pair certificate) *assertion {
	sum := sha256.Sum256(pair.Raw)
	return &assertion{
		Algorithm: jose.PS256, Key: pair.Key,
		Header: map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])},
		Claims: map[string]any{
			"aud": s.authority() + "/oauth2/v2.0/token", "iss": confidentialID, "sub": confidentialID, "jti": uuid.NewString(),
			"nbf": s.clock.now().Unix(), "exp": s.clock.now().Add(10 * time.Minute).Unix(),
		},
	}
}

func (a *assertion) sign(tb testing.TB) string {
	tb.Helper()
	options := &jose.SignerOptions{}
	for name, value := range a.Header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: a.Algorithm, Key: a.Key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(a.Claims)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

// assertedForm is a token request by assertion.
func assertedForm(signed string) url.Values {
	return with(clientForm(), "client_secret", "", "client_assertion", signed,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	pair, second := newCertificate(t), newCertificate(t)
	s := startPlain(t, registerCertificates(pair, second))
	claim := func(name string, value any) func(*assertion) {
		return func(a *assertion) { a.Claims[name] = value }
	}
	sum := sha1.Sum(pair.Raw)
	for name, edit := range map[string]func(*assertion){
		"PS256":              func(*assertion) {},
		"RS256":              func(a *assertion) { a.Algorithm = jose.RS256 },
		"SHA-1 thumbprint":   func(a *assertion) { a.Header = map[string]any{"x5t": base64.RawURLEncoding.EncodeToString(sum[:])} },
		"padded thumbprint":  func(a *assertion) { a.Header = map[string]any{"x5t": base64.StdEncoding.EncodeToString(sum[:])} },
		"second certificate": func(a *assertion) { a.Key, a.Header = second.Key, s.newAssertion(second).Header },
		"audience by domain": claim("aud", s.URL+"/"+domain+"/oauth2/v2.0/token"),
		"audience in common": claim("aud", s.URL+"/common/oauth2/v2.0/token"),
		"issuer as audience": claim("aud", s.Issuer()),
		"version 1 issuer":   claim("aud", s.authority()+"/"),
		"audience in a list": claim("aud", []string{s.Issuer()}),
		"upper-case client": func(a *assertion) {
			a.Claims["iss"], a.Claims["sub"] = strings.ToUpper(confidentialID), strings.ToUpper(confidentialID)
		},
		"without nbf": func(a *assertion) { delete(a.Claims, "nbf") },
		"slow clock":  claim("exp", s.clock.now().Add(-4*time.Minute).Unix()),
		"fast clock":  claim("nbf", s.clock.now().Add(4*time.Minute).Unix()),
	} {
		t.Run(name, func(t *testing.T) {
			a := s.newAssertion(pair)
			edit(a)
			got := s.checkTokens(t, assertedForm(a.sign(t)))
			if claims := readClaims(t, got.JSON["access_token"].(string)); claims["azpacr"] != "2" || claims["azp"] != confidentialID {
				t.Errorf("azp, azpacr = %v, %v, want the client and 2", claims["azp"], claims["azpacr"])
			}
		})
	}
}

// TestAssertionAttacks holds what an assertion is refused for.
func TestAssertionAttacks(t *testing.T) {
	t.Parallel()
	pair, stranger := newCertificate(t), newCertificate(t)
	s := startPlain(t, registerCertificates(pair))
	claim := func(name string, value any) func(*assertion) {
		return func(a *assertion) { a.Claims[name] = value }
	}
	public, err := x509.MarshalPKIXPublicKey(pair.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		edit   func(*assertion)
		number int
	}{
		{"HS256 with the public key", func(a *assertion) { a.Algorithm, a.Key = jose.HS256, public }, 5002738},
		{"HS256 with the certificate", func(a *assertion) { a.Algorithm, a.Key = jose.HS256, pair.Raw }, 5002738},
		{"RS512", func(a *assertion) { a.Algorithm = jose.RS512 }, 5002738},
		{"no thumbprint", func(a *assertion) { a.Header = nil }, 50027},
		{"thumbprint of another type", func(a *assertion) { a.Header["x5t#S256"] = []int{1} }, 50027},
		{"empty thumbprint", func(a *assertion) { a.Header["x5t#S256"] = "" }, 700027},
		{"own certificate", func(a *assertion) { a.Key, a.Header = stranger.Key, s.newAssertion(stranger).Header }, 700027},
		{"own key", func(a *assertion) { a.Key = stranger.Key }, 700027},
		{"own key in the header", func(a *assertion) {
			a.Key, a.Header["jwk"] = stranger.Key, jose.JSONWebKey{Key: stranger.Key.Public()}
		}, 700027},
		{"own certificate in the header", func(a *assertion) {
			a.Key, a.Header["x5c"] = stranger.Key, []string{base64.StdEncoding.EncodeToString(stranger.Raw)}
		}, 700027},
		{"another's issuer", claim("iss", certificateID), 700021},
		{"another's subject", claim("sub", certificateID), 700021},
		{"no subject", claim("sub", ""), 700021},
		{"another audience", claim("aud", "https://idp.example/"+tenant+"/oauth2/v2.0/token"), 700023},
		{"another tenant", claim("aud", s.URL+"/00000000-0000-0000-0000-000000000000/v2.0"), 700023},
		{"another endpoint", claim("aud", s.authority()+"/oauth2/v2.0/authorize"), 700023},
		{"longer origin", claim("aud", s.URL+"0/"+tenant+"/oauth2/v2.0/token"), 700023},
		{"no tenant", claim("aud", s.URL+"/"), 700023},
		{"two audiences", claim("aud", []string{s.Issuer(), "https://evil.example/"}), 700023},
		{"no audience", claim("aud", []string{}), 700023},
		{"expired", claim("exp", s.clock.now().Add(-6*time.Minute).Unix()), 700024},
		{"too long", claim("exp", s.clock.now().Add(25*time.Hour).Unix()), 700024},
		{"endless", claim("exp", int64(1)<<53), 700024},
		{"beyond numbers", claim("exp", 1e300), 50027},
		{"too early", claim("nbf", s.clock.now().Add(6*time.Minute).Unix()), 700024},
		{"never expires", func(a *assertion) { delete(a.Claims, "exp") }, 50027},
		{"no id", func(a *assertion) { delete(a.Claims, "jti") }, 50027},
		{"bad claims", claim("exp", "soon"), 50027},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := s.newAssertion(pair)
			test.edit(a)
			checkRefused(t, s.token(t, assertedForm(a.sign(t))), 401, "invalid_client", test.number)
		})
	}

	good := s.newAssertion(pair).sign(t)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","x5t#S256":"` + s.newAssertion(pair).Header["x5t#S256"].(string) + `"}`))
	checkRefused(t, s.token(t, assertedForm(none+"."+payload+".")), 401, "invalid_client", 5002738)
	checkRefused(t, s.token(t, assertedForm(header+"."+payload+".")), 401, "invalid_client", 700027)
	checkRefused(t, s.token(t, assertedForm(header+"."+payload)), 401, "invalid_client", 50027)
	checkRefused(t, s.token(t, assertedForm("noise")), 401, "invalid_client", 50027)
	changed := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + certificateID + `"}`))
	checkRefused(t, s.token(t, assertedForm(header+"."+changed+"."+signature)), 401, "invalid_client", 700027)

	form := func(pairs ...string) url.Values { return with(assertedForm(good), pairs...) }
	checkRefused(t, s.token(t, form("client_assertion_type", "")), 400, "invalid_request", 900144)
	checkRefused(t, s.token(t, form("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")), 400, "invalid_request", 9002313)
	checkRefused(t, s.token(t, form("client_secret", secret)), 400, "invalid_request", 9002313)
	checkRefused(t, s.token(t, form("client_id", certificateID)), 401, "invalid_client", 700021)
	checkRefused(t, s.token(t, form("client_id", publicID)), 401, "invalid_client", 700025)
	checkRefused(t, startPlain(t).token(t, form()), 401, "invalid_client", 700026)
	s.checkTokens(t, form())
	checkRefused(t, s.token(t, form()), 401, "invalid_client", 50027)
}

// TestAssertionByExpiredCertificate holds that a client cannot go on with a
// certificate that has ended.
func TestAssertionByExpiredCertificate(t *testing.T) {
	t.Parallel()
	pair := newCertificate(t)
	s := startPlain(t, registerCertificates(pair))
	for _, shift := range []time.Duration{25 * time.Hour, -50 * time.Hour} {
		s.clock.advance(shift)
		checkRefused(t, s.token(t, assertedForm(s.newAssertion(pair).sign(t))), 401, "invalid_client", 700027)
	}
}

// TestCertificateOnly is about a client that has no secret at all.
func TestCertificateOnly(t *testing.T) {
	t.Parallel()
	pair := newCertificate(t)
	s := startPlain(t, registerCertificates(pair))
	checkRefused(t, s.token(t, with(clientForm(), "client_id", certificateID, "client_secret", "")), 401, "invalid_client", 7000218)
	checkRefused(t, s.token(t, with(clientForm(), "client_id", certificateID)), 401, "invalid_client", 7000215)
	foreign := s.get(t, s.authorizeURL(with(authorizeForm(), "client_id", certificateID)))
	if foreign.StatusCode != 400 || !strings.Contains(foreign.Text, "AADSTS50011") {
		t.Errorf("authorize with an unregistered loopback address = %d, want AADSTS50011 as for every confidential client", foreign.StatusCode)
	}

	a := s.newAssertion(pair)
	a.Claims["iss"], a.Claims["sub"] = certificateID, certificateID
	request := with(authorizeForm(), "client_id", certificateID, "redirect_uri", "https://other.contoso.example/signed-in")
	code := s.codeFor(t, request)
	checkRefused(t, s.token(t, code), 401, "invalid_client", 7000218)
	code.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	code.Set("client_assertion", a.sign(t))
	s.checkTokens(t, code)
}

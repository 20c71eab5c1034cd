package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"
)

const (
	authority = "https://login.example"
	tenantID  = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	otherID   = "99999999-4f89-41d3-9a0c-0305e82c3301"
	aliceID   = "11111111-2222-4333-8444-555555555555"
	openID    = "https://accounts.example/realms/main"
	clientID  = "872cd9fa-d31f-45e0-9eab-6e460a02d1f1"
)

var (
	start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

	rsaKey      = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
	nextRSAKey  = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(2048) })
	smallRSAKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey(1024) })
	p256Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P256()) })
	p384Key     = sync.OnceValue(func() *ecdsa.PrivateKey { return newECKey(elliptic.P384()) })
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func newRSAKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newECKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// provider publishes keys for every issuer on every host.
type provider struct {
	discoveries, fetches atomic.Int64

	mu   sync.Mutex
	keys jose.JSONWebKeySet
	// discovery and keySet answer instead of the provider itself when set.
	discovery, keySet http.HandlerFunc
}

func newProvider(keys ...jose.JSONWebKey) *provider {
	if len(keys) == 0 {
		keys = []jose.JSONWebKey{{Key: rsaKey().Public(), KeyID: "rsa", Use: "sig"}}
	}
	return &provider{keys: jose.JSONWebKeySet{Keys: keys}}
}

func (p *provider) publish(keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys.Keys, p.keySet = keys, nil
}

func (p *provider) answerKeys(with http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keySet = with
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	keys, discovery, keySet := p.keys, p.discovery, p.keySet
	p.mu.Unlock()
	path, discovers := strings.CutSuffix(r.URL.Path, wellKnown)
	var document any
	switch {
	case discovers:
		p.discoveries.Add(1)
		if discovery != nil {
			discovery(w, r)
			return
		}
		document = map[string]string{
			"issuer": r.URL.Scheme + "://" + r.URL.Host + path, "jwks_uri": r.URL.Scheme + "://" + r.URL.Host + "/keys",
		}
	case r.URL.Path == "/keys":
		p.fetches.Add(1)
		if keySet != nil {
			keySet(w, r)
			return
		}
		document = keys
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		panic(err)
	}
}

// inProcess reaches a handler without a network. It answers as a server would
// that notices when its client gives up.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	incoming := r.Clone(r.Context())
	incoming.Host = r.URL.Host
	if incoming.Body == nil {
		incoming.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, incoming)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// config accepts one Entra tenant and one OpenID Connect issuer of p.
func config(p *provider, now func() time.Time) Config {
	return Config{
		Issuers: []Issuer{
			{Kind: KindEntra, URL: authority, Tenants: []string{tenantID}},
			{Kind: KindOIDC, URL: openID},
		},
		HTTP: &http.Client{Transport: inProcess{p}},
		Now:  now,
	}
}

func newVerifier(t testing.TB, cfg Config) *Verifier {
	t.Helper()
	v, err := New(cfg)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return v
}

func fixed() time.Time { return start }

// claimSet is the payload of a token in the making.
type claimSet map[string]any

// with returns a copy of c in which the claims of changes are set, or absent
// where they are nil.
func (c claimSet) with(changes claimSet) claimSet {
	changed := maps.Clone(c)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, value any) bool { return value == nil })
	return changed
}

func commonClaims() claimSet {
	return claimSet{
		"aud": DefaultAudience,
		"iat": start.Add(-time.Minute).Unix(),
		"nbf": start.Add(-time.Minute).Unix(),
		"exp": start.Add(time.Hour).Unix(),
	}
}

func v2Claims() claimSet {
	return commonClaims().with(claimSet{
		"iss": authority + "/" + tenantID + "/v2.0", "ver": "2.0", "tid": tenantID, "oid": aliceID,
		"sub": "pairwise", "azp": clientID, "scp": "user_impersonation",
		"name": "Alice Ames", "preferred_username": "alice@contoso.example",
	})
}

func v1Claims() claimSet {
	return commonClaims().with(claimSet{
		"iss": authority + "/" + tenantID + "/", "ver": "1.0", "tid": tenantID, "oid": aliceID,
		"sub": "pairwise", "appid": clientID, "scp": "user_impersonation",
		"name": "Alice Ames", "upn": "alice@contoso.example", "unique_name": "alice@contoso.example",
	})
}

func openIDClaims() claimSet {
	return commonClaims().with(claimSet{
		"iss": openID, "sub": "alice", "client_id": "patrol", "scope": "openid vso.pats",
		"name": "Alice Ames", "preferred_username": "alice",
	})
}

// signed makes a token. A nil header value leaves that parameter out.
func signed(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[string]any, c claimSet) string {
	t.Helper()
	return signedText(t, algorithm, key, header, marshal(t, c))
}

func signedText(t testing.TB, algorithm jose.SignatureAlgorithm, key any, header map[string]any, payload []byte) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatalf("NewSigner(%s) = %v", algorithm, err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatalf("Sign(%s) = %v", algorithm, err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatalf("CompactSerialize = %v", err)
	}
	return token
}

// good makes a token of c as a right issuer would.
func good(t testing.TB, c claimSet) string {
	t.Helper()
	return signed(t, jose.RS256, rsaKey(), map[string]any{"kid": "rsa", "typ": "JWT"}, c)
}

// assembled makes a token of parts that no signer would make.
func assembled(header, payload string, signature []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode(signature)
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("Marshal = %v", err)
	}
	return text
}

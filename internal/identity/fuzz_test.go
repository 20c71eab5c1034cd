package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/patrolhq/patrol/internal/pat"
)

// fuzzKey is the same in every process, because fuzzing workers check tokens
// that another process signed.
func fuzzKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	scalar := sha256.Sum256([]byte("a key for fuzzing"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func fuzzVerifier(t testing.TB) *Verifier {
	t.Helper()
	p := newProvider(jose.JSONWebKey{Key: fuzzKey(t).Public(), KeyID: "fuzz"})
	return newVerifier(t, config(p, fixed))
}

func fuzzSigned(t testing.TB, payload []byte) string {
	t.Helper()
	return signedText(t, jose.ES256, fuzzKey(t), map[string]any{"kid": "fuzz", "typ": "JWT"}, payload)
}

// FuzzAuthenticate looks for credentials that make the verifier panic, and for
// tokens that it accepts although nobody signed them.
func FuzzAuthenticate(f *testing.F) {
	v := fuzzVerifier(f)
	genuine := make(map[string]bool) // header and payload, as signed
	for _, claims := range []claimSet{v2Claims(), v1Claims(), openIDClaims()} {
		token := fuzzSigned(f, marshal(f, claims))
		genuine[token[:strings.LastIndexByte(token, '.')]] = true
		f.Add(token)
	}
	payload := string(marshal(f, v2Claims()))
	f.Add("")
	f.Add("..")
	f.Add(strings.Repeat("a1B2", 21))
	f.Add(assembled(`{"alg":"none"}`, payload, nil))
	f.Add(assembled(`{"alg":"ES256","kid":"fuzz"}`, payload, make([]byte, 64)))
	f.Add(assembled(`{"alg":"ES256","kid":"fuzz","crit":["b64"],"b64":false}`, payload, make([]byte, 64)))
	f.Add(assembled(`{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"},"x5c":["AA=="]}`, payload, make([]byte, 256)))
	f.Add(hmacSigned(f, []byte("secret"), v2Claims()))
	f.Fuzz(func(t *testing.T, bearer string) {
		actor, err := v.Authenticate(t.Context(), bearer)
		if err == nil {
			if end := strings.LastIndexByte(bearer, '.'); end < 0 || !genuine[bearer[:end]] {
				t.Fatalf("Authenticate(%q) = %+v, but nobody signed that", bearer, actor)
			}
			return
		}
		if code := pat.CodeOf(err); code != pat.CodeUnauthenticated {
			t.Fatalf("Authenticate(%q) = %v of code %q, want a refusal", bearer, err, code)
		}
		if actor.ID != (pat.UUID{}) {
			t.Fatalf("Authenticate(%q) = %+v besides its refusal", bearer, actor)
		}
	})
}

// FuzzClaims signs whatever it is given with the right key, and compares what
// the verifier makes of it with a plain reading of the claims.
func FuzzClaims(f *testing.F) {
	v := fuzzVerifier(f)
	for _, claims := range []claimSet{
		v2Claims(), v1Claims(), openIDClaims(),
		v2Claims().with(claimSet{"scp": nil, "idtyp": "app", "roles": []string{"a"}}),
		v2Claims().with(claimSet{"aud": []string{"a", DefaultAudience}, "exp": 1e300}),
		openIDClaims().with(claimSet{"exp": float64(start.Unix()) + 0.5, "groups": []string{"a"}}),
	} {
		f.Add(marshal(f, claims))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		actor, err := v.Authenticate(t.Context(), fuzzSigned(t, payload))
		if err != nil {
			if code := pat.CodeOf(err); code != pat.CodeUnauthenticated {
				t.Fatalf("Authenticate = %v of code %q, want a refusal", err, code)
			}
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(payload, &plain); err != nil {
			t.Fatalf("Authenticate accepted claims that are no JSON object: %v", err)
		}
		issuer, _ := plain["iss"].(string)
		trust := v.trusted[issuer]
		expiry, _ := plain["exp"].(float64)
		if trust == nil || expiry <= float64(start.Add(-v.skew).Unix()) || !strings.Contains(string(marshal(t, plain["aud"])), DefaultAudience) {
			t.Fatalf("Authenticate accepted issuer %q, expiry %v, audience %v", issuer, plain["exp"], plain["aud"])
		}
		want := actor.ID
		if trust.version == "" {
			want = pat.HashUUID(issuer, plain["sub"].(string))
		} else if object, err := pat.ParseUUID(plain["oid"].(string)); err == nil {
			want = object
		}
		if actor.ID != want || actor.ID.IsZero() || actor.Tenant != trust.tenant {
			t.Fatalf("Authenticate = %+v of %s", actor, payload)
		}
	})
}

// FuzzKeySet looks for key sets that make the verifier panic, or trust a key
// that is not public.
func FuzzKeySet(f *testing.F) {
	f.Add(marshal(f, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{oldKey(), {Key: p256Key().Public(), KeyID: "p256"}}}))
	f.Add(marshal(f, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: []byte("secret")}, {Key: p384Key()}}}))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := newProvider()
		p.answerKeys(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
		ring, err := newRemote(&http.Client{Transport: inProcess{p}}).keys(t.Context(), keySource{issuer: openID, keysURL: "https://accounts.example/keys"})
		if err != nil {
			return
		}
		for _, k := range ring.keys {
			if len(k.algorithms) == 0 || len(algorithmsOf(k.public)) == 0 {
				t.Fatalf("a key of type %T is trusted with %v", k.public, k.algorithms)
			}
		}
	})
}

package identity

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/patrolhq/patrol/internal/pat"
)

// hmacSigned makes an HS256 token, which no check of ours may ever reach.
func hmacSigned(t testing.TB, secret []byte, c claimSet) string {
	t.Helper()
	unsigned := strings.TrimSuffix(assembled(`{"alg":"HS256","kid":"rsa","typ":"JWT"}`, string(marshal(t, c)), nil), ".")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(unsigned))
	return unsigned + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func publicPEM(t testing.TB) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatalf("MarshalPKIXPublicKey = %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestAuthenticateRefuses(t *testing.T) {
	t.Parallel()
	p := newProvider(
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "rsa", Use: "sig"},
		jose.JSONWebKey{Key: smallRSAKey().Public(), KeyID: "small"},
		jose.JSONWebKey{Key: nextRSAKey().Public(), KeyID: "encryption", Use: "enc"},
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "rs256", Algorithm: "RS256"},
		jose.JSONWebKey{Key: []byte("a secret that should not be here"), KeyID: "secret"},
		jose.JSONWebKey{Key: nextRSAKey(), KeyID: "private"},
		jose.JSONWebKey{Key: p256Key().Public(), KeyID: "p256"},
	)
	v := newVerifier(t, config(p, fixed))
	v2 := string(marshal(t, v2Claims()))
	jwk := marshal(t, jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "rsa"})
	valid := good(t, v2Claims())
	parts := strings.Split(valid, ".")
	rs := func(header map[string]any, c claimSet) string { return signed(t, jose.RS256, rsaKey(), header, c) }
	foreign := func(header map[string]any) string {
		return signed(t, jose.RS256, nextRSAKey(), header, v2Claims())
	}
	raw := func(payload string) string {
		return signedText(t, jose.RS256, rsaKey(), map[string]any{"kid": "rsa"}, []byte(payload))
	}
	replaced := func(old, new string) string {
		if !strings.Contains(v2, old) {
			t.Fatalf("no %s in the claims", old)
		}
		return raw(strings.Replace(v2, old, new, 1))
	}
	const (
		malformed = "not an access token that this service can read"
		unknown   = "issuer or a tenant that is not accepted"
		unsigned  = "not signed with a key that its issuer publishes"
		wrong     = "signature is wrong"
		types     = "not of the expected types"
		tenant    = "tenant does not belong"
		version   = "version does not belong"
		whose     = "does not say whose it is"
		audience  = "for another service"
	)
	tests := []struct{ name, token, want string }{
		{"nothing", "", "no access token"},
		{"noise", "noise", malformed},
		{"PAT", strings.Repeat("a1B2", 21), "personal access token cannot"},
		{"old PAT", strings.Repeat("a2b3", 13), "personal access token cannot"},
		{"two parts", parts[0] + "." + parts[1], malformed},
		{"four parts", valid + "." + parts[2], malformed},
		{"encrypted", valid + "." + parts[0] + "." + parts[1], malformed},
		{"many dots", strings.Repeat(".", 16000), malformed},
		{"only dots", "..", malformed},
		{"JSON serialization", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2]), malformed},
		{"oversized", strings.Repeat("a", maxToken+1), "too large"},
		{"oversized but signed", good(t, v2Claims().with(claimSet{"padding": strings.Repeat("x", maxToken)})), "too large"},
		{"space before", " " + valid, malformed},
		{"line break inside", valid[:40] + "\n" + valid[40:], malformed},
		{"padded base64", valid + "==", malformed},
		{"standard base64", parts[0] + "." + parts[1] + "." + base64.RawStdEncoding.EncodeToString([]byte{0xfb, 0xff}), malformed},
		{"invalid base64", parts[0] + ".%%%." + parts[2], malformed},
		{"base64 with stray bits", parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + next(parts[2][len(parts[2])-1]), malformed},
		{"header is no JSON", assembled("header", v2, []byte("s")), malformed},
		{"header is an array", assembled(`["RS256"]`, v2, []byte("s")), malformed},
		{"nested header", assembled(`{"alg":"RS256","kid":"rsa","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`, v2, []byte("s")), malformed},
		{"nested payload", raw(`{"iss":"` + openID + `","sub":"alice","x":` + strings.Repeat(`{"x":`, 1500) + "1" + strings.Repeat("}", 1500) + `}`), malformed},
		{"payload is no JSON", raw("payload"), types},
		{"payload is null", raw("null"), unknown},
		{"payload and more", raw(v2 + "{}"), types},
		{"empty payload", raw(""), types},

		{"none", assembled(`{"alg":"none"}`, v2, nil), malformed},
		{"none with kid", assembled(`{"alg":"none","kid":"rsa"}`, v2, nil), malformed},
		{"None", assembled(`{"alg":"None"}`, v2, nil), malformed},
		{"no algorithm", assembled(`{"kid":"rsa"}`, v2, []byte("s")), malformed},
		{"algorithm twice", assembled(`{"alg":"RS256","alg":"none","kid":"rsa"}`, v2, nil), malformed},
		{"no signature", parts[0] + "." + parts[1] + ".", wrong},
		{"HMAC with the public key as PEM", hmacSigned(t, publicPEM(t), v2Claims()), malformed},
		{"HMAC with the public key as JWK", hmacSigned(t, jwk, v2Claims()), malformed},
		{"HMAC with the modulus", hmacSigned(t, rsaKey().N.Bytes(), v2Claims()), malformed},
		{"published secret", signed(t, jose.HS256, []byte("a secret that should not be here"), map[string]any{"kid": "secret"}, v2Claims()), malformed},
		{"EdDSA", assembled(`{"alg":"EdDSA","kid":"rsa"}`, v2, make([]byte, 64)), malformed},
		{"ES256 on an RSA key", signed(t, jose.ES256, p256Key(), map[string]any{"kid": "rsa"}, v2Claims()), wrong},
		{"ES256 with zeros", assembled(`{"alg":"ES256","kid":"p256"}`, v2, make([]byte, 64)), wrong},
		{"RS256 on an EC key", rs(map[string]any{"kid": "p256"}, v2Claims()), wrong},
		{"PS256 on an RS256 key", signed(t, jose.PS256, rsaKey(), map[string]any{"kid": "rs256"}, v2Claims()), wrong},
		{"header claims another algorithm", algorithmSwapped(t, v2), wrong},

		{"right issuer, wrong key", foreign(map[string]any{"kid": "rsa"}), wrong},
		{"right issuer, unknown key", foreign(map[string]any{"kid": "other"}), unsigned},
		{"encryption key", foreign(map[string]any{"kid": "encryption"}), unsigned},
		{"key whose private part is published", foreign(map[string]any{"kid": "private"}), unsigned},
		{"small key", assembled(`{"alg":"RS256","kid":"small"}`, v2, pkcs1(t, smallRSAKey(), `{"alg":"RS256","kid":"small"}`, v2)), unsigned},
		{"no kid though keys are several", rs(nil, v2Claims()), unsigned},
		{"embedded jwk", foreign(map[string]any{"kid": "other", "jwk": jose.JSONWebKey{Key: nextRSAKey().Public(), KeyID: "other"}}), unsigned},
		{"jku", foreign(map[string]any{"kid": "other", "jku": "https://evil.example/keys"}), unsigned},
		{"x5u", foreign(map[string]any{"kid": "other", "x5u": "https://evil.example/chain"}), unsigned},
		{"kid as a path", foreign(map[string]any{"kid": "../../../../dev/null"}), unsigned},
		{"kid of another type", assembled(`{"alg":"RS256","kid":7}`, v2, []byte("s")), malformed},
		{"critical extension", rs(map[string]any{"kid": "rsa", "crit": []string{"exp"}, "exp": 1}, v2Claims()), malformed},
		{"unencoded payload", assembled(`{"alg":"RS256","kid":"rsa","b64":false,"crit":["b64"]}`, v2, []byte("s")), malformed},
		{"logout token", rs(map[string]any{"kid": "rsa", "typ": "logout+jwt"}, v2Claims()), malformed},
		{"typ of another type", rs(map[string]any{"kid": "rsa", "typ": []string{"JWT"}}, v2Claims()), malformed},
		{"changed payload", parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(v2, aliceID, otherID, 1))) + "." + parts[2], wrong},
		{"changed header", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"rsa"}`)) + "." + parts[1] + "." + parts[2], wrong},

		{"wrong issuer, same key", good(t, v2Claims().with(claimSet{"iss": "https://evil.example/" + tenantID + "/v2.0"})), unknown},
		{"no issuer", good(t, v2Claims().with(claimSet{"iss": nil})), unknown},
		{"issuer is an array", good(t, v2Claims().with(claimSet{"iss": []string{openID}})), types},
		{"issuer template", good(t, v2Claims().with(claimSet{"iss": authority + "/{tenantid}/v2.0"})), unknown},
		{"issuer of all tenants", good(t, v2Claims().with(claimSet{"iss": authority + "/common/v2.0"})), unknown},
		{"issuer with a slash", good(t, v2Claims().with(claimSet{"iss": v2Claims()["iss"].(string) + "/"})), unknown},
		{"issuer in upper case", good(t, openIDClaims().with(claimSet{"iss": strings.ToUpper(openID)})), unknown},
		{"issuer twice", replaced(`"iss":`, `"iss":"`+openID+`","iss":`), types},
		{"tenant not accepted", good(t, v2Claims().with(claimSet{"iss": authority + "/" + otherID + "/v2.0", "tid": otherID})), unknown},
		{"application of a tenant not accepted", good(t, v2Claims().with(claimSet{"iss": authority + "/" + otherID + "/v2.0", "tid": otherID, "scp": nil, "idtyp": "app"})), unknown},
		{"tid of another tenant", good(t, v2Claims().with(claimSet{"tid": otherID})), tenant},
		{"no tid", good(t, v2Claims().with(claimSet{"tid": nil})), tenant},
		{"v1 issuer, v2 token", good(t, v2Claims().with(claimSet{"iss": v1Claims()["iss"]})), version},
		{"v2 issuer, v1 token", good(t, v1Claims().with(claimSet{"iss": v2Claims()["iss"]})), version},
		{"no version", good(t, v2Claims().with(claimSet{"ver": nil})), version},
		{"no oid", good(t, v2Claims().with(claimSet{"oid": nil})), whose},
		{"oid is no UUID", good(t, v2Claims().with(claimSet{"oid": "alice"})), whose},
		{"oid is zero", good(t, v2Claims().with(claimSet{"oid": pat.UUID{}.String()})), whose},
		{"oid twice", replaced(`"oid":`, `"oid":"`+otherID+`","oid":`), types},
		{"openid without sub", good(t, openIDClaims().with(claimSet{"sub": nil, "oid": aliceID})), whose},
		{"openid with a long sub", good(t, openIDClaims().with(claimSet{"sub": strings.Repeat("a", 256)})), whose},
		{"sub is not UTF-8", raw(strings.Replace(string(marshal(t, openIDClaims())), `"alice"`, "\"alic\xe9\"", 2)), whose},
		{"sub is half a character", raw(strings.Replace(string(marshal(t, openIDClaims())), `"sub":"alice"`, `"sub":"alic\ud800"`, 1)), whose},
		{"sub is a number", good(t, openIDClaims().with(claimSet{"sub": 7})), types},

		{"wrong audience", good(t, v2Claims().with(claimSet{"aud": "00000003-0000-0000-c000-000000000000"})), audience},
		{"wrong audiences", good(t, v2Claims().with(claimSet{"aud": []string{"a", "b"}})), audience},
		{"no audience", good(t, v2Claims().with(claimSet{"aud": nil})), audience},
		{"audience with a slash", good(t, v2Claims().with(claimSet{"aud": DefaultAudience + "/"})), audience},
		{"audience is an object", good(t, v2Claims().with(claimSet{"aud": claimSet{DefaultAudience: 1}})), audience},
		{"audience mixed", good(t, v2Claims().with(claimSet{"aud": []any{DefaultAudience, 1}})), audience},
		{"ID token by audience", good(t, v2Claims().with(claimSet{"aud": clientID})), audience},
		{"ID token of the audience itself", good(t, openIDClaims().with(claimSet{"at_hash": "x"})), "ID token"},
		{"bound to a key", good(t, openIDClaims().with(claimSet{"cnf": claimSet{"jkt": "x"}})), "bound to a key"},

		{"expired", good(t, v2Claims().with(claimSet{"exp": start.Unix() - 60})), "expired"},
		{"expired in 1970", good(t, v2Claims().with(claimSet{"exp": 0})), "expired"},
		{"no exp", good(t, v2Claims().with(claimSet{"exp": nil})), "never expires"},
		{"exp is null", replaced(fmt.Sprintf(`"exp":%d`, start.Add(time.Hour).Unix()), `"exp":null`), "never expires"},
		{"exp is a string", good(t, v2Claims().with(claimSet{"exp": "1900000000"})), types},
		{"exp beyond all years", good(t, v2Claims().with(claimSet{"exp": 1e300})), types},
		{"exp is no float", replaced(fmt.Sprintf(`"exp":%d`, start.Add(time.Hour).Unix()), `"exp":1e999`), types},
		{"exp is negative", good(t, v2Claims().with(claimSet{"exp": -1})), types},
		{"exp twice", replaced(`"exp":`, `"exp":9,"exp":`), types},
		{"not yet valid", good(t, v2Claims().with(claimSet{"nbf": start.Unix() + 61})), "not valid yet"},
		{"issued in the future", good(t, v2Claims().with(claimSet{"iat": start.Unix() + 61})), "not valid yet"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			actor, err := v.Authenticate(t.Context(), test.token)
			if pat.CodeOf(err) != pat.CodeUnauthenticated || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("Authenticate = %+v, %v, want a refusal with %q", actor, err, test.want)
			}
			if !actor.ID.IsZero() {
				t.Errorf("Authenticate = %+v besides its refusal", actor)
			}
			for _, part := range strings.Split(test.token, ".") {
				if len(part) > 8 && strings.Contains(err.Error(), part) {
					t.Errorf("the refusal %q holds a part of the token", err)
				}
			}
		})
	}
	if _, err := v.Authenticate(t.Context(), valid); err != nil {
		t.Errorf("Authenticate of the unchanged token = %v", err)
	}
}

// next is the character after c in the alphabet of base64, within the bits
// that the last character of a 256-byte signature does not use.
func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

// algorithmSwapped has a right RS256 signature under a header that says RS512.
func algorithmSwapped(t testing.TB, payload string) string {
	t.Helper()
	const header = `{"alg":"RS512","kid":"rsa"}`
	return assembled(header, payload, pkcs1(t, rsaKey(), header, payload))
}

// pkcs1 signs as RS256 does, whatever the size of the key.
func pkcs1(t testing.TB, key *rsa.PrivateKey, header, payload string) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte(strings.TrimSuffix(assembled(header, payload, nil), ".")))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
	if err != nil {
		t.Fatalf("SignPKCS1v15 = %v", err)
	}
	return signature
}

// A signature of the same value in another length is another text.
func TestAuthenticateSignatureLength(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, config(newProvider(jose.JSONWebKey{Key: p256Key().Public(), KeyID: "p256"}), fixed))
	valid := signed(t, jose.ES256, p256Key(), map[string]any{"kid": "p256"}, openIDClaims())
	end := strings.LastIndexByte(valid, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(valid[end:])
	if err != nil {
		t.Fatal(err)
	}
	tooLong := append(append(make([]byte, 1), signature[:32]...), append(make([]byte, 1), signature[32:]...)...)
	if new(big.Int).SetBytes(tooLong[:33]).Cmp(new(big.Int).SetBytes(signature[:32])) != 0 {
		t.Fatal("the longer signature has another value")
	}
	_, err = v.Authenticate(t.Context(), valid[:end]+base64.RawURLEncoding.EncodeToString(tooLong))
	if pat.CodeOf(err) != pat.CodeUnauthenticated {
		t.Errorf("Authenticate = %v, want a refusal", err)
	}
}

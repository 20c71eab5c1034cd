package identity

import (
	"encoding/base64"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"github.com/patrolhq/patrol/internal/pat"
)

const (
	// maxToken bounds the size of an access token, in bytes. Entra's grow to
	// about 6 KiB with many groups.
	maxToken = 16 << 10
	// maxNesting bounds how deep the JSON of tokens and documents may nest.
	maxNesting = 16
)

// token is an access token of the right form.
type token struct {
	jws       *jose.JSONWebSignature
	algorithm string
	keyID     string // may be empty
	// unverified is what the token says. Before the signature has been
	// verified it is good for nothing but to choose the issuer's keys.
	unverified claims
}

// algorithms are those that a token may be signed with: with a public key
// only, so neither "none" nor HMAC.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{
		jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384,
	}
}

// parseToken reads a JWS in compact serialization (RFC 7515), in its canonical
// form only, so that no two texts are the same token.
func parseToken(bearer string) (*token, error) {
	malformed := refuse("the credential is not an access token that this service can read: sign in again and send the access token, a signed JWT")
	switch {
	case bearer == "":
		return nil, refuse("no access token: sign in and send one in the Authorization header")
	case looksLikePAT(bearer):
		return nil, refuse("a personal access token cannot call this API: sign in and send an access token of Microsoft Entra or your OpenID Connect issuer")
	}
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 || strings.ContainsAny(bearer, "\r\n") {
		return nil, malformed
	}
	for i, part := range parts {
		text, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || (i < 2 && tooDeep(text)) {
			return nil, malformed
		}
	}
	jws, err := jose.ParseSignedCompact(bearer, algorithms())
	if err != nil || len(jws.Signatures) != 1 {
		return nil, malformed
	}
	header := jws.Signatures[0].Protected
	if _, critical := header.ExtraHeaders["crit"]; critical || !acceptedType(header.ExtraHeaders[jose.HeaderType]) {
		return nil, malformed
	}
	t := &token{jws: jws, algorithm: header.Algorithm, keyID: header.KeyID}
	if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &t.unverified); err != nil {
		return nil, refuse("the access token's claims are broken or not of the expected types: ask the operator of the issuer")
	}
	return t, nil
}

func errTooLarge() error {
	return refuse("the access token is too large: at most 16 KiB are accepted, so let the issuer put fewer groups into it")
}

// acceptedType accepts the typ header of access tokens (RFC 9068 section 4),
// and its absence. Other kinds of token name another type.
func acceptedType(typ any) bool {
	if typ == nil {
		return true
	}
	name, ok := typ.(string)
	if !ok {
		return false
	}
	switch strings.TrimPrefix(strings.ToLower(name), "application/") {
	case "jwt", "at+jwt":
		return true
	}
	return false
}

// looksLikePAT reports whether text has the length and the characters of the
// personal access tokens of Azure DevOps, old or new.
func looksLikePAT(text string) bool {
	if len(text) != 52 && len(text) != pat.SecretLength {
		return false
	}
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// tooDeep reports whether JSON nests deeper than anything sensible does, so
// that decoding it need not find out by recursion.
func tooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{', c == '[':
			if depth++; depth > maxNesting {
				return true
			}
		case c == '}', c == ']':
			depth--
		}
	}
	return false
}

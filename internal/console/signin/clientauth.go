package signin

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"
)

// styles are the ways in which the issuer may take a secret, the best first:
// that which it took before, HTTP Basic, which is meant where it says nothing
// (OpenID Connect Discovery section 3), the form.
func (m metadata) styles(before oauth2.AuthStyle) []oauth2.AuthStyle {
	var styles []oauth2.AuthStyle
	if len(m.ClientAuthentication) == 0 || slices.Contains(m.ClientAuthentication, "client_secret_basic") {
		styles = append(styles, oauth2.AuthStyleInHeader)
	}
	if slices.Contains(m.ClientAuthentication, "client_secret_post") {
		styles = append(styles, oauth2.AuthStyleInParams)
	}
	if slices.Contains(styles, before) {
		return []oauth2.AuthStyle{before}
	}
	return styles
}

// refusesClient reports whether the client was not known by its credential,
// which is before anything else is looked at.
func refusesClient(err error) bool {
	e, ok := errors.AsType[*oauth2.RetrieveError](err)
	return ok && (e.ErrorCode == "invalid_client" || e.Response.StatusCode == http.StatusUnauthorized)
}

// curves are the algorithms of keys on elliptic curves (RFC 7518 section 3.4).
var curves = map[string]jose.SignatureAlgorithm{"P-256": jose.ES256, "P-384": jose.ES384, "P-521": jose.ES512}

// assertionLife is longer than a request takes.
const assertionLife = 5 * time.Minute

// assertion shows in each request of a form who the client is, by a token that
// it signs (private_key_jwt, OpenID Connect Core section 9, RFC 7523).
type assertion struct {
	next        http.RoundTripper
	certificate *Certificate
	clientID    string
	issuer      metadata
	now         func() time.Time
}

func (a assertion) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	token, err := a.sign()
	if err != nil {
		return nil, err
	}
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", token)
	signed := r.Clone(r.Context())
	body = []byte(form.Encode())
	signed.Body, signed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	signed.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return a.next.RoundTrip(signed)
}

func (a assertion) sign() (string, error) {
	thumbprint := sha256.Sum256(a.certificate.chain[0].Raw)
	options := (&jose.SignerOptions{}).WithType("JWT").
		WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(thumbprint[:]))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: a.algorithm(), Key: a.certificate.key}, options)
	if err != nil {
		return "", fmt.Errorf("signing as the application: %w", err)
	}
	now := a.now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: a.clientID, Subject: a.clientID, Audience: jwt.Audience{a.issuer.Token}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(assertionLife)),
	}).Serialize()
}

// algorithm is that of the key. With RSA it is the one which the issuer takes,
// and RS256, which all know, where it takes several or does not say.
func (a assertion) algorithm() jose.SignatureAlgorithm {
	if key, ok := a.certificate.key.(*ecdsa.PrivateKey); ok {
		return curves[key.Curve.Params().Name]
	}
	taken := a.issuer.AssertionAlgorithms
	if slices.Contains(taken, string(jose.PS256)) && !slices.Contains(taken, string(jose.RS256)) {
		return jose.PS256
	}
	return jose.RS256
}

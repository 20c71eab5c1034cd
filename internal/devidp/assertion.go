package devidp

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

	// assertionLife bounds how far ahead an assertion may expire. Libraries make
	// them for five or ten minutes.
	assertionLife = 24 * time.Hour
	// clockSkew is how far a client's clock may be wrong.
	clockSkew = 5 * time.Minute
)

var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256}

// checkAssertion checks that a client holds the key of one of its certificates
// (RFC 7523 section 3, by Entra's rules). An assertion is good once. The provider
// remembers which were used, in memory.
func (p *Provider) checkAssertion(client *Client, form url.Values) error {
	switch form.Get("client_assertion_type") {
	case assertionType:
	case "":
		return missing("client_assertion_type")
	default:
		return malformed("client_assertion_type must be " + assertionType)
	}
	if len(client.Certificates) == 0 {
		return invalidClient(700026, "Client application has no configured keys.")
	}
	c, err := client.verifyAssertion(form.Get("client_assertion"), p.cfg.Now())
	if err != nil {
		return err
	}
	if err := p.checkAssertionClaims(client, c); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.ToLower(client.ID) + "\n" + c.ID)) // bounds what is remembered
	if _, again := p.asserted.use(string(sum[:]), c.Expiry.Time()); again || !p.asserted.covers(c.Expiry.Time()) {
		return invalidClient(50027, "Invalid JWT token. The assertion was used before: its 'jti' must be another in every request.")
	}
	return nil
}

// verifyAssertion returns the claims of an assertion that one of the client's
// certificates signed.
func (c *Client) verifyAssertion(assertion string, now time.Time) (jwt.Claims, error) {
	var found jwt.Claims
	token, err := jwt.ParseSigned(assertion, assertionAlgorithms)
	if _, ok := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); ok {
		return found, invalidClient(5002738, "Invalid JWT token. Its algorithm is not supported. Supported signing algorithms are: 'RS256, PS256'")
	}
	if err != nil {
		return found, invalidClient(50027, "Invalid JWT token. The token is malformed.")
	}
	certificate, err := c.namedCertificate(token.Headers[0])
	if err != nil {
		return found, err
	}
	if now.Before(certificate.NotBefore) || now.After(certificate.NotAfter) {
		return found, badSignature("The key used is expired.")
	}
	if token.Claims(certificate.PublicKey) != nil {
		return found, badSignature("The provided signature value did not match the expected signature value.")
	}
	if token.Claims(certificate.PublicKey, &found) != nil {
		return found, invalidClient(50027, "Invalid JWT token. Its claims cannot be read.")
	}
	return found, nil
}

// namedCertificate is the certificate that an assertion's header names by its
// thumbprint. Certificates that come with the assertion prove nothing here.
func (c *Client) namedCertificate(header jose.Header) (*x509.Certificate, error) {
	name := "x5t#S256"
	value, ok := header.ExtraHeaders[jose.HeaderKey(name)].(string)
	if !ok {
		name = "x5t"
		value, ok = header.ExtraHeaders[jose.HeaderKey(name)].(string)
	}
	if !ok {
		return nil, invalidClient(50027, "Invalid JWT token. No certificate thumbprint specified in token header.")
	}
	// MSAL Go writes plain base64, others write base64url, as the RFC has it.
	value = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(value)
	for _, certificate := range c.Certificates {
		if thumbprint(certificate, name) == value {
			return certificate, nil
		}
	}
	return nil, badSignature("The key was not found.")
}

func thumbprint(certificate *x509.Certificate, header string) string {
	if header == "x5t" {
		sum := sha1.Sum(certificate.Raw) // a name, not a proof
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func badSignature(reason string) *refusal {
	return invalidClient(700027, "The certificate with identifier used to sign the client assertion is not registered on application, or the signature is invalid. [Reason - %s]", reason)
}

func (p *Provider) checkAssertionClaims(client *Client, c jwt.Claims) error {
	now := p.cfg.Now()
	switch {
	case !strings.EqualFold(c.Issuer, client.ID) || !strings.EqualFold(c.Subject, client.ID):
		return invalidClient(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
	case len(c.Audience) != 1 || !p.isAssertionAudience(c.Audience[0]):
		return invalidClient(700023, "Client assertion audience claim does not match Realm issuer. It must be the address of the token endpoint.")
	case c.Expiry == nil || c.ID == "":
		return invalidClient(50027, "Invalid JWT token. The assertion needs the claims 'exp' and 'jti'.")
	case now.After(c.Expiry.Time().Add(clockSkew)), c.Expiry.Time().After(now.Add(assertionLife)),
		c.NotBefore != nil && now.Before(c.NotBefore.Time().Add(-clockSkew)):
		return invalidClient(700024, "Client assertion is not within its valid time range. Current time: %s, expiry time of assertion %s.",
			now.UTC().Format(time.RFC3339), c.Expiry.Time().UTC().Format(time.RFC3339))
	}
	return nil
}

// isAssertionAudience reports whether an audience is the token endpoint or an
// issuer, under any name of the tenant.
func (p *Provider) isAssertionAudience(audience string) bool {
	rest, ok := strings.CutPrefix(strings.ToLower(audience), strings.ToLower(p.cfg.BaseURL)+"/")
	segment, path, _ := strings.Cut(rest, "/")
	if !ok || segment == "" {
		return false
	}
	_, err := p.resolveTenant(segment)
	return err == nil && (path == "oauth2/v2.0/token" || path == "v2.0" || path == "")
}

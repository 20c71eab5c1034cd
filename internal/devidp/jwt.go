package devidp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signer makes and checks the provider's own tokens.
type signer struct {
	jose   jose.Signer
	public jose.JSONWebKey
}

func newSigner(key *rsa.PrivateKey) (*signer, error) {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.RS256), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("naming the signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	s, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("making the signer: %w", err)
	}
	return &signer{s, public}, nil
}

// keySet says of itself that it is for development, so that no production
// service trusts it by mistake.
type keySet struct {
	jose.JSONWebKeySet
	Development bool `json:"patrol_development"`
}

func (s *signer) keySet() keySet {
	return keySet{jose.JSONWebKeySet{Keys: []jose.JSONWebKey{s.public}}, true}
}

func (s *signer) sign(c claims) (string, error) {
	token, err := jwt.Signed(s.jose).Claims(c).Serialize()
	if err != nil {
		return "", fmt.Errorf("signing token: %w", err)
	}
	return token, nil
}

// verify returns the claims of a token that the provider signed and that is
// valid at now, whatever its audience.
func (s *signer) verify(token string, now time.Time) (claims, error) {
	c, err := s.read(token)
	if err != nil {
		return c, err
	}
	if now.Unix() >= c.Expires || now.Unix() < c.NotBefore {
		return c, fmt.Errorf("token is not valid at this time")
	}
	return c, nil
}

// read returns the claims of a token that the provider signed at any time.
func (s *signer) read(token string) (claims, error) {
	var c claims
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return c, fmt.Errorf("reading token: %w", err)
	}
	if err := parsed.Claims(s.public, &c); err != nil {
		return c, fmt.Errorf("verifying token: %w", err)
	}
	return c, nil
}

// claims are those of Entra's access and ID tokens, of both versions.
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	AuthTime  int64  `json:"auth_time,omitempty"`

	AppID         string `json:"appid,omitempty"`    // version 1
	AppIDACR      string `json:"appidacr,omitempty"` // version 1
	AuthorizedBy  string `json:"azp,omitempty"`
	AuthorizedACR string `json:"azpacr,omitempty"`

	Contexts          []string `json:"acrs,omitempty"`
	Email             string   `json:"email,omitempty"`
	Groups            []string `json:"groups,omitempty"`
	IDType            string   `json:"idtyp,omitempty"`
	Name              string   `json:"name,omitempty"`
	Nonce             string   `json:"nonce,omitempty"`
	ObjectID          string   `json:"oid"`
	PreferredUsername string   `json:"preferred_username,omitempty"`
	Roles             []string `json:"roles,omitempty"`
	Scope             string   `json:"scp,omitempty"`
	Subject           string   `json:"sub"`
	TenantID          string   `json:"tid"`
	UniqueName        string   `json:"unique_name,omitempty"` // version 1
	UPN               string   `json:"upn,omitempty"`         // version 1
	UniqueTokenID     string   `json:"uti"`
	Version           string   `json:"ver"`
}

// newClaims are the claims that all tokens for a subject have.
func (p *Provider) newClaims(audience string) claims {
	now := p.cfg.Now()
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	return claims{
		Audience:      audience,
		Issuer:        p.Issuer(),
		IssuedAt:      now.Unix(),
		NotBefore:     now.Unix(),
		Expires:       now.Add(p.cfg.AccessTokenLife).Unix(),
		TenantID:      p.cfg.Tenant,
		UniqueTokenID: base64.RawURLEncoding.EncodeToString(id),
		Version:       "2.0",
	}
}

// accessToken signs a token for an audience: of g's user, with permissions, or
// of the client itself when there is none.
func (p *Provider) accessToken(g grant, audience string, permissions []string) (string, error) {
	c := p.newClaims(audience)
	if g.User == nil {
		c.IDType = "app"
		c.ObjectID = ServicePrincipalID(p.cfg.Tenant, g.Client.ID)
		c.Subject = c.ObjectID
		c.Roles = g.Client.Roles
	} else {
		c.describe(g.User)
		c.Subject = p.pairwise(audience, g.User)
		c.Scope = strings.Join(permissions, " ")
		c.Contexts = g.Contexts
	}
	acr := g.clientContext()
	if p.cfg.TokenVersion == 1 {
		c.Version, c.Issuer = "1.0", p.issuerV1()
		c.AppID, c.AppIDACR = g.Client.ID, acr
		c.UPN, c.UniqueName = c.PreferredUsername, c.PreferredUsername
		c.PreferredUsername = ""
	} else {
		c.AuthorizedBy, c.AuthorizedACR = g.Client.ID, acr
	}
	return p.signer.sign(c)
}

// clientContext says how the client proved itself: not at all, with a secret, or
// with a certificate.
func (g *grant) clientContext() string {
	switch {
	case g.Client.public():
		return "0"
	case g.Asserted:
		return "2"
	}
	return "1"
}

// idToken signs a token that tells the client who the user is.
func (p *Provider) idToken(client *Client, user *User, s scope, nonce string, authTime time.Time) (string, error) {
	c := p.newClaims(client.ID)
	c.describe(user)
	c.Subject = p.pairwise(client.ID, user)
	c.Nonce = nonce
	if !authTime.IsZero() {
		c.AuthTime = authTime.Unix()
	}
	if s.has(scopeEmail) {
		c.Email = user.Username
	}
	return p.signer.sign(c)
}

func (c *claims) describe(u *User) {
	c.ObjectID = strings.ToLower(u.ObjectID)
	c.Name = u.Name
	c.PreferredUsername = u.Username
	c.Roles = u.Roles
	c.Groups = u.Groups
}

// pairwise is the user's "sub" towards one application, which differs from
// application to application, as in Entra. Only "oid" tells who a user is.
func (p *Provider) pairwise(application string, u *User) string {
	sum := sha256.Sum256([]byte(p.cfg.Tenant + "\n" + strings.ToLower(application) + "\n" + strings.ToLower(u.ObjectID)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// clientInfo is the value from which MSAL makes the identifier of an account.
func (p *Provider) clientInfo(u *User) (string, error) {
	info, err := json.Marshal(map[string]string{"uid": strings.ToLower(u.ObjectID), "utid": p.cfg.Tenant})
	if err != nil {
		return "", fmt.Errorf("encoding client info: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(info), nil
}

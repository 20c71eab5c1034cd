// Package devidp is an identity provider for development and tests, shaped like
// Microsoft Entra ID: its paths, claims, parameters and AADSTS errors are those
// of Entra's v2.0 endpoints, so that unmodified Microsoft Authentication
// Libraries and any OpenID Connect library sign in against it.
//
// It is no production identity provider: anyone who reaches its sign-in page
// can become any seeded user with one click.
//
// [New] makes a [Provider] from a [Config]; the provider is an [http.Handler]
// for the root of its own origin. What must outlast a restart (refresh tokens,
// sign-in sessions, sign-ins under way) is sealed with [Config.SealKey] and held
// by the clients, so a provider that is made again with the same keys knows
// everybody it knew before. Only device codes that wait for their user are lost.
//
// People and tests can have a sign-in refused, to see what an application makes
// of it. The sign-in page has a form for that; where it is sent otherwise, the
// field "refuse" says how:
//
//   - in place of a code: 65004 (the person cancels), 90094 (need admin
//     approval), 65001 (consent is missing), 53003 (conditional access), 50105
//     (not assigned), 90033 (a transient error);
//   - when the code is redeemed: 7000222 (the client secret has expired), 50076
//     (more proof is needed), unavailable (a transient error, status 503);
//   - when the first refresh token is: renewal (more proof is needed), 700082
//     (the refresh token is gone).
//
// More proof is asked for by a claims challenge. It is asked for at every sign-in
// of that browser until an authorization request carries the challenge and the
// person signs in anew; the access tokens then have the claim "acrs". What was
// chosen is sealed too, so that it holds on every node and after a restart.
//
// The provider serves one tenant. [Config.Tenant], [Config.Domain], "common"
// and "organizations" are accepted as tenant segment, in any case. Whichever is
// used, discovery names the issuer BaseURL/Tenant/v2.0, which is the one in the
// tokens. So OpenID Connect libraries, which compare the issuer with the address
// they asked, must be given the tenant's UUID; libraries that know Entra take
// any segment.
package devidp

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DefaultAudience is the application id of Azure DevOps in Entra.
const DefaultAudience = "499b84ac-1321-427f-aa17-267ca6975798"

// User is a person who can sign in.
type User struct {
	// ObjectID is a UUID, the "oid" of the user's tokens.
	ObjectID string
	// Username is the user principal name, such as alice@contoso.example. It is
	// compared without regard to case.
	Username string
	// Password may be empty; then the user can only be picked on the sign-in page.
	Password string
	// Name is the display name.
	Name string
	// Roles and Groups become the claims of those names when they are not empty.
	Roles, Groups []string
}

// Client is a registered application.
type Client struct {
	ID string
	// Secret and Certificates are how the client proves itself: with either, or
	// with an assertion (RFC 7523) that the RSA key of one of the certificates
	// signed. A client with any is confidential and may use the client credentials
	// grant. One with none is public.
	Secret       string
	Certificates []*x509.Certificate
	// Name is shown to people on the sign-in page.
	Name string
	// RedirectURIs are compared exactly, except that the port of a loopback host
	// is ignored. A public client may in addition use any URI on a loopback host.
	RedirectURIs []string
	// Roles become the "roles" of tokens that the client gets for itself.
	Roles []string
}

// Config says what a [Provider] knows. BaseURL, Tenant, SigningKey and SealKey
// are required.
type Config struct {
	// BaseURL is scheme://host:port without a trailing slash. The host must not
	// contain "token": MSAL replaces that word in the token endpoint to find the
	// device endpoint.
	BaseURL string
	// Tenant is the tenant's UUID.
	Tenant string
	// Domain is the tenant's domain name, such as contoso.example.
	Domain string
	// Audience is the id of the resource whose scopes are known here. Empty means
	// [DefaultAudience]. Tokens for other resources are issued too, with any scope.
	Audience string
	Users    []User
	Clients  []Client
	// SigningKey signs with RS256; the key id is its RFC 7638 thumbprint.
	SigningKey *rsa.PrivateKey
	// SealKey is 32 bytes of key for what the provider gives out and reads again.
	SealKey []byte
	// TokenVersion selects the shape of access tokens: 1, or 2, which 0 means too.
	// ID tokens are always of version 2.
	TokenVersion int
	// AccessTokenLife also holds for ID tokens. Zero means an hour.
	AccessTokenLife time.Duration
	// RefreshTokenLife starts again with every rotation. Zero means 90 days.
	RefreshTokenLife time.Duration
	// Now is the clock. Nil means [time.Now].
	Now func() time.Time
	// Log receives refused requests at debug level and faults at error level.
	// Nil discards them.
	Log *slog.Logger
}

// Provider answers the requests to an identity provider. It is an [http.Handler],
// safe for concurrent use.
type Provider struct {
	cfg      Config
	users    map[string]*User // by object id and by lower-case user name
	clients  map[string]*Client
	signer   *signer
	sealer   *sealer
	spent    *ledger // authorization codes that were redeemed
	rotated  *ledger // refresh tokens that were exchanged for newer ones
	asserted *ledger // assertions that clients proved themselves with
	devices  *deviceGrants
	pages    *pages
	handler  http.Handler
}

// New checks cfg and makes a provider from it. The error names every fault.
func New(cfg Config) (*Provider, error) {
	cfg.Users, cfg.Clients = slices.Clone(cfg.Users), slices.Clone(cfg.Clients)
	applyDefaults(&cfg)
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("configuring the identity provider: %w", err)
	}
	signer, err := newSigner(cfg.SigningKey)
	if err != nil {
		return nil, err
	}
	sealer, err := newSealer(cfg.SealKey, cfg.Tenant)
	if err != nil {
		return nil, err
	}
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	p := &Provider{
		cfg:      cfg,
		users:    make(map[string]*User),
		clients:  make(map[string]*Client),
		signer:   signer,
		sealer:   sealer,
		spent:    newLedger(cfg.Now().Add(-time.Nanosecond)),
		rotated:  newLedger(time.Time{}),
		asserted: newLedger(time.Time{}),
		devices:  newDeviceGrants(),
		pages:    pages,
	}
	for i := range cfg.Users {
		u := &cfg.Users[i]
		p.users[strings.ToLower(u.ObjectID)] = u
		p.users[strings.ToLower(u.Username)] = u
	}
	for i := range cfg.Clients {
		p.clients[strings.ToLower(cfg.Clients[i].ID)] = &cfg.Clients[i]
	}
	p.handler = p.routes()
	return p, nil
}

func applyDefaults(cfg *Config) {
	cfg.Tenant = strings.ToLower(cfg.Tenant)
	cfg.Domain = strings.ToLower(cfg.Domain)
	if cfg.Audience == "" {
		cfg.Audience = DefaultAudience
	}
	if cfg.TokenVersion == 0 {
		cfg.TokenVersion = 2
	}
	if cfg.AccessTokenLife == 0 {
		cfg.AccessTokenLife = time.Hour
	}
	if cfg.RefreshTokenLife == 0 {
		cfg.RefreshTokenLife = 90 * 24 * time.Hour
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
}

func (cfg *Config) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil {
		base = &url.URL{}
	}
	fault((base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.Scheme+"://"+base.Host != cfg.BaseURL,
		"base URL %q must be scheme://host:port and nothing more", cfg.BaseURL)
	fault(strings.Contains(strings.ToLower(base.Host), "token"),
		"host %q must not contain \"token\", because MSAL replaces that word in addresses", base.Host)
	fault(uuid.Validate(cfg.Tenant) != nil, "tenant %q must be a UUID", cfg.Tenant)
	fault(cfg.SigningKey == nil || cfg.SigningKey.N.BitLen() < 2048, "the signing key must be an RSA key of 2048 bits or more")
	fault(len(cfg.SealKey) != 32, "the seal key must have 32 bytes, not %d", len(cfg.SealKey))
	fault(cfg.TokenVersion != 1 && cfg.TokenVersion != 2, "token version %d must be 1 or 2", cfg.TokenVersion)
	fault(cfg.AccessTokenLife < 0, "access token life %v must not be negative", cfg.AccessTokenLife)
	fault(cfg.RefreshTokenLife < 0, "refresh token life %v must not be negative", cfg.RefreshTokenLife)

	seen := make(map[string]bool)
	unique := func(kind, name string) {
		key := kind + " " + strings.ToLower(name)
		fault(seen[key], "%s %q is there twice", kind, name)
		seen[key] = true
	}
	for _, u := range cfg.Users {
		fault(uuid.Validate(u.ObjectID) != nil, "object id %q of user %q must be a UUID", u.ObjectID, u.Username)
		fault(u.Username == "", "user %s needs a user name", u.ObjectID)
		unique("object id", u.ObjectID)
		unique("user", u.Username)
	}
	for _, c := range cfg.Clients {
		fault(c.ID == "", "client %q needs an id", c.Name)
		unique("client", c.ID)
		for i, certificate := range c.Certificates {
			fault(!hasStrongKey(certificate), "certificate %d of client %s must have an RSA key of 2048 bits or more", i+1, c.ID)
		}
		for _, redirect := range c.RedirectURIs {
			_, ok := parseRedirect(redirect)
			fault(!ok, "redirect URI %q of client %s must be absolute and without user and fragment", redirect, c.ID)
		}
	}
	return errors.Join(faults...)
}

func hasStrongKey(certificate *x509.Certificate) bool {
	if certificate == nil {
		return false
	}
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	return ok && key.N.BitLen() >= 2048
}

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.handler.ServeHTTP(w, r)
}

// Issuer is the issuer of ID tokens and of access tokens of version 2.
func (p *Provider) Issuer() string {
	return p.cfg.BaseURL + "/" + p.cfg.Tenant + "/v2.0"
}

// issuerV1 is the issuer of access tokens of version 1.
func (p *Provider) issuerV1() string {
	return p.cfg.BaseURL + "/" + p.cfg.Tenant + "/"
}

// secure reports whether people and clients reach the provider over TLS.
func (p *Provider) secure() bool {
	return strings.HasPrefix(p.cfg.BaseURL, "https:")
}

func (p *Provider) user(idOrName string) *User {
	return p.users[strings.ToLower(idOrName)]
}

func (p *Provider) client(id string) *Client {
	return p.clients[strings.ToLower(id)]
}

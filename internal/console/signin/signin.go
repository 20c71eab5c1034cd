// Package signin signs a person in at an identity provider by the authorization
// code flow: Microsoft Entra ID, or any OpenID Connect issuer. It keeps nothing
// of theirs; what a caller has to keep it gets as Credentials.
package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Kinds of providers, as api.SignIn names them.
const (
	KindEntra = "entra"
	KindOIDC  = "oidc"
)

// Config says where people sign in, and as which application.
type Config struct {
	Kind string // KindEntra or KindOIDC
	// Authority is https://login.microsoftonline.com/TENANT (or organizations or
	// common in place of the tenant), or the issuer.
	Authority string
	ClientID  string
	// Secret or Certificate is the application's own credential.
	Secret      string
	Certificate *Certificate
	Scopes      []string // of the API, such as 499b84ac-1321-427f-aa17-267ca6975798/.default
	RedirectURI string
	HTTP        *http.Client     // nil: one with time limits
	Now         func() time.Time // nil: time.Now
}

// Provider signs people in. Each error of it is an *Error.
type Provider interface {
	// Begin returns the address to send the browser to.
	Begin(context.Context, Attempt) (string, error)
	// Finish redeems what the provider sent the browser back with: the query of
	// the redirect, which anyone can have written. That its state is the one of
	// the attempt is for the caller to check.
	Finish(ctx context.Context, a Attempt, answer url.Values) (User, Credentials, error)
	// Renew returns credentials whose access token is good for a while, without a
	// person. Those that were passed are not to be used again.
	Renew(context.Context, Credentials) (Credentials, error)
	// SignOutURL is where the browser goes to sign out at the provider too, and
	// then to come back to after; it is empty where the provider has no such
	// address.
	SignOutURL(ctx context.Context, after string, c Credentials) string
	// Application is what the provider knows the console as.
	Application() Application
}

// Application is what administrators of a provider look for there.
type Application struct {
	ID          string // client id
	RedirectURI string
	ConsentURL  string // where they let everyone use it; empty where that is not known
}

// Attempt is one try of one browser to sign in.
type Attempt struct {
	State     string // binds the answer to this browser; for the caller to fill in
	Nonce     string // binds the ID token to the attempt
	Verifier  string // of PKCE: binds the code to the attempt (RFC 7636)
	LoginHint string // whom to suggest
	Claims    string // a challenge to satisfy, as the API or Error.Claims has it
	Choose    bool   // lets the person choose another account
}

// NewAttempt returns an attempt with a fresh nonce and verifier.
func NewAttempt() Attempt {
	return Attempt{Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
}

func (a Attempt) prompt() string {
	if a.Choose {
		return "select_account"
	}
	return ""
}

// User is who signed in.
type User struct {
	Key      string // opaque, unique over all issuers, and the same at each sign-in
	ID       string // of the person, for people: the object id where there is one, or the subject
	Tenant   string // of Entra ID
	Name     string
	Username string // what they sign in with; it may change
}

// Credentials are what stands for a person who signed in. They are secret.
type Credentials struct {
	AccessToken string
	Expires     time.Time // of the access token; in an hour where the provider does not say
	Renewal     []byte    // what Renew needs; opaque
	Hint        string    // tells the provider who signs out; opaque
}

// New returns the provider that c describes. It asks for nothing over the
// network: the provider may start later.
func New(c Config) (Provider, error) {
	c.HTTP = guarded(c.HTTP)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Kind == KindEntra {
		c.Authority = strings.TrimRight(c.Authority, "/")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Kind == KindOIDC {
		return newOpenID(c), nil
	}
	e, err := newEntra(c)
	if err != nil {
		return nil, fmt.Errorf("preparing to sign in at Entra ID: %w", err)
	}
	return e, nil
}

// Application is the console as the provider knows it. Where Entra ID is to ask
// for several tenants, the administrator's own is the one that consents.
func (c Config) Application() Application {
	a := Application{ID: c.ClientID, RedirectURI: c.RedirectURI}
	if c.Kind == KindEntra {
		authority := c.Authority
		if several, ok := strings.CutSuffix(authority, "/common"); ok {
			authority = several + "/organizations"
		}
		a.ConsentURL = authority + "/adminconsent?client_id=" + url.QueryEscape(c.ClientID)
	}
	return a
}

// check fails for what can only go wrong.
func (c Config) check() error {
	switch {
	case !slices.Contains([]string{KindEntra, KindOIDC}, c.Kind):
		return fmt.Errorf("the kind of the provider is %q: set it to %q or %q", c.Kind, KindEntra, KindOIDC)
	case c.ClientID == "":
		return errors.New("the client id is missing: it is that of the application's registration at the provider")
	case c.Secret == "" && c.Certificate == nil:
		return errors.New("the application has neither a secret nor a certificate: give it one")
	case c.Secret != "" && c.Certificate != nil:
		return errors.New("the application has a secret and a certificate: keep one of them")
	case c.Kind == KindEntra && len(c.Scopes) == 0:
		return errors.New("the scope of the API is missing: it is such as 499b84ac-1321-427f-aa17-267ca6975798/.default")
	}
	if err := checkWebAddress(c.Authority); err != nil {
		return fmt.Errorf("the authority is not used: %w", err)
	}
	if err := checkWebAddress(c.RedirectURI); err != nil {
		return fmt.Errorf("the redirect address is not used: %w", err)
	}
	if authority, err := url.Parse(c.Authority); c.Kind == KindEntra && (err != nil || authority.Scheme != "https" || strings.Trim(authority.Path, "/") == "") {
		return fmt.Errorf("the authority is %q: that of Entra is https://HOST/TENANT", c.Authority)
	}
	if c.Certificate != nil {
		return c.Certificate.check(c.Kind, c.Now())
	}
	return nil
}

// scopes are those that make a person known and can be renewed, and those of
// the API.
func (c Config) scopes() []string {
	all := []string{oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess}
	for _, scope := range c.Scopes {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

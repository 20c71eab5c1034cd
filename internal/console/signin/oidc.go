package signin

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// openID signs in at any OpenID Connect issuer.
type openID struct {
	Config
	directory *directory
	style     atomic.Int64 // the oauth2.AuthStyle that the issuer took
}

func newOpenID(c Config) *openID {
	return &openID{Config: c, directory: &directory{inquiry: inquiry{
		address: c.Authority, client: c.ClientID, http: c.HTTP, now: c.Now,
	}}}
}

// Begin is the authorization request (OpenID Connect Core section 3.1.2.1, with
// PKCE, RFC 7636).
func (o *openID) Begin(ctx context.Context, a Attempt) (string, error) {
	c := o.call("beginning to sign in", false, a.Verifier)
	if err := c.check(a); err != nil {
		return "", err
	}
	i, err := o.directory.issuer(ctx)
	if err != nil {
		return "", c.failed(err)
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	for name, value := range map[string]string{"login_hint": a.LoginHint, "claims": a.Claims, "prompt": a.prompt()} {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	return o.oauth(i, oauth2.AuthStyleInParams).AuthCodeURL(a.State, options...), nil
}

// oauth is how the issuer's endpoints are used.
func (o *openID) oauth(i *issuer, style oauth2.AuthStyle) *oauth2.Config {
	c := &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.Secret, RedirectURL: o.RedirectURI, Scopes: o.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: i.Authorization, TokenURL: i.Token, AuthStyle: style},
	}
	if len(i.metadata.Scopes) > 0 && !slices.Contains(i.metadata.Scopes, oidc.ScopeOfflineAccess) {
		// Who lists what it knows may refuse what it does not.
		c.Scopes = slices.DeleteFunc(c.Scopes, func(scope string) bool { return scope == oidc.ScopeOfflineAccess })
	}
	return c
}

// Finish redeems the code and verifies the ID token.
func (o *openID) Finish(ctx context.Context, a Attempt, answer url.Values) (User, Credentials, error) {
	c := o.call("signing in", false, a.Verifier, answer.Get("code"))
	code, err := c.code(answer)
	if err != nil {
		return User{}, Credentials{}, err
	}
	i, err := o.directory.issuer(ctx)
	if err != nil {
		return User{}, Credentials{}, c.failed(err)
	}
	if given := answer.Get("iss"); (i.NamesItself || given != "") && given != i.Issuer {
		return User{}, Credentials{}, c.errorf(ReasonForged, "the answer is of another issuer") // RFC 9207
	}
	token, err := o.redeem(ctx, c, i, func(ctx context.Context, oauth *oauth2.Config) (*oauth2.Token, error) {
		return oauth.Exchange(ctx, code, oauth2.VerifierOption(a.Verifier))
	})
	if err != nil {
		return User{}, Credentials{}, c.failed(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, said, err := i.verify(ctx, c, raw, a.Nonce)
	if err != nil {
		return User{}, Credentials{}, err
	}
	if id.AccessTokenHash != "" && id.VerifyAccessToken(token.AccessToken) != nil {
		return User{}, Credentials{}, c.errorf(ReasonForged, "the access token is not that of the ID token")
	}
	credentials := o.credentials(token)
	if len(raw) <= maxHint {
		credentials.Hint = raw
	}
	return said.user(id.Subject, i.Issuer), credentials, nil
}

// Renew is the refresh grant (RFC 6749 section 6).
func (o *openID) Renew(ctx context.Context, old Credentials) (Credentials, error) {
	c := o.call("renewing the sign-in", true, old.AccessToken, string(old.Renewal))
	if len(old.Renewal) == 0 {
		return Credentials{}, c.errorf(ReasonInteraction, "there is nothing to renew it with")
	}
	i, err := o.directory.issuer(ctx)
	if err != nil {
		return Credentials{}, c.failed(err)
	}
	token, err := o.redeem(ctx, c, i, func(ctx context.Context, oauth *oauth2.Config) (*oauth2.Token, error) {
		return oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: string(old.Renewal)}).Token()
	})
	if err != nil {
		return Credentials{}, c.failed(err)
	}
	renewed := o.credentials(token)
	renewed.Hint = old.Hint
	return renewed, nil
}

// redeem has get ask for tokens in the way that the issuer takes the client's
// credential.
func (o *openID) redeem(ctx context.Context, c call, i *issuer, get func(context.Context, *oauth2.Config) (*oauth2.Token, error)) (*oauth2.Token, error) {
	if o.Certificate != nil {
		signed := &http.Client{
			Transport: assertion{o.HTTP.Transport, o.Certificate, o.ClientID, i.metadata, o.Now},
			Timeout:   o.HTTP.Timeout, CheckRedirect: o.HTTP.CheckRedirect,
		}
		return get(oidc.ClientContext(ctx, signed), o.oauth(i, oauth2.AuthStyleInParams))
	}
	ctx = oidc.ClientContext(ctx, o.HTTP)
	styles := i.styles(oauth2.AuthStyle(o.style.Load()))
	for n, style := range styles {
		token, err := get(ctx, o.oauth(i, style))
		if err == nil {
			o.style.Store(int64(style))
		} else if refusesClient(err) && n+1 < len(styles) {
			continue
		}
		return token, err
	}
	return nil, c.errorf(ReasonOther, "the provider takes neither client_secret_basic nor client_secret_post: give the application a certificate")
}

// usualLife is that of access tokens of an issuer that does not tell.
const usualLife = time.Hour

func (o *openID) credentials(token *oauth2.Token) Credentials {
	life := usualLife
	if !token.Expiry.IsZero() {
		life = time.Until(token.Expiry)
	}
	return Credentials{AccessToken: token.AccessToken, Expires: o.Now().Add(life), Renewal: []byte(token.RefreshToken)}
}

// maxHint is how long an ID token may be to go into an address.
const maxHint = 4096

// SignOutURL is RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).
func (o *openID) SignOutURL(ctx context.Context, after string, c Credentials) string {
	i, err := o.directory.issuer(ctx)
	if err != nil || i.EndSession == "" {
		return ""
	}
	query := url.Values{"client_id": {o.ClientID}, "post_logout_redirect_uri": {after}}
	if c.Hint != "" {
		query.Set("id_token_hint", c.Hint)
	}
	return withQuery(i.EndSession, query)
}

package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/patrolhq/patrol/api"
)

// openID signs in to any OpenID Connect issuer.
type openID struct {
	signIn api.SignIn
	http   *http.Client
}

// issuer is what its discovery document says.
type issuer struct {
	*oidc.Provider
	oauth2.Config
}

func (o openID) discover(ctx context.Context) (issuer, error) {
	provider, err := oidc.NewProvider(ctx, o.signIn.Authority)
	if err != nil {
		return issuer{}, signInError("asking the issuer how to sign in", err)
	}
	if err := checkEndpoints(provider); err != nil {
		return issuer{}, err
	}
	scopes := []string{oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess}
	for _, scope := range strings.Fields(o.signIn.Scope) {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	config := oauth2.Config{ClientID: o.signIn.ClientID, Endpoint: provider.Endpoint(), Scopes: scopes}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has no secret
	return issuer{provider, config}, nil
}

// checkEndpoints fails where the discovery document leads to anything but web
// addresses.
func checkEndpoints(provider *oidc.Provider) error {
	var document struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		Device        string `json:"device_authorization_endpoint"`
		Keys          string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return fail(exitFailed, "reading what the issuer says: %w", err)
	}
	for _, endpoint := range []struct {
		name, address string
		optional      bool
	}{
		{"authorization_endpoint", document.Authorization, false},
		{"token_endpoint", document.Token, false},
		{"device_authorization_endpoint", document.Device, true},
		{"jwks_uri", document.Keys, false},
	} {
		if endpoint.address == "" && endpoint.optional {
			continue
		}
		if _, err := webAddress(endpoint.address); err != nil {
			return fail(exitFailed, "the issuer names a %s that is not used: %w", endpoint.name, err).
				with("an administrator of the issuer can correct that")
		}
	}
	return nil
}

// browser is the authorization code flow with PKCE on a loopback address
// (RFC 8252, RFC 7636).
func (o openID) browser(ctx context.Context, open func(string) error) (credentials, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.http), browserTimeout)
	defer cancel()
	issuer, err := o.discover(ctx)
	if err != nil {
		return credentials{}, err
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	answers, err := listenLoopback(state, o.signIn.Authority)
	if err != nil {
		return credentials{}, err
	}
	defer answers.close()
	issuer.RedirectURL = answers.address()
	if err := open(issuer.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))); err != nil {
		return credentials{}, err
	}
	code, err := answers.wait(ctx)
	if err != nil {
		return credentials{}, browserError(ctx, err)
	}
	token, err := issuer.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return credentials{}, signInError("signing in", err)
	}
	return issuer.credentials(ctx, token, nonce)
}

// device is the device authorization grant (RFC 8628).
func (o openID) device(ctx context.Context, show func(deviceCode) error) (credentials, error) {
	ctx = oidc.ClientContext(ctx, o.http)
	issuer, err := o.discover(ctx)
	if err != nil {
		return credentials{}, err
	}
	if issuer.Config.Endpoint.DeviceAuthURL == "" {
		return credentials{}, fail(exitAuthentication, "%s does not know device codes", o.signIn.Authority).with("leave out --device-code")
	}
	device, err := issuer.DeviceAuth(ctx)
	if err != nil {
		return credentials{}, signInError("asking for a device code", err)
	}
	if err := show(deviceCode{device.VerificationURI, device.UserCode}); err != nil {
		return credentials{}, err
	}
	token, err := issuer.DeviceAccessToken(ctx, device)
	if err != nil {
		return credentials{}, signInError("signing in", err)
	}
	return issuer.credentials(ctx, token, "")
}

func (o openID) refresh(ctx context.Context, c credentials) (credentials, error) {
	if c.RefreshToken == "" {
		return credentials{}, renewalError(refusal("it has ended, and the issuer gave nothing to renew it with"))
	}
	ctx = oidc.ClientContext(ctx, o.http)
	issuer, err := o.discover(ctx)
	if err != nil {
		return credentials{}, err
	}
	token, err := issuer.TokenSource(ctx, &oauth2.Token{RefreshToken: c.RefreshToken}).Token()
	if err != nil {
		return credentials{}, renewalError(err)
	}
	return credentials{
		User: c.User, AccessToken: token.AccessToken, Expires: token.Expiry,
		RefreshToken: cmp.Or(token.RefreshToken, c.RefreshToken),
	}, nil
}

// credentials verifies the ID token, which says who signed in. The access token
// belongs to it if the ID token has its hash.
func (i issuer) credentials(ctx context.Context, token *oauth2.Token, nonce string) (credentials, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return credentials{}, fail(exitAuthentication, "signing in: the issuer sent no ID token")
	}
	id, err := i.Verifier(&oidc.Config{ClientID: i.ClientID}).Verify(ctx, raw)
	if err != nil {
		return credentials{}, signInError("verifying the ID token", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return credentials{}, fail(exitAuthentication, "verifying the ID token: it is from another sign-in").with("try again")
	}
	if id.AccessTokenHash != "" {
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return credentials{}, signInError("verifying the access token", err)
		}
	}
	var claims struct {
		PreferredUsername string `json:"preferred_username"`
		Email             string `json:"email"`
	}
	if err := id.Claims(&claims); err != nil {
		return credentials{}, fmt.Errorf("reading the ID token: %w", err)
	}
	return credentials{
		User:        cmp.Or(claims.PreferredUsername, claims.Email, id.Subject),
		AccessToken: token.AccessToken, Expires: token.Expiry, RefreshToken: token.RefreshToken,
	}, nil
}

package signin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// claims are those of an ID token (OpenID Connect Core sections 2 and 5.1) and
// what Entra adds.
type claims struct {
	Authorized string `json:"azp"`
	Name       string `json:"name"`
	Username   string `json:"preferred_username"`
	Email      string `json:"email"`
	Tenant     string `json:"tid"`
	Object     string `json:"oid"`
	LoginHint  string `json:"login_hint"`
}

// verify returns what the ID token says, if the issuer signed it for this
// client and this attempt. With anyTenant the name of the issuer may have the
// tenant of the token in it.
func (i *issuer) verify(ctx context.Context, c call, raw string, client string, a Attempt, anyTenant bool, now func() time.Time) (*oidc.IDToken, claims, error) {
	if raw == "" {
		return nil, claims{}, c.errorf(ReasonOther, "the provider sent no ID token")
	}
	keys := &keptError{KeySet: i.keys}
	token, err := oidc.NewVerifier(i.Issuer, keys, &oidc.Config{
		ClientID: client, SupportedSigningAlgs: i.signatures(), SkipIssuerCheck: anyTenant, Now: now,
	}).Verify(ctx, raw)
	if err != nil {
		if as[*url.Error](keys.err) != nil || ctx.Err() != nil {
			return nil, claims{}, c.failed(cmp.Or(keys.err, err))
		}
		return nil, claims{}, c.errorf(ReasonForged, "the ID token is not good: %s", c.secrets.describe(err.Error()))
	}
	var said claims
	switch err := token.Claims(&said); {
	case err != nil:
		return nil, claims{}, c.errorf(ReasonForged, "the ID token says nothing that is understood")
	case token.Subject == "":
		return nil, claims{}, c.errorf(ReasonForged, "the ID token does not say who signed in")
	case said.Authorized != "" && said.Authorized != client, len(token.Audience) > 1 && said.Authorized == "":
		return nil, claims{}, c.errorf(ReasonForged, "the ID token is for another application")
	case anyTenant && token.Issuer != strings.ReplaceAll(i.Issuer, "{tenantid}", said.Tenant):
		return nil, claims{}, c.errorf(ReasonForged, "the ID token is of another issuer")
	case a.Nonce == "" || subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(a.Nonce)) != 1:
		return nil, claims{}, c.errorf(ReasonForged, "the ID token is of another attempt")
	}
	return token, said, nil
}

// keptError keeps why keys were not found, of which go-oidc makes text.
type keptError struct {
	oidc.KeySet
	err error
}

func (k *keptError) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	k.err = err
	return payload, err
}

// user is who signed in, by an id that is unique in space.
func (c claims) user(id string, space ...string) User {
	return User{
		Key: key(append(space, id)...), ID: id, Tenant: c.Tenant,
		Name: plain(c.Name, maxName), Username: plain(cmp.Or(c.Username, c.Email, id), maxName),
	}
}

// key is opaque, as long for all, and another for any other parts.
func key(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil))
}

const maxCode = 8192

// code is what an answer brings, or the refusal that it is.
func (c call) code(answer url.Values) (string, error) {
	for _, values := range answer {
		if len(values) > 1 {
			return "", c.errorf(ReasonForged, "the answer says something twice")
		}
	}
	if answer.Get("error") != "" {
		e := c.refused(0, refusalAt(answer))
		e.Err = fmt.Errorf("%s: the provider sent the browser back without a code", c.doing)
		return "", e
	}
	code := answer.Get("code")
	if code == "" || len(code) > maxCode {
		return "", c.errorf(ReasonForged, "the answer has no code")
	}
	return code, nil
}

// scopes are those that make a person known and can be renewed, and those of
// the API.
func scopes(ofAPI []string) []string {
	all := []string{oidc.ScopeOpenID, "profile", oidc.ScopeOfflineAccess}
	for _, scope := range ofAPI {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

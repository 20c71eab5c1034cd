package signin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"

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

// verify returns what the ID token says, if the issuer signed it for this client
// and for the attempt with that nonce.
func (i *issuer) verify(ctx context.Context, c call, raw, nonce string) (*oidc.IDToken, claims, error) {
	if raw == "" {
		return nil, claims{}, c.errorf(ReasonOther, "the provider sent no ID token")
	}
	keys := &keptError{KeySet: i.keys}
	token, err := oidc.NewVerifier(i.Issuer, keys, &oidc.Config{
		ClientID: i.client, SupportedSigningAlgs: i.signatures(), SkipIssuerCheck: i.anyName, Now: i.now,
	}).Verify(ctx, raw)
	switch {
	case err == nil:
	case as[*url.Error](keys.err) != nil, ctx.Err() != nil:
		return nil, claims{}, c.failed(cmp.Or(keys.err, err))
	default:
		return nil, claims{}, c.errorf(ReasonForged, "the ID token is not good: %s", c.secrets.describe(err.Error()))
	}
	var said claims
	if token.Claims(&said) != nil {
		return nil, claims{}, c.errorf(ReasonForged, "the ID token says nothing that is understood")
	}
	if fault := i.faultOf(token, said, nonce); fault != "" {
		return nil, claims{}, c.errorf(ReasonForged, "the ID token %s", fault)
	}
	return token, said, nil
}

// faultOf is what is wrong with a token that the issuer signed.
func (i *issuer) faultOf(token *oidc.IDToken, said claims, nonce string) string {
	switch {
	case token.Subject == "":
		return "does not say who signed in"
	case said.Authorized != "" && said.Authorized != i.client, len(token.Audience) > 1 && said.Authorized == "":
		return "is for another application"
	case i.anyName && token.Issuer != strings.ReplaceAll(i.Issuer, "{tenantid}", said.Tenant):
		return "is of another issuer"
	case nonce == "" || subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(nonce)) != 1:
		return "is of another attempt"
	}
	return ""
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
		Key: key(append(space, id)...), ID: cmp.Or(plain(c.Object, maxName), id), Tenant: c.Tenant,
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

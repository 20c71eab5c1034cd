package identity

import (
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// claims are what a token says, as far as it matters here. Names are matched
// exactly and may not occur twice. Those of type any are read by [texts].
type claims struct {
	Issuer    string  `json:"iss"`
	Audience  any     `json:"aud"`
	Expiry    instant `json:"exp"`
	NotBefore instant `json:"nbf"`
	IssuedAt  instant `json:"iat"`
	Subject   string  `json:"sub"`

	Name              string `json:"name"`
	PreferredUsername string `json:"preferred_username"`
	UPN               string `json:"upn"`
	UniqueName        string `json:"unique_name"`
	Email             string `json:"email"`

	Groups any `json:"groups"`
	Roles  any `json:"roles"`
	SCP    any `json:"scp"`
	Scope  any `json:"scope"`

	// Microsoft Entra.
	Version      string         `json:"ver"`
	Tenant       string         `json:"tid"`
	ObjectID     string         `json:"oid"`
	IdentityType string         `json:"idtyp"`
	ClaimNames   map[string]any `json:"_claim_names"`
	HasGroups    any            `json:"hasgroups"`

	// The client that got the token: azp in Entra and OpenID Connect,
	// client_id in RFC 9068, cid in Okta. Auth0 says gty.
	AuthorizedParty string `json:"azp"`
	ClientID        string `json:"client_id"`
	OktaClientID    string `json:"cid"`
	GrantType       string `json:"gty"`

	// Signs of a token that is not for bearers of it.
	AccessTokenHash any `json:"at_hash"`
	Confirmation    any `json:"cnf"`
}

// checkTimes checks the claims of RFC 7519 sections 4.1.4 to 4.1.6.
func (c *claims) checkTimes(now time.Time, skew time.Duration) error {
	switch {
	case c.Expiry.IsZero():
		return refuse("the access token never expires: ask the operator of the issuer for one that does")
	case !now.Add(-skew).Before(c.Expiry.Time):
		return refuse("the access token has expired: sign in again")
	case now.Add(skew).Before(c.NotBefore.Time), now.Add(skew).Before(c.IssuedAt.Time):
		return refuse("the access token is not valid yet: compare the clocks of the issuer and of this service")
	}
	return nil
}

// checkUse refuses tokens that are for another service, and those that are
// not bearer access tokens at all.
func (c *claims) checkUse(audiences []string) error {
	switch {
	case c.AccessTokenHash != nil:
		return refuse("this is an ID token: send the access token instead")
	case c.Confirmation != nil:
		return refuse("the access token is bound to a key of its client: get one without proof of possession")
	case !slices.ContainsFunc(texts(c.Audience), func(aud string) bool { return slices.Contains(audiences, aud) }):
		return refuse("the access token is for another service: sign in and ask for a scope of " + audiences[0])
	}
	return nil
}

// groupsOmitted reports whether Entra left the groups out because they were
// too many ("overage"); where to ask for them instead is not followed.
func (c *claims) groupsOmitted() bool {
	return c.ClaimNames["groups"] != nil || c.HasGroups != nil
}

// texts reads a claim that is a string or an array of strings. Of anything
// else it makes none.
func texts(claim any) []string {
	switch claim := claim.(type) {
	case string:
		return []string{claim}
	case []any:
		list := make([]string, len(claim))
		for i, element := range claim {
			text, ok := element.(string)
			if !ok {
				return nil
			}
			list[i] = text
		}
		return list
	}
	return nil
}

// words are the texts of a claim, split at spaces.
func words(claim any) []string {
	return strings.Fields(strings.Join(texts(claim), " "))
}

// instant is a NumericDate of RFC 7519: seconds since 1970, perhaps with a
// fraction. Its zero value means that the claim is absent.
type instant struct{ time.Time }

var errInstant = errors.New("not a NumericDate")

// UnmarshalJSON implements [encoding/json.Unmarshaler].
func (i *instant) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return errInstant
	}
	const year9999 = 253402300799
	if seconds < 0 || seconds > year9999 {
		return errInstant
	}
	whole, fraction := math.Modf(seconds)
	i.Time = time.Unix(int64(whole), int64(fraction*1e9))
	return nil
}

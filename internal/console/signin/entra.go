package signin

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"golang.org/x/oauth2"
)

// entra signs in at Microsoft Entra ID, and at what looks like it over https.
type entra struct {
	Config
	credential confidential.Credential
	asking     confidential.Client // for addresses: it sees no tokens
	directory  *directory
}

func newEntra(c Config) (*entra, error) {
	e := &entra{Config: c, directory: &directory{inquiry: inquiry{
		// An application that has signing keys of its own has them under its id.
		address: c.Authority + "/v2.0", anyName: true, keysFor: "?appid=" + url.QueryEscape(c.ClientID),
		client: c.ClientID, http: c.HTTP, now: c.Now,
	}}}
	var err error
	if c.Certificate != nil {
		e.credential, err = confidential.NewCredFromCert(c.Certificate.chain, c.Certificate.key)
	} else {
		e.credential, err = confidential.NewCredFromSecret(c.Secret)
	}
	if err != nil {
		return nil, err
	}
	e.asking, err = e.client(&renewal{})
	return e, err
}

// client is one for one person: what it learns goes to r.
func (e *entra) client(r *renewal) (confidential.Client, error) {
	options := []confidential.Option{
		confidential.WithHTTPClient(e.HTTP),
		confidential.WithCache(r),
		// The administrator chose the authority: nobody is asked whether it is
		// genuine.
		confidential.WithInstanceDiscovery(false),
		// The console follows claims challenges.
		confidential.WithClientCapabilities([]string{"CP1"}),
	}
	if e.Certificate != nil && len(e.Certificate.chain) > 1 {
		options = append(options, confidential.WithX5C()) // it may be known by the name that its chain vouches for
	}
	return confidential.New(e.Authority, e.ClientID, e.credential, options...)
}

// Begin is the library's authorization request, with what it leaves out.
func (e *entra) Begin(ctx context.Context, a Attempt) (string, error) {
	c := e.call("beginning to sign in", false, a.Verifier)
	if err := c.check(a); err != nil {
		return "", err
	}
	// What is wrong with the authority is better said than by the library.
	if _, err := e.directory.issuer(ctx); err != nil {
		return "", c.failed(err)
	}
	address, err := e.asking.AuthCodeURL(ctx, e.ClientID, e.RedirectURI, e.scopes(),
		confidential.WithLoginHint(a.LoginHint), confidential.WithClaims(a.Claims))
	if err != nil {
		return "", c.failed(err)
	}
	if err := checkWebAddress(address); err != nil {
		return "", c.errorf(ReasonOther, "%w", err)
	}
	added := url.Values{
		"state": {a.State}, "nonce": {a.Nonce}, "response_mode": {"query"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(a.Verifier)}, "code_challenge_method": {"S256"},
	}
	if prompt := a.prompt(); prompt != "" {
		added.Set("prompt", prompt)
	}
	return withQuery(address, added), nil
}

// Finish redeems the code. The library believes the ID token, which comes to it
// from the authority itself; here it is verified all the same.
func (e *entra) Finish(ctx context.Context, a Attempt, answer url.Values) (User, Credentials, error) {
	c := e.call("signing in", false, a.Verifier, answer.Get("code"))
	code, err := c.code(answer)
	if err != nil {
		return User{}, Credentials{}, err
	}
	i, err := e.directory.issuer(ctx)
	if err != nil {
		return User{}, Credentials{}, c.failed(err)
	}
	var r renewal
	client, err := e.client(&r)
	if err != nil {
		return User{}, Credentials{}, c.failed(err)
	}
	result, err := client.AcquireTokenByAuthCode(ctx, code, e.RedirectURI, e.Scopes,
		confidential.WithChallenge(a.Verifier), confidential.WithClaims(a.Claims))
	if err != nil {
		return User{}, Credentials{}, c.failed(err)
	}
	_, said, err := i.verify(ctx, c, result.IDToken.RawToken, a.Nonce)
	if err != nil {
		return User{}, Credentials{}, err
	}
	if said.Object == "" || said.Tenant == "" {
		return User{}, Credentials{}, c.errorf(ReasonOther, "the ID token says neither oid nor tid: the authority is not Entra ID")
	}
	credentials, err := e.credentials(c, r, result, said.LoginHint)
	if err != nil {
		return User{}, Credentials{}, err
	}
	return said.user(said.Object, KindEntra, said.Tenant), credentials, nil
}

// Renew always asks the authority: the library's cache keeps no access token.
func (e *entra) Renew(ctx context.Context, old Credentials) (Credentials, error) {
	var r renewal
	damaged := json.Unmarshal(old.Renewal, &r) != nil
	refreshTokens := r.refreshTokens()
	c := e.call("renewing the sign-in", true, append(refreshTokens, old.AccessToken)...)
	client, err := e.client(&r)
	if err != nil {
		return Credentials{}, c.failed(err)
	}
	account, err := client.Account(ctx, r.Account)
	if damaged || err != nil || account.IsZero() || len(refreshTokens) == 0 {
		return Credentials{}, c.errorf(ReasonInteraction, "there is nothing to renew it with")
	}
	result, err := client.AcquireTokenSilent(ctx, e.Scopes, confidential.WithSilentAccount(account))
	if err != nil {
		return Credentials{}, c.failed(err)
	}
	return e.credentials(c, r, result, old.Hint)
}

func (e *entra) credentials(c call, r renewal, result confidential.AuthResult, hint string) (Credentials, error) {
	if id := result.Account.HomeAccountID; id != "" {
		r.Account = id
	}
	kept, err := json.Marshal(r)
	if err != nil {
		return Credentials{}, c.errorf(ReasonOther, "keeping what renews it failed")
	}
	return Credentials{
		AccessToken: result.AccessToken, Expires: e.Now().Add(time.Until(result.ExpiresOn)), Renewal: kept, Hint: hint,
	}, nil
}

// SignOutURL is Entra's logout. Without an optional claim of the application,
// login_hint, it asks people with several accounts which of them leaves.
func (e *entra) SignOutURL(_ context.Context, after string, c Credentials) string {
	query := url.Values{"post_logout_redirect_uri": {after}}
	if c.Hint != "" {
		query.Set("logout_hint", c.Hint)
	}
	return e.Authority + "/oauth2/v2.0/logout?" + query.Encode()
}

// renewal is what renews the sign-in of one person: the library's cache.
type renewal struct {
	Account string                     `json:"account"`
	Cache   map[string]json.RawMessage `json:"cache"`
}

// refreshTokens are those in the cache.
func (r *renewal) refreshTokens() []string {
	var kept map[string]struct {
		Secret string `json:"secret"`
	}
	_ = json.Unmarshal(r.Cache["RefreshToken"], &kept) // without, there is nothing to renew with
	var tokens []string
	for _, token := range kept {
		if token.Secret != "" {
			tokens = append(tokens, token.Secret)
		}
	}
	return tokens
}

// Replace gives the library what it exported last.
func (r *renewal) Replace(_ context.Context, to cache.Unmarshaler, _ cache.ReplaceHints) error {
	if len(r.Cache) == 0 {
		return nil
	}
	data, err := json.Marshal(r.Cache)
	if err != nil {
		return err
	}
	return to.Unmarshal(data)
}

// Export takes what the library knows, but for the access and ID tokens: the
// former is in Credentials, the latter were read.
func (r *renewal) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	data, err := from.Marshal()
	if err != nil {
		return err
	}
	r.Cache = nil
	if err := json.Unmarshal(data, &r.Cache); err != nil {
		return err
	}
	delete(r.Cache, "AccessToken")
	delete(r.Cache, "IdToken")
	return nil
}

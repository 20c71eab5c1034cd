package cli

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/patrolhq/patrol/api"
)

// entra signs in to Microsoft Entra ID, and to what looks like it over https on
// this machine.
type entra struct {
	signIn api.SignIn
	http   *http.Client
}

func (e entra) client(memory *memoryCache) (public.Client, error) {
	authority, err := url.Parse(e.signIn.Authority)
	if err != nil || authority.Scheme != "https" {
		return public.Client{}, fail(exitFailed, "the server names %q to sign in at, which is no https address", e.signIn.Authority)
	}
	client, err := public.New(e.signIn.ClientID,
		public.WithAuthority(e.signIn.Authority),
		// Microsoft is asked whether the authority is genuine, where it knows.
		public.WithInstanceDiscovery(within(authority.Hostname(), microsoftAuthorities)),
		public.WithHTTPClient(webOnly{e.http}),
		public.WithCache(memory))
	if err != nil {
		return client, fail(exitFailed, "preparing to sign in: %w", err)
	}
	return client, nil
}

func (e entra) scopes() []string { return strings.Fields(e.signIn.Scope) }

func (e entra) browser(ctx context.Context, open func(string) error) (credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, browserTimeout)
	defer cancel()
	var memory memoryCache
	client, err := e.client(&memory)
	if err != nil {
		return credentials{}, err
	}
	result, err := client.AcquireTokenInteractive(ctx, e.scopes(), public.WithOpenURL(open))
	if err != nil {
		return credentials{}, browserError(ctx, err)
	}
	return memory.credentials(result), nil
}

func (e entra) device(ctx context.Context, show func(deviceCode) error) (credentials, error) {
	var memory memoryCache
	client, err := e.client(&memory)
	if err != nil {
		return credentials{}, err
	}
	device, err := client.AcquireTokenByDeviceCode(ctx, e.scopes())
	if err != nil {
		return credentials{}, signInError("asking for a device code", err)
	}
	if err := show(deviceCode{device.Result.VerificationURL, device.Result.UserCode}); err != nil {
		return credentials{}, err
	}
	result, err := device.AuthenticationResult(ctx)
	if err != nil {
		return credentials{}, signInError("signing in", err)
	}
	return memory.credentials(result), nil
}

func (e entra) refresh(ctx context.Context, c credentials) (credentials, error) {
	memory := memoryCache{c.Cache}
	client, err := e.client(&memory)
	if err != nil {
		return credentials{}, err
	}
	accounts, err := client.Accounts(ctx)
	if err != nil {
		return credentials{}, signInError("renewing the sign-in", err)
	}
	i := slices.IndexFunc(accounts, func(a public.Account) bool { return a.HomeAccountID == c.Account })
	if i < 0 {
		return credentials{}, renewalError(refusal("the account is not in the cache"))
	}
	result, err := client.AcquireTokenSilent(ctx, e.scopes(), public.WithSilentAccount(accounts[i]))
	if err != nil {
		return credentials{}, renewalError(err)
	}
	return memory.credentials(result), nil
}

// renewalError is that of a refresh.
func renewalError(err error) error {
	err = signInError("renewing the sign-in", err)
	if f, ok := errors.AsType[*failure](err); ok && f.code == exitAuthentication {
		return f.with("sign in again with \"patrol login\"")
	}
	return err
}

// memoryCache is the library's cache between its export and its import.
type memoryCache struct{ data []byte }

// Replace gives the library what it exported last.
func (m *memoryCache) Replace(_ context.Context, to cache.Unmarshaler, _ cache.ReplaceHints) error {
	if len(m.data) == 0 {
		return nil
	}
	return to.Unmarshal(m.data)
}

// Export takes what the library knows.
func (m *memoryCache) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	data, err := from.Marshal()
	if err == nil {
		m.data = data
	}
	return err
}

func (m *memoryCache) credentials(r public.AuthResult) credentials {
	return credentials{
		User: r.Account.PreferredUsername, AccessToken: r.AccessToken, Expires: r.ExpiresOn,
		Account: r.Account.HomeAccountID, Cache: m.data,
	}
}

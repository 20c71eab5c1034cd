package client

import (
	"context"
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// ConnectionData returns who the user is to the service, and which service it
// is.
func (c *Client) ConnectionData(ctx context.Context) (api.ConnectionData, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: "_apis/connectionData", replay: always})
	if err != nil {
		return api.ConnectionData{}, err
	}
	var data api.ConnectionData
	if err := a.decode(&data); err != nil {
		return api.ConnectionData{}, err
	}
	if data.AuthenticatedUser.ID == "" {
		return api.ConnectionData{}, a.fail(KindProtocol, "the answer does not name the user")
	}
	return data, nil
}

// Organizations returns the organizations that the user belongs to, by name;
// Client.Organization does not matter.
//
// Only Patrol tells. Elsewhere the error is [KindUnsupported], and hosts of
// Azure DevOps are not even asked; ask the user for a name then.
func (c *Client) Organizations(ctx context.Context) ([]api.Organization, error) {
	all := *c
	all.Organization = ""
	return addition[api.Organization](ctx, &all, "_apis/patrol/organizations", nil, "the service does not tell which organizations there are")
}

// Scopes returns the scopes that tokens can have. Azure DevOps has no call for
// that: for its hosts, and for any service that does not know the call, the
// published catalogue of Azure DevOps is returned.
func (c *Client) Scopes(ctx context.Context) ([]api.Scope, error) {
	if IsAzureDevOps(c.BaseURL) {
		return api.AzureDevOpsScopes(), nil
	}
	a, err := c.do(ctx, request{method: http.MethodGet, path: "_apis/patrol/scopes", replay: always})
	if KindOf(err) == KindNotFound {
		return api.AzureDevOpsScopes(), nil
	}
	if err != nil {
		return nil, err
	}
	var scopes api.Collection[api.Scope]
	if err := a.decode(&scopes); err != nil {
		return nil, err
	}
	if len(scopes.Value) == 0 {
		return nil, a.fail(KindProtocol, "the answer has no scopes")
	}
	return scopes.Value, nil
}

// SignIn returns how users of the service at baseURL sign in; hc is as
// Client.HTTP. It needs no access token. For hosts of Azure DevOps, which has
// no such call, it returns Entra for work accounts with the public client of
// Microsoft's own developer tools, and asks nobody.
func SignIn(ctx context.Context, hc *http.Client, baseURL string) (api.SignIn, error) {
	if IsAzureDevOps(baseURL) {
		return api.SignIn{
			Kind:      api.SignInEntra,
			Authority: "https://login.microsoftonline.com/organizations",
			Scope:     "499b84ac-1321-427f-aa17-267ca6975798/.default",
			ClientID:  "872cd9fa-d31f-45e0-9eab-6e460a02d1f1",
		}, nil
	}
	c := Client{BaseURL: baseURL, HTTP: hc}
	a, err := c.do(ctx, request{method: http.MethodGet, path: "_apis/patrol/signin", replay: always, anonymous: true})
	if err != nil {
		return api.SignIn{}, err
	}
	var signIn api.SignIn
	if err := a.decode(&signIn); err != nil {
		return api.SignIn{}, err
	}
	if signIn.Kind == "" || signIn.Authority == "" {
		return api.SignIn{}, a.fail(KindProtocol, "the answer does not say how to sign in")
	}
	return signIn, nil
}

// IsAzureDevOps reports whether baseURL is an address of Azure DevOps Services:
// https at dev.azure.com, vssps.dev.azure.com or the older NAME.visualstudio.com.
// Only such a service may get an access token of Azure DevOps.
func IsAzureDevOps(baseURL string) bool {
	base, err := parseBase(baseURL)
	if err != nil || base.Scheme != "https" {
		return false
	}
	host := "." + strings.ToLower(base.Hostname())
	return strings.HasSuffix(host, ".dev.azure.com") || strings.HasSuffix(host, ".visualstudio.com")
}

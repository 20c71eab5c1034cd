package cli

import (
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// A server says where its users sign in, as which application, and for which
// resource, and then gets the access token. What it says must not make it the
// user anywhere else: Microsoft's authorities give tokens for all of
// Microsoft's services, often without showing a page.

// azureDevOps is the application id of Azure DevOps in Entra.
const azureDevOps = "499b84ac-1321-427f-aa17-267ca6975798"

// checkSignIn fails where the server asks for an access token that is not its
// own to have. With forAzureDevOps the user lets it have one for Azure DevOps.
func checkSignIn(s api.SignIn, server string, forAzureDevOps bool) error {
	authority, err := webAddress(s.Authority)
	if err != nil || client.IsAzureDevOps(server) {
		return nil // newMethod refuses the former
	}
	if !isMicrosoft(authority) {
		if s.Kind == api.SignInEntra && !isLoopback(authority) {
			return fail(exitFailed, "%s asks to sign in to Entra at %s, which is not Microsoft's", server, authority.Host).
				with("an administrator of the server can correct that: any other issuer is of the kind \"oidc\"")
		}
		return nil
	}
	own := false
	for _, scope := range strings.Fields(s.Scope) {
		if slices.Contains(identityScopes, strings.ToLower(scope)) {
			continue
		}
		switch resource := resourceOf(scope); {
		case isAzureDevOpsResource(resource) && forAzureDevOps:
		case isAzureDevOpsResource(resource):
			return fail(exitFailed, "%s is not Azure DevOps, but asks for an access token of Azure DevOps, with which it could act as you there", server).
				with("if you trust it with that, add --azure-devops-token; else have its administrator give it an application of its own")
		case !isOwnResource(resource):
			return fail(exitFailed, "%s asks for %q at %s, which is not for a service of its own: it could act as you elsewhere", server, scope, authority.Host).
				with("its administrator must give it an application of its own in Entra, with a scope such as api://ID/.default")
		}
		own = true
	}
	if !own {
		return fail(exitFailed, "%s asks for %q at %s, which names no resource and so is for Microsoft Graph", server, s.Scope, authority.Host).
			with("its administrator must name an application of its own in Entra, with a scope such as api://ID/.default")
	}
	return nil
}

// identityScopes are for the ID token and the renewal, not for a resource
// (OpenID Connect Core sections 5.4 and 11).
var identityScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// resourceOf is the part of a scope of Entra before its last slash: empty for
// those of Microsoft Graph.
func resourceOf(scope string) string {
	i := strings.LastIndexByte(scope, '/')
	if i < 0 {
		return ""
	}
	return strings.TrimRight(strings.ToLower(scope[:i]), "/")
}

// isAzureDevOpsResource knows both names of Azure DevOps.
func isAzureDevOpsResource(resource string) bool {
	return resource == azureDevOps || resource == "https://app.vssps.visualstudio.com"
}

// isOwnResource reports whether a resource, in small letters, can be an
// application that is not Microsoft's. Those have an id, or a URI of one of the
// forms that Entra lets tenants choose: api://, or https:// at a domain that
// they have shown to be theirs.
func isOwnResource(resource string) bool {
	if uuidPattern.MatchString(resource) {
		return !strings.HasPrefix(resource, "0000000") && !slices.Contains(microsoftApplications, resource)
	}
	u, err := url.Parse(resource)
	if err != nil || u.User != nil || u.Hostname() == "" {
		return false
	}
	switch u.Scheme {
	case "api":
		return u.Host != "azureadtokenexchange" && isOwnApplication(u.Host)
	case "https", "http":
		return !within(u.Hostname(), microsoftResources)
	}
	return false
}

// isOwnApplication is false for the ids of Microsoft's applications.
func isOwnApplication(name string) bool {
	return !uuidPattern.MatchString(name) || isOwnResource(name)
}

// microsoftApplications are Microsoft's services with an id of no pattern. Their
// list has no end: of the others, the user is asked.
var microsoftApplications = []string{
	azureDevOps,
	"797f4846-ba00-4fd7-ba43-dac1f8f63013", // Azure Resource Manager
	"cfa8b339-82a2-471a-a3c9-0fc0be7a4093", // Key Vault
	"e406a681-f3d4-42a8-90b6-c2b029497af1", // Storage
	"022907d3-0f1b-48f7-badc-1ba6abab6d66", // SQL Database
	"2ff814a6-3304-4ab8-85cb-cd0e6f879c1d", // Databricks
	"6dae42f8-4368-4678-94ff-3960e28e3630", // Kubernetes Service
	"ca7f3f0b-7d91-482c-8e09-c5d840d0eac5", // Log Analytics
}

// microsoftResources are the domains of the URIs of Microsoft's services.
var microsoftResources = []string{
	"microsoft.com", "microsoft.us", "microsoft.cn", "microsoftonline.com", "microsoftazure.us", "windows.net", "windows.com",
	"windowsazure.com", "azure.com", "azure.net", "azure.us", "azure.cn", "azure.de", "usgovcloudapi.net", "chinacloudapi.cn", "cloudapi.de",
	"office.com", "office.net", "office365.com", "office365.us", "sharepoint.com", "sharepoint.us", "sharepoint.cn", "outlook.com", "live.com",
	"skype.com", "lync.com", "yammer.com", "dynamics.com", "powerbi.com", "powerapps.com", "powerplatform.com", "visualstudio.com",
	"azuredatabricks.net", "azure-api.net", "loganalytics.io", "applicationinsights.io", "azuresynapse.net", "azuredatalake.net",
}

// microsoftAuthorities are the domains at which people sign in to Microsoft's
// clouds and enter device codes. Nobody else runs servers there.
var microsoftAuthorities = []string{
	"microsoft.com", "microsoft.us", "microsoft.cn", "live.com", "aka.ms",
	"microsoftonline.com", "microsoftonline.us", "microsoftonline.cn", "microsoftonline.de", "microsoftonline-p.com",
	"login.windows.net", "sts.windows.net", "login.windows-ppe.net", "login.chinacloudapi.cn", "login.usgovcloudapi.net",
	"sovcloud-identity.fr", "sovcloud-identity.de", "sovcloud-identity.sg",
}

// tenantAuthorities are the domains where tenants for customers have a host each.
var tenantAuthorities = []string{"b2clogin.com", "ciamlogin.com"}

// isMicrosoft reports whether u is a page or an authority of Microsoft.
func isMicrosoft(u *url.URL) bool {
	return within(u.Hostname(), microsoftAuthorities) || within(u.Hostname(), tenantAuthorities)
}

// within reports whether host is one of the domains or below one of them. The
// dot at the end of a complete name changes nothing.
func within(host string, domains []string) bool {
	host = "." + strings.TrimRight(strings.ToLower(host), ".")
	return slices.ContainsFunc(domains, func(domain string) bool { return strings.HasSuffix(host, "."+domain) })
}

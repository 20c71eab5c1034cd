package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
)

// DefaultAudience is the application id of Azure DevOps in Microsoft Entra.
const DefaultAudience = "499b84ac-1321-427f-aa17-267ca6975798"

// The values of [Issuer.Kind].
const (
	// KindEntra is Microsoft Entra ID, or something shaped like it.
	KindEntra = "entra"
	// KindOIDC is any other OpenID Connect issuer.
	KindOIDC = "oidc"
)

// tenantTemplate stands for a tenant in the discovery documents and keys that
// Entra publishes for all tenants together.
const tenantTemplate = "{tenantid}"

// Issuer is one configured source of access tokens.
type Issuer struct {
	// Kind is [KindEntra] or [KindOIDC].
	Kind string
	// URL is for Entra the authority's origin, such as
	// https://login.microsoftonline.com; of Microsoft's clouds the issuers
	// that belong to it are known. For OpenID Connect it is the issuer exactly
	// as tokens name it. It must be https unless its host is loopback.
	URL string
	// Tenants are the UUIDs of the Entra tenants whose users may come; at
	// least one. OpenID Connect has none.
	Tenants []string
	// Tenant is the tenant of an OpenID Connect issuer's users. Zero means one
	// derived from URL. Entra tokens name theirs.
	Tenant pat.UUID
	// Audiences are the accepted values of the aud claim, compared exactly.
	// None means [DefaultAudience]. Entra tokens of version 1 may carry the
	// resource's identifier URI instead of its id.
	Audiences []string
	// KeysURL is the address of the key set; in Entra's, "{tenantid}" stands
	// for the tenant. Empty means that discovery tells.
	KeysURL string
	// Scopes says what the delegated scopes of this issuer permit. Nil means
	// the names of Azure DevOps: user_impersonation and vso.pats_manage permit
	// to read and manage, vso.pats to read.
	Scopes map[string]pat.Permission
	// Development accepts the development identity provider, which is refused
	// otherwise.
	Development bool
}

// trust is one exact issuer whose tokens are accepted.
type trust struct {
	issuer    string // the iss claim
	version   string // the ver claim of Entra; empty for OpenID Connect
	tenant    pat.UUID
	audiences []string
	scopes    map[string]pat.Permission
	keys      *keySet
}

// keySource is where the keys of an issuer are to be found.
type keySource struct {
	issuer    string // as discovery must name it
	alias     string // another name of the issuer, which keys may give; may be empty
	tenant    string // what "{tenantid}" stands for in such names; may be empty
	discovery string // the address of the discovery document
	keysURL   string // overrides discovery when set
	loopback  bool   // whether plain HTTP on loopback will do

	development bool // whether keys may be those of the development provider
}

// is reports whether discovery names the issuer of s.
func (s keySource) is(issuer string) bool {
	return s.resolve(issuer) == s.issuer
}

// hasKeysOf reports whether a key that names issuer is one of s.
func (s keySource) hasKeysOf(issuer string) bool {
	return s.is(issuer) || s.alias != "" && s.resolve(issuer) == s.alias
}

func (s keySource) resolve(issuer string) string {
	if s.tenant == "" {
		return issuer
	}
	return forTenant(issuer, s.tenant)
}

// resolve checks i and lists the exact issuers that it stands for.
func (i Issuer) resolve(keys func(keySource) *keySet) ([]*trust, error) {
	base, err := checkURL(i.URL, true)
	if err != nil {
		return nil, err
	}
	loopback := base.Scheme == "http"
	if i.KeysURL != "" {
		if _, err := checkURL(i.KeysURL, loopback); err != nil {
			return nil, fmt.Errorf("keys address: %w", err)
		}
	}
	if len(i.Audiences) == 0 {
		i.Audiences = []string{DefaultAudience}
	}
	if slices.Contains(i.Audiences, "") {
		return nil, errors.New("an audience is empty: name the API that the access tokens are for")
	}
	if i.Scopes == nil {
		i.Scopes = azureDevOpsScopes()
	}
	switch i.Kind {
	case KindEntra:
		return i.resolveEntra(base, loopback, keys)
	case KindOIDC:
		return i.resolveOIDC(base, loopback, keys)
	}
	return nil, fmt.Errorf("kind %q: choose %q or %q", i.Kind, KindEntra, KindOIDC)
}

func (i Issuer) resolveEntra(base *url.URL, loopback bool, keys func(keySource) *keySet) ([]*trust, error) {
	if strings.Trim(base.Path, "/") != "" {
		return nil, errors.New("an Entra authority is only scheme and host: list tenants apart from it")
	}
	if len(i.Tenants) == 0 {
		return nil, errors.New("no tenants: list the UUID of each Entra tenant whose users may come")
	}
	if !i.Tenant.IsZero() {
		return nil, errors.New("a tenant for all users: Entra tokens name their own, list tenants instead")
	}
	authority := base.Scheme + "://" + strings.ToLower(base.Host)
	v1, v2 := entraIssuers(authority)
	var trusts []*trust
	for _, name := range i.Tenants {
		tenant, err := pat.ParseUUID(name)
		if err != nil || tenant.IsZero() {
			return nil, fmt.Errorf("tenant %q is no UUID: copy the directory id from the Entra portal", name)
		}
		id := tenant.String()
		set := keys(keySource{
			issuer:    forTenant(v2, id),
			alias:     forTenant(v1, id),
			tenant:    id,
			discovery: authority + "/" + id + "/v2.0" + wellKnown,
			keysURL:   forTenant(i.KeysURL, id),
			loopback:  loopback,
		})
		one := trust{issuer: forTenant(v1, id), version: "1.0", tenant: tenant, audiences: i.Audiences, scopes: i.Scopes, keys: set}
		two := one
		two.issuer, two.version = forTenant(v2, id), "2.0"
		trusts = append(trusts, &one, &two)
	}
	return trusts, nil
}

func (i Issuer) resolveOIDC(base *url.URL, loopback bool, keys func(keySource) *keySet) ([]*trust, error) {
	if len(i.Tenants) > 0 {
		return nil, errors.New("a list of tenants: only Entra has tenants of its own, give one tenant instead")
	}
	if i.Tenant.IsZero() {
		i.Tenant = pat.HashUUID("tenant", i.URL)
	}
	return []*trust{{
		issuer: i.URL, tenant: i.Tenant, audiences: i.Audiences, scopes: i.Scopes,
		keys: keys(keySource{
			issuer:    i.URL,
			discovery: strings.TrimSuffix(i.URL, "/") + wellKnown,
			keysURL:   i.KeysURL,
			loopback:  loopback,
		}),
	}}, nil
}

// entraIssuers are the templates of the issuers of version 1 and 2 tokens from
// an authority. Microsoft's clouds issue version 1 under a host of its own.
func entraIssuers(authority string) (v1, v2 string) {
	sts := authority
	switch authority {
	case "https://login.microsoftonline.com", "https://login.windows.net":
		authority, sts = "https://login.microsoftonline.com", "https://sts.windows.net"
	case "https://login.microsoftonline.us":
		sts = "https://sts.windows.net"
	case "https://login.partner.microsoftonline.cn", "https://login.chinacloudapi.cn":
		authority, sts = "https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn"
	}
	return sts + "/" + tenantTemplate + "/", authority + "/" + tenantTemplate + "/v2.0"
}

func forTenant(template, tenant string) string {
	return strings.ReplaceAll(template, tenantTemplate, tenant)
}

// checkURL accepts absolute https addresses and, where loopback is true, also
// plain HTTP to this machine.
func checkURL(address string, loopback bool) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(address, "#") {
		return nil, fmt.Errorf("%q is no address for this: use https://host/path without user, query and fragment", address)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback || !isLoopback(u.Hostname())) {
		return nil, fmt.Errorf("%q is not secure: use https", address)
	}
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func azureDevOpsScopes() map[string]pat.Permission {
	return map[string]pat.Permission{
		"user_impersonation": pat.ReadTokens | pat.ManageTokens,
		"vso.pats_manage":    pat.ReadTokens | pat.ManageTokens,
		"vso.pats":           pat.ReadTokens,
	}
}

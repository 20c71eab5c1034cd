package devidp

import (
	"regexp"
	"slices"
	"strings"
)

// The scopes of OpenID Connect.
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopeOffline = "offline_access"
)

const (
	scopeDefault       = ".default"
	scopeImpersonation = "user_impersonation"

	// graphAudience is the application id of Microsoft Graph, which Entra takes
	// scopes without a resource to belong to.
	graphAudience = "00000003-0000-0000-c000-000000000000"
	// azureDevOpsURI is the other name of Azure DevOps in Entra.
	azureDevOpsURI = "https://app.vssps.visualstudio.com"
)

var (
	scopeToken = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`) // RFC 6749 section 3.3
	vsoScope   = regexp.MustCompile(`^vso\.[a-z]+(_[a-z]+)*$`)
)

// scope is what a client asked for, taken apart.
type scope struct {
	oidc     []string // of OpenID Connect
	resource []string // the others, as they were asked for
	targets  []target // of each of resource
}

// target is one permission of one resource.
type target struct {
	audience, permission string
}

// parseScope reads a scope parameter. It knows the permissions of the
// configured audience, and lets other resources have any.
func (p *Provider) parseScope(value string) (scope, error) {
	var s scope
	for _, name := range strings.Fields(value) {
		if !scopeToken.MatchString(name) {
			return scope{}, p.unknownScope(name)
		}
		switch name {
		case scopeOpenID, scopeProfile, scopeEmail, scopeOffline:
			if !slices.Contains(s.oidc, name) {
				s.oidc = append(s.oidc, name)
			}
			continue
		}
		if slices.Contains(s.resource, name) {
			continue
		}
		t, ok := p.parseTarget(name)
		if !ok {
			return scope{}, p.unknownScope(name)
		}
		s.resource = append(s.resource, name)
		s.targets = append(s.targets, t)
	}
	return s, nil
}

func (p *Provider) parseTarget(name string) (target, bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return target{graphAudience, name}, name != scopeDefault
	}
	audience, permission := name[:i], name[i+1:]
	if strings.Trim(audience, "/") == "" || permission == "" {
		return target{}, false
	}
	if !p.isAudience(audience) {
		return target{audience, permission}, true
	}
	permission = strings.ToLower(permission)
	known := permission == scopeDefault || permission == scopeImpersonation || vsoScope.MatchString(permission)
	return target{p.cfg.Audience, permission}, known
}

// isAudience reports whether a resource is the configured one, by one of the
// names that Entra knows it by.
func (p *Provider) isAudience(resource string) bool {
	resource = strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(resource), "/"), "api://")
	return resource == strings.ToLower(p.cfg.Audience) ||
		(p.cfg.Audience == DefaultAudience && resource == azureDevOpsURI)
}

func (p *Provider) unknownScope(name string) *refusal {
	return invalidScope(70011, "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope '%s' does not exist on the resource.", name)
}

func (s scope) has(oidc string) bool { return slices.Contains(s.oidc, oidc) }

func (s scope) empty() bool { return len(s.oidc) == 0 && len(s.resource) == 0 }

// or is s, with the resource of earlier where s names none, and with the OpenID
// Connect scopes of both: libraries ask for those at one endpoint or the other.
func (s scope) or(earlier scope) scope {
	if len(s.resource) == 0 {
		s.resource, s.targets = earlier.resource, earlier.targets
	}
	s.oidc = slices.Clone(s.oidc)
	for _, name := range earlier.oidc {
		if !s.has(name) {
			s.oidc = append(s.oidc, name)
		}
	}
	return s
}

func (s scope) String() string {
	return strings.Join(slices.Concat(s.resource, s.oidc), " ")
}

// grant decides what an access token for s is good for: one audience, and the
// permissions of its "scp" claim.
func (s scope) grant() (audience string, permissions []string, err error) {
	if len(s.targets) == 0 {
		return graphAudience, s.oidc, nil
	}
	audience = s.targets[0].audience
	if slices.ContainsFunc(s.targets, func(t target) bool { return t.audience != audience }) {
		return "", nil, invalidScope(28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope '%s' is not valid.", s)
	}
	for _, t := range s.targets {
		switch {
		case t.permission == scopeDefault && len(s.targets) > 1:
			return "", nil, invalidScope(70011, "The provided value for the input parameter 'scope' is not valid. .default scope can't be combined with resource-specific scopes.")
		case t.permission == scopeDefault:
			permissions = append(permissions, scopeImpersonation)
		case !slices.Contains(permissions, t.permission):
			permissions = append(permissions, t.permission)
		}
	}
	return audience, permissions, nil
}

// granted is the "scope" of a token response: what was asked for, verbatim,
// because MSAL takes a scope that it does not find there for declined, and what
// ".default" stood for.
func (s scope) granted() string {
	var names []string
	for i, t := range s.targets {
		if t.permission == scopeDefault {
			names = append(names, strings.TrimSuffix(s.resource[i], scopeDefault)+scopeImpersonation)
		}
	}
	return strings.Join(slices.Concat(names, s.resource, s.oidc), " ")
}

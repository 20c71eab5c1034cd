package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/identity"
	"github.com/patrolhq/patrol/internal/pat"
)

// setup is a configuration that was checked and understood: what the parts of
// the service are made from.
type setup struct {
	database database
	keys
	directory     *pat.Directory
	catalogue     *pat.Catalogue
	scopes        []api.Scope
	limits        pat.Limits
	policies      map[pat.UUID]pat.Policy
	issuers       []identity.Issuer
	signIn        api.SignIn
	authorization string
	verify        verification
	console       consoleSetup
}

// policy is what an organization allows.
func (s setup) policy(_ context.Context, o pat.Organization) (pat.Policy, error) {
	return s.policies[o.ID], nil
}

// faults collects everything that is wrong with a configuration, each with
// the key that it stands under.
type faults []error

func (f *faults) add(key string, err error) {
	if err != nil {
		*f = append(*f, fmt.Errorf("%s: %w", key, err))
	}
}

func (f *faults) addf(key, format string, args ...any) { f.add(key, fmt.Errorf(format, args...)) }

// Check reports every fault of c at once, nil where there is none. It reads
// the secrets that c refers to and touches nothing else.
func (c Config) Check(ctx context.Context) error {
	s, err := c.prepare(newSecrets(ctx))
	return errors.Join(err, s.console.off)
}

// prepare checks c and makes of it what the service is assembled from.
func (c Config) prepare(secrets *secrets) (setup, error) {
	f := faults(c.unknown)
	var s setup
	c.SiteConfig.check(&f)
	s.database = c.Database.prepare(&f, secrets)
	c.checkDurations(&f)
	s.keys = c.prepareKeys(&f, secrets)
	s.issuers, s.signIn, s.authorization = c.prepareIssuers(&f)
	s.directory, s.policies = c.prepareOrganizations(&f, s.issuers)
	s.catalogue, s.scopes = c.prepareScopes(&f)
	s.limits = c.Limits.prepare(&f)
	s.verify = c.prepareVerification(&f, secrets, s.directory)
	s.console = c.prepareConsole(&f, secrets, s.signIn)
	return s, errors.Join(f...)
}

func (c Config) checkDurations(f *faults) {
	f.add("limits.default_lifetime", c.Limits.DefaultLifetime.fault)
	f.add("limits.max_lifetime", c.Limits.MaxLifetime.fault)
	f.add("policy.max_lifespan", c.Policy.MaxLifespan.fault)
	for i, o := range c.Organizations {
		if o.Policy != nil {
			f.add(fmt.Sprintf("organizations[%d].policy.max_lifespan", i), o.Policy.MaxLifespan.fault)
		}
	}
}

func (c Config) prepareKeys(f *faults, secrets *secrets) keys {
	var all []pat.ServerKey
	for i, key := range c.Keys {
		at := fmt.Sprintf("keys[%d]", i)
		if len(key.ID) != 1 {
			f.addf(at+".id", "%q is not one letter or digit", key.ID)
			continue
		}
		secret, err := secrets.readKey(key.Secret)
		if err != nil {
			f.add(at+".secret", err)
			continue
		}
		all = append(all, pat.ServerKey{ID: key.ID[0], Secret: secret})
	}
	if len(all) < len(c.Keys) {
		return keys{}
	}
	derived, err := newKeys(c.Signature, all)
	f.add("keys", err)
	return derived
}

func (c Config) prepareIssuers(f *faults) (issuers []identity.Issuer, signIn api.SignIn, authorization string) {
	for i, configured := range c.Issuers {
		at := fmt.Sprintf("issuers[%d]", i)
		if configured.Kind == identity.KindEntra && configured.URL == "" {
			configured.URL = "https://login.microsoftonline.com"
		}
		if u, err := url.Parse(configured.URL); err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
			f.addf(at+".url", "%q is not https", configured.URL)
		}
		if len(configured.Audiences) == 0 {
			f.addf(at+".audiences", "missing: name your own application, \"api://...\" or its id; name Azure DevOps, %q, only to stand in for it, since every access token for it would then be good here, and those sent here good there", identity.DefaultAudience)
		}
		issuer := identity.Issuer{Kind: configured.Kind, URL: configured.URL, Tenants: configured.Tenants, Audiences: configured.Audiences}
		if issuer.Kind == identity.KindOIDC {
			issuer.Tenant = pat.HashUUID("tenant", issuer.URL)
		}
		if configured.Tenant != "" {
			tenant, err := pat.ParseUUID(configured.Tenant)
			f.add(at+".tenant", err)
			issuer.Tenant = tenant
		}
		issuers = append(issuers, issuer)
		if i == 0 {
			signIn = configured.signIn()
			authorization = signIn.Authority
		}
	}
	_, err := identity.New(identity.Config{Issuers: issuers})
	f.add("issuers", err)
	return issuers, signIn, authorization
}

// signIn is what clients are told about signing in with this issuer.
func (i IssuerConfig) signIn() api.SignIn {
	audience := ""
	if len(i.Audiences) > 0 {
		audience = i.Audiences[0]
	}
	authority := i.URL
	if i.Kind == identity.KindEntra {
		tenant := "organizations"
		if len(i.Tenants) == 1 {
			tenant = i.Tenants[0]
		}
		authority = strings.TrimSuffix(i.URL, "/") + "/" + tenant
	}
	return api.SignIn{Kind: i.Kind, Authority: authority, Scope: cmp.Or(i.Scope, audience+"/.default"), ClientID: i.ClientID}
}

func (c Config) prepareOrganizations(f *faults, issuers []identity.Issuer) (*pat.Directory, map[pat.UUID]pat.Policy) {
	tenants := tenantsOf(issuers)
	common := c.Policy.policy()
	policies := map[pat.UUID]pat.Policy{}
	var organizations []pat.Organization
	for i, configured := range c.Organizations {
		at := fmt.Sprintf("organizations[%d]", i)
		o := pat.Organization{Name: configured.Name, Members: objects(configured.Members)}
		if configured.Members != nil && len(configured.Members) == 0 {
			f.addf(at+".members", "it is empty, which would let everybody in: name members, or leave it out to admit every user of the tenant")
		}
		var err error
		if o.ID, err = pat.ParseUUID(configured.ID); err != nil {
			f.add(at+".id", err)
			continue
		}
		switch {
		case configured.Tenant != "":
			if o.Tenant, err = pat.ParseUUID(configured.Tenant); err != nil {
				f.add(at+".tenant", err)
			} else if !slices.Contains(tenants, o.Tenant) {
				f.addf(at+".tenant", "no issuer has the tenant %s", o.Tenant)
			}
		case len(tenants) == 1:
			o.Tenant = tenants[0]
		default:
			f.addf(at+".tenant", "missing: the issuers have %d tenants, say which one's users belong here", len(tenants))
		}
		policies[o.ID] = common
		if configured.Policy != nil {
			policies[o.ID] = configured.Policy.policy()
		}
		organizations = append(organizations, o)
	}
	if len(c.Organizations) == 0 {
		f.addf("organizations", "missing: at least one is needed")
	}
	directory, err := pat.NewDirectory(organizations)
	f.add("organizations", err)
	return directory, policies
}

// tenantsOf lists the tenants whose users the issuers sign in.
func tenantsOf(issuers []identity.Issuer) []pat.UUID {
	var tenants []pat.UUID
	for _, issuer := range issuers {
		if issuer.Kind != identity.KindEntra {
			tenants = append(tenants, issuer.Tenant)
			continue
		}
		for _, tenant := range issuer.Tenants {
			if id, err := pat.ParseUUID(tenant); err == nil { // identity.New says what is wrong with others
				tenants = append(tenants, id)
			}
		}
	}
	return tenants
}

func (p PolicyConfig) policy() pat.Policy {
	return pat.Policy{
		Creation: pat.CreationRestriction{
			Restriction:      pat.Restriction{On: p.RestrictCreation, Exempt: objects(p.RestrictCreationExempt)},
			PackagingAllowed: p.PackagingAllowed,
		},
		Global:    pat.Restriction{On: p.RestrictGlobal, Exempt: objects(p.RestrictGlobalExempt)},
		FullScope: pat.Restriction{On: p.RestrictFullScope, Exempt: objects(p.RestrictFullScopeExempt)},
		Lifespan:  pat.LifespanRestriction{Max: p.MaxLifespan.Duration, Exempt: objects(p.MaxLifespanExempt)},
	}
}

// objects are object ids as they are compared: in lower case. What is no id is
// the name of a group of an OpenID Connect issuer and stays as it is.
func objects(listed []string) []string {
	var all []string
	for _, object := range listed {
		if id, err := pat.ParseUUID(object); err == nil {
			object = id.String()
		}
		all = append(all, object)
	}
	return all
}

func (c Config) prepareScopes(f *faults) (*pat.Catalogue, []api.Scope) {
	scopes := api.AzureDevOpsScopes()
	for _, added := range c.Scopes {
		scopes = append(scopes, api.Scope{
			Name: added.Name, Area: added.Area, Covers: added.Covers,
			Includes: append([]string{}, added.Includes...), HighPrivilege: added.HighPrivilege,
		})
	}
	catalogue, err := newCatalogue(scopes)
	f.add("scopes", err)
	return catalogue, scopes
}

// newCatalogue is the domain's view of scopes. Full access is always part of
// it and needs no definition.
func newCatalogue(scopes []api.Scope) (*pat.Catalogue, error) {
	var definitions []pat.ScopeDefinition
	for _, scope := range scopes {
		if scope.Name != string(pat.FullScope) {
			definitions = append(definitions, pat.ScopeDefinition{Name: scope.Name, Includes: scope.Includes})
		}
	}
	return pat.NewCatalogue(definitions)
}

func (l LimitsConfig) prepare(f *faults) pat.Limits {
	limits := pat.Limits{DefaultLifetime: l.DefaultLifetime.Duration, MaxLifetime: l.MaxLifetime.Duration}
	switch l.GlobalPATs {
	case "", "allowed":
	case "blocked":
		limits.Global = pat.GlobalBlocked
	case "retired":
		limits.Global = pat.GlobalRetired
	default:
		f.addf("limits.global_pats", "%q is not allowed, blocked or retired", l.GlobalPATs)
	}
	if l.MaxLifetime.Duration != 0 && l.DefaultLifetime.Duration > l.MaxLifetime.Duration {
		f.addf("limits.default_lifetime", "it is longer than max_lifetime")
	}
	return limits
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/identity"
)

// StandaloneConfig is the configuration of patrold console, a TOML file: the
// web console alone, for an API elsewhere, that of Azure DevOps or of another
// patrold.
type StandaloneConfig struct {
	SiteConfig
	// API is what people manage their tokens with.
	API APIConfig `toml:"api"`
	// SignIn is where people sign in for it.
	SignIn SignInConfig `toml:"sign_in"`
	// Sessions bound how long they stay signed in.
	Sessions SessionsConfig `toml:"sessions"`

	// unknown are the keys of the file that mean nothing.
	unknown []error
}

// APIConfig is an API elsewhere.
type APIConfig struct {
	// Endpoint is its base URL, such as "https://vssps.dev.azure.com", or that of
	// the tokens of an organization,
	// "https://vssps.dev.azure.com/ORGANIZATION/_apis/Tokens/Pats?api-version=6.1-preview".
	Endpoint string `toml:"endpoint"`
	// Organizations are those that people choose from. Azure DevOps does not list
	// them; where the API does, what it says counts.
	Organizations []string `toml:"organizations"`
	// CAFile has certificates of authorities, in PEM, that are trusted besides
	// those that the machine trusts.
	CAFile string `toml:"ca_file"`
	// AzureDevOpsToken lets an API on another machine that is not Azure DevOps
	// have access tokens for Azure DevOps: it can act as its users there.
	AzureDevOpsToken bool `toml:"azure_devops_token"`
}

// SignInConfig is where people sign in.
type SignInConfig struct {
	// Kind is entra (Microsoft Entra ID), the default, or oidc (any OpenID
	// Connect issuer).
	Kind string `toml:"kind"`
	// Authority is "https://login.microsoftonline.com/TENANT", with
	// "organizations" in the place of the tenant for several, or the issuer.
	Authority string `toml:"authority"`
	ClientConfig
	// Scope is what is asked for, several with spaces between them. By default
	// it is that of Azure DevOps where that is the API,
	// "499b84ac-1321-427f-aa17-267ca6975798/.default".
	Scope string `toml:"scope"`
	// CAFile is as that of the API.
	CAFile string `toml:"ca_file"`
}

// SessionsConfig bounds how long people stay signed in.
type SessionsConfig struct {
	// Idle is how long they do so without doing anything, "8h" by default, and
	// Life how long at all, "7d".
	Idle Duration `toml:"idle"`
	Life Duration `toml:"life"`
}

// ReadStandaloneConfig is [ReadConfig] for the console alone.
func ReadStandaloneConfig(path string) (StandaloneConfig, error) {
	var config StandaloneConfig
	unknown, err := readTOML(path, &config)
	config.unknown = unknown
	return config, err
}

// Check is [Config.Check] for the console alone.
func (c StandaloneConfig) Check(ctx context.Context) error {
	_, err := c.prepare(newSecrets(ctx))
	return err
}

// standaloneSetup is a configuration of the console alone that was checked and
// understood.
type standaloneSetup struct {
	consoleSetup
	api           string // its base URL
	organizations []string
	http          *http.Client // nil is the network
}

func (c StandaloneConfig) prepare(secrets *secrets) (standaloneSetup, error) {
	f := faults(c.unknown)
	var s standaloneSetup
	c.SiteConfig.check(&f)
	s.api, s.organizations, s.http = c.API.prepare(&f)
	s.consoleSetup = c.SignIn.prepareFor(&f, secrets, c.PublicURL, s.api)
	checkSessions(&f, "sessions.", c.Sessions.Idle, c.Sessions.Life)
	s.idle, s.life = c.Sessions.Idle.Duration, c.Sessions.Life.Duration
	f.add("sign_in.scope", c.API.mayHave(c.SignIn.scope(s.api), s.api))
	return s, errors.Join(append(f, s.off)...)
}

func (c APIConfig) prepare(f *faults) (base string, organizations []string, via *http.Client) {
	base, organization, err := parseEndpoint(c.Endpoint)
	f.add("api.endpoint", err)
	organizations = slices.Clone(c.Organizations)
	if organization != "" && !slices.ContainsFunc(organizations, func(o string) bool { return strings.EqualFold(o, organization) }) {
		organizations = slices.Insert(organizations, 0, organization)
	}
	for i, name := range c.Organizations {
		if name == "" || strings.ContainsAny(name, "/\\?# ") {
			f.addf(fmt.Sprintf("api.organizations[%d]", i), "%q is not the name of an organization", name)
		}
	}
	if len(organizations) == 0 && client.IsAzureDevOps(base) {
		f.addf("api.organizations", "missing: Azure DevOps does not list them, so name those that people choose from")
	}
	via, err = trustingFile(c.CAFile)
	f.add("api.ca_file", err)
	return base, organizations, via
}

// parseEndpoint splits an endpoint into the base URL and the organization that
// it may name, as the configuration of Microsoft's sample has it.
func parseEndpoint(endpoint string) (base, organization string, err error) {
	u, err := url.Parse(endpoint)
	switch {
	case endpoint == "":
		return "", "", errors.New("missing: say where the API is, such as \"https://vssps.dev.azure.com\"")
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawPath != "":
		return "", "", errors.New("it is not a plain URL such as \"https://vssps.dev.azure.com\"")
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return "", "", fmt.Errorf("%q is not https: access tokens must not travel in clear", u.Host)
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	i := slices.IndexFunc(segments, func(s string) bool { return strings.EqualFold(s, "_apis") })
	switch {
	case i < 0 && u.RawQuery != "":
		return "", "", errors.New("a base URL has no query")
	case i == 0:
		return "", "", errors.New("there is no organization before \"_apis\"")
	case i > 0:
		if rest := strings.ToLower(strings.Join(segments[i+1:], "/")); rest != "tokens/pats" {
			return "", "", errors.New("what follows \"_apis\" is not \"tokens/pats\": name the base URL alone")
		}
		organization, segments = segments[i-1], segments[:i-1]
	}
	return strings.TrimSuffix(u.Scheme+"://"+u.Host+"/"+strings.Join(segments, "/"), "/"), organization, nil
}

// mayHave fails where access tokens of this scope would go to an API at base
// that is not meant to have them. With one for Azure DevOps whoever has it can
// act as its owner there.
func (c APIConfig) mayHave(scope, base string) error {
	u, err := url.Parse(base)
	if err != nil || base == "" || c.AzureDevOpsToken || client.IsAzureDevOps(base) || isLoopback(u.Hostname()) {
		return nil // the first two are reported already
	}
	if slices.ContainsFunc(strings.Fields(scope), isForAzureDevOps) {
		return fmt.Errorf("%s is not Azure DevOps, and with access tokens for that it could act as people there: name the scope of an application of its own; if you trust it with that, say azure_devops_token = true under [api]", u.Host)
	}
	return nil
}

// isForAzureDevOps knows both names that Azure DevOps has in Entra.
func isForAzureDevOps(scope string) bool {
	scope = strings.ToLower(scope)
	return strings.HasPrefix(scope, identity.DefaultAudience+"/") || strings.HasPrefix(scope, "https://app.vssps.visualstudio.com/")
}

// prepareFor checks c and makes of it the provider that signs people in for the
// API at base.
func (c SignInConfig) prepareFor(f *faults, secrets *secrets, publicURL, base string) consoleSetup {
	via, err := trustingFile(c.CAFile)
	f.add("sign_in.ca_file", err)
	scope := c.scope(base)
	if scope == "" && base != "" {
		f.addf("sign_in.scope", "missing: say what to ask for, such as \"api://ID/.default\" of the application that the API has in Entra")
	}
	return c.prepare(f, "sign_in", secrets, publicURL, signin.Config{
		Kind: c.kind(), Authority: c.Authority, Scopes: strings.Fields(scope), HTTP: via,
	})
}

func (c SignInConfig) kind() string {
	if c.Kind == "" {
		return signin.KindEntra
	}
	return c.Kind
}

// scope is what is asked for, for the API at base.
func (c SignInConfig) scope(base string) string {
	if c.Scope == "" && client.IsAzureDevOps(base) {
		return identity.DefaultAudience + "/.default"
	}
	return c.Scope
}

// trustingFile is trusting for a file, nil where there is none.
func trustingFile(path string) (*http.Client, error) {
	if path == "" {
		return nil, nil
	}
	authorities, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return trusting(authorities)
}

package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Config is the configuration of patrold in production, a TOML file. What is
// absent has the default that its comment names.
type Config struct {
	SiteConfig
	// Signature is the four characters that mark a token as this service's,
	// "PTRL" by default. Scanners report tokens marked "AZDO" to Microsoft.
	Signature string `toml:"signature"`

	// Database is where tokens are kept.
	Database DatabaseConfig `toml:"database"`
	// Limits bound every token.
	Limits LimitsConfig `toml:"limits"`
	// Policy is what organizations allow that have no policy of their own.
	Policy PolicyConfig `toml:"policy"`
	// Keys are the server keys. The first mints; the others keep tokens alive
	// that they minted. At least one is required.
	Keys []KeyConfig `toml:"keys"`
	// Issuers are whose access tokens are believed. The first is the one that
	// clients are told to sign in with. At least one is required.
	Issuers []IssuerConfig `toml:"issuers"`
	// Organizations are where tokens live. At least one is required.
	Organizations []OrganizationConfig `toml:"organizations"`
	// Verify is how other services' requests are answered that ask what a token
	// is good for.
	Verify VerifyConfig `toml:"verify"`
	// IntrospectionClients are the services that may ask at /oauth2/introspect.
	IntrospectionClients []IntrospectionClientConfig `toml:"introspection_clients"`
	// Scopes add to the catalogue of Azure DevOps.
	Scopes []ScopeConfig `toml:"scopes"`
	// Console is the web console; absent, there is none.
	Console *ConsoleConfig `toml:"console"`

	// unknown are the keys of the file that mean nothing.
	unknown []error
}

// DatabaseConfig says where tokens are kept: in a SQLite file or a PostgreSQL
// database.
type DatabaseConfig struct {
	// Path is the SQLite file, made where it does not exist.
	Path string `toml:"path"`
	// URL is the PostgreSQL database, "postgres://USER@HOST:PORT/NAME" with the
	// parameters of libpq, and no password in it. A server on another machine
	// must show a certificate for its name unless sslmode says otherwise.
	URL string `toml:"url"`
	// Password refers to the password for URL. It may be absent where the server
	// asks for none.
	Password SecretRef `toml:"password"`
	// Partitions is how many parts the big tables get when the schema is made,
	// 8 by default; PostgreSQL only.
	Partitions int `toml:"partitions"`
}

// LimitsConfig bounds every token.
type LimitsConfig struct {
	// DefaultLifetime is that of a token whose creator names no end: 30 days
	// by default.
	DefaultLifetime Duration `toml:"default_lifetime"`
	// MaxLifetime is the longest, from creation: 365 days by default.
	MaxLifetime Duration `toml:"max_lifetime"`
	// GlobalPATs is allowed (the default), blocked (no new ones) or retired
	// (none work).
	GlobalPATs string `toml:"global_pats"`
}

// PolicyConfig is what an organization allows. Exempt lists are object ids of
// users and groups.
type PolicyConfig struct {
	// RestrictCreation blocks new tokens.
	RestrictCreation bool `toml:"restrict_creation"`
	// RestrictCreationExempt may create them all the same.
	RestrictCreationExempt []string `toml:"restrict_creation_exempt"`
	// PackagingAllowed lets everyone create tokens with packaging scopes
	// only.
	PackagingAllowed bool `toml:"packaging_allowed"`
	// RestrictGlobal blocks new tokens for all organizations.
	RestrictGlobal       bool     `toml:"restrict_global"`
	RestrictGlobalExempt []string `toml:"restrict_global_exempt"`
	// RestrictFullScope blocks new tokens with full access.
	RestrictFullScope       bool     `toml:"restrict_full_scope"`
	RestrictFullScopeExempt []string `toml:"restrict_full_scope_exempt"`
	// MaxLifespan shortens tokens that would live longer, such as "90d".
	MaxLifespan       Duration `toml:"max_lifespan"`
	MaxLifespanExempt []string `toml:"max_lifespan_exempt"`
}

// KeyConfig is a server key.
type KeyConfig struct {
	// ID is one letter or digit, never used again for another key.
	ID string `toml:"id"`
	// Secret refers to 32 random bytes in base64.
	Secret SecretRef `toml:"secret"`
}

// IssuerConfig is whose access tokens are believed.
type IssuerConfig struct {
	// Kind is entra (Microsoft Entra ID) or oidc (any OpenID Connect issuer
	// whose access tokens are JWTs).
	Kind string `toml:"kind"`
	// URL is the authority's host for entra, "https://login.microsoftonline.com"
	// by default, and the exact issuer for oidc.
	URL string `toml:"url"`
	// Tenants are the directory ids that are accepted, for entra.
	Tenants []string `toml:"tenants"`
	// Tenant is the id that an oidc issuer's users are filed under; absent, it
	// follows from the URL.
	Tenant string `toml:"tenant"`
	// Audiences are accepted in access tokens: the id of your own application,
	// or its identifier URI. At least one is required. That of Azure DevOps,
	// 499b84ac-1321-427f-aa17-267ca6975798, is for stand-ins of it alone.
	Audiences []string `toml:"audiences"`
	// ClientID is the public client that the command line signs in with.
	ClientID string `toml:"client_id"`
	// Scope is what clients ask for, by default the first audience's
	// "/.default".
	Scope string `toml:"scope"`
}

// OrganizationConfig is an organization.
type OrganizationConfig struct {
	Name string `toml:"name"`
	// ID is a UUID of your choice that never changes.
	ID string `toml:"id"`
	// Tenant is the directory of its users; absent, it is the only one that
	// the issuers have.
	Tenant string `toml:"tenant"`
	// Members are object ids of users and groups; absent, every user of the
	// tenant is a member.
	Members []string `toml:"members"`
	// Policy replaces the common one.
	Policy *PolicyConfig `toml:"policy"`
}

// ScopeConfig is a scope of your own services.
type ScopeConfig struct {
	Name          string   `toml:"name"`
	Area          string   `toml:"area"`
	Covers        string   `toml:"covers"`
	Includes      []string `toml:"includes"`
	HighPrivilege bool     `toml:"high_privilege"`
}

// Duration is written like "90d", "12h" or "30m".
type Duration struct {
	time.Duration
	// fault is what is wrong with it as written.
	fault error
}

// UnmarshalText reads a whole number of days, or what [time.ParseDuration]
// reads, above zero and up to 100 years. What it cannot read is a fault for
// [Config.Check], which reports it with all others.
func (d *Duration) UnmarshalText(text []byte) error {
	d.Duration, d.fault = parseDuration(text)
	return nil
}

func parseDuration(text []byte) (time.Duration, error) {
	const longest = 100 * 365 * 24 * time.Hour
	unit := time.Duration(1)
	number := string(text)
	if days, ok := strings.CutSuffix(number, "d"); ok {
		number, unit = days+"h", 24
	}
	parsed, err := time.ParseDuration(number)
	if err != nil || parsed <= 0 || parsed > longest/unit {
		return 0, fmt.Errorf(`%.20q is not a duration above zero: write it like "90d" or "12h"`, text)
	}
	return parsed * unit, nil
}

// ReadConfig reads the file at path. It fails where that is not TOML or has
// values of wrong types; keys that mean nothing are faults for [Config.Check].
func ReadConfig(path string) (Config, error) {
	var config Config
	unknown, err := readTOML(path, &config)
	config.unknown = unknown
	return config, err
}

// readTOML reads the file at path into config. What is unknown there is no
// error yet.
func readTOML(path string, config any) (unknown []error, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	err = toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(config)
	if strict, ok := errors.AsType[*toml.StrictMissingError](err); ok {
		return unknownKeys(strict), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, explain(err))
	}
	return nil, nil
}

func unknownKeys(strict *toml.StrictMissingError) []error {
	var faults []error
	for _, fault := range strict.Errors {
		line, _ := fault.Position()
		faults = append(faults, fmt.Errorf("line %d: unknown key %q", line, strings.Join(fault.Key(), ".")))
	}
	return faults
}

// explain names the place at fault, without what stands there: it might be a
// secret in the wrong place.
func explain(err error) error {
	if fault, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := fault.Position()
		return fmt.Errorf("line %d, column %d: %s", line, column, fault.Error())
	}
	return err
}

package daemon

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/verify"
)

// VerifyConfig is how it is told what tokens are good for.
type VerifyConfig struct {
	// Cache is how much memory may be used to remember tokens that were
	// presented: "64MB" by default, which is room for about 300,000.
	Cache Size `toml:"cache"`
	// Realm is what people are shown where they are asked for a token: "Patrol"
	// by default.
	Realm string `toml:"realm"`
}

// IntrospectionClientConfig is a service that may ask for introspection.
type IntrospectionClientConfig struct {
	ID string `toml:"id"`
	// Secret refers to at least 16 characters.
	Secret SecretRef `toml:"secret"`
	// Organizations are those that the service is for, by name or id: tokens
	// that are good in none of them are not active to it. Absent, all are.
	Organizations []string `toml:"organizations"`
}

// Size is a number of bytes, written like "64MB" or "2GB".
type Size struct {
	bytes int
	// fault is what is wrong with it as written.
	fault error
}

// UnmarshalText reads a whole number of MB or GB, which are 1024 times 1024
// bytes and 1024 times that. What it cannot read is a fault for [Config.Check],
// which reports it with all others.
func (s *Size) UnmarshalText(text []byte) error {
	s.bytes, s.fault = parseSize(string(text))
	return nil
}

func parseSize(text string) (int, error) {
	number, unit := strings.CutSuffix(text, "MB")
	shift := 20
	if !unit {
		number, unit = strings.CutSuffix(text, "GB")
		shift = 30
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if !unit || err != nil {
		return 0, fmt.Errorf(`%.20q is not a size: write it like "64MB" or "2GB"`, text)
	}
	size := int64(n) << shift
	if size < verify.MinCacheSize || size > min(verify.MaxCacheSize, math.MaxInt) {
		return 0, fmt.Errorf("%q is not within 1MB and %dGB", text, verify.MaxCacheSize>>30)
	}
	return int(size), nil
}

// verification is what verifying is made from besides what tokens are made
// from.
type verification struct {
	// cacheSize is in bytes, 0 for the default.
	cacheSize int
	realm     string
	clients   []verify.Client
}

func (c Config) prepareVerification(f *faults, secrets *secrets, directory *pat.Directory) verification {
	f.add("verify.cache", c.Verify.Cache.fault)
	f.add("verify.realm", verify.CheckRealm(c.Verify.Realm))
	v := verification{cacheSize: c.Verify.Cache.bytes, realm: c.Verify.Realm}
	seen := map[string]bool{}
	for i, configured := range c.IntrospectionClients {
		at := fmt.Sprintf("introspection_clients[%d]", i)
		switch {
		case configured.ID == "":
			f.addf(at+".id", "missing: the client names itself by it")
		case seen[configured.ID]:
			f.addf(at+".id", "%q is used twice: give each client its own", configured.ID)
		}
		seen[configured.ID] = true
		secret, err := secrets.readClientSecret(configured.Secret)
		f.add(at+".secret", err)
		v.clients = append(v.clients, verify.NewClient(configured.ID, secret, configured.organizations(f, at, directory)...))
	}
	return v
}

// organizations are those that a client is bound to.
func (c IntrospectionClientConfig) organizations(f *faults, at string, directory *pat.Directory) []pat.Organization {
	if c.Organizations != nil && len(c.Organizations) == 0 {
		f.addf(at+".organizations", "it is empty, which would bind the client to none: name organizations, or leave it out to let it ask about all")
	}
	var bound []pat.Organization
	for _, name := range c.Organizations {
		if directory == nil {
			break // what is wrong with the organizations is reported already
		}
		o, ok := directory.Organization(name)
		if !ok {
			f.addf(at+".organizations", "there is no organization %q", name)
		}
		bound = append(bound, o)
	}
	return bound
}

// readClientSecret is the secret of a client, which must not be one that can be
// guessed.
func (s *secrets) readClientSecret(r SecretRef) (string, error) {
	secret, err := s.read(r)
	if err == nil && len(secret) < 16 {
		err = errors.New("the secret is shorter than 16 characters: make one with \"openssl rand -hex 32\"")
	}
	return secret, err
}

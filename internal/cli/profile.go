package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/lockedfile"
)

// config is config.toml: the profiles, and which of them is meant where no
// other is named.
type config struct {
	Current  string             `toml:"current,omitempty"`
	Profiles map[string]profile `toml:"profiles,omitempty"`
}

// profile is an organization on a server, as one user.
type profile struct {
	Server       string `toml:"server"`
	Organization string `toml:"organization,omitempty"`
	CAFile       string `toml:"ca_file,omitempty"`
	// Authority, ClientID and Scope are the sign-in that the user agreed to.
	Authority string `toml:"authority,omitempty"`
	ClientID  string `toml:"client_id,omitempty"`
	Scope     string `toml:"scope,omitempty"`
	// User is who signed in last, for people to read.
	User string `toml:"user,omitempty"`
}

func (p *program) configFile() string { return filepath.Join(p.dir, "config.toml") }

// loadConfig reads config.toml; where there is none, it is empty.
func (p *program) loadConfig() (config, error) {
	var c config
	data, err := os.ReadFile(p.configFile())
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fail(exitFailed, "reading the configuration: %w", err)
	}
	decoder := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, fail(exitUsage, "%s: %s", p.configFile(), tomlFault(err)).with("correct the file, or remove it and sign in again")
	}
	for name := range c.Profiles {
		if err := checkProfileName(name); err != nil {
			return c, fail(exitUsage, "%s: %w", p.configFile(), err)
		}
	}
	return c, nil
}

// tomlFault says where the fault is.
func tomlFault(err error) string {
	if e, ok := errors.AsType[*toml.StrictMissingError](err); ok && len(e.Errors) > 0 {
		row, _ := e.Errors[0].Position()
		return fmt.Sprintf("line %d: unknown key %q", row, strings.Join(e.Errors[0].Key(), "."))
	}
	if e, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := e.Position()
		return fmt.Sprintf("line %d: %v", row, err)
	}
	return err.Error()
}

// changeConfig lets change edit the configuration and stores it, while no other
// patrol does the same.
func (p *program) changeConfig(change func(*config) error) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fail(exitFailed, "making the directory of the configuration: %w", err)
	}
	unlock, err := lockedfile.MutexAt(filepath.Join(p.dir, "config.lock")).Lock()
	if err != nil {
		return fail(exitFailed, "locking the configuration: %w", err)
	}
	defer unlock()
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	if c.Profiles == nil {
		c.Profiles = map[string]profile{}
	}
	if err := change(&c); err != nil {
		return err
	}
	data, err := toml.Marshal(c)
	if err != nil {
		return fail(exitFailed, "encoding the configuration: %w", err)
	}
	if err := writeFile(p.configFile(), data); err != nil {
		return fail(exitFailed, "storing the configuration: %w", err)
	}
	return nil
}

// profileName also names files, on file systems that may not tell capitals
// from small letters.
var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

func checkProfileName(name string) error {
	if !profileName.MatchString(name) {
		return fail(exitUsage, "%q cannot name a profile", name).
			with("use small letters, digits, dots, dashes and underscores, 64 at most")
	}
	return nil
}

// target is what the flags, the environment and the configuration say together.
type target struct {
	profile
	// name is that of the profile; empty where none applies.
	name string
}

// choice is what the command line and the environment say about the target.
// What they do not say is empty.
type choice struct {
	profile, server, organization, caFile string
}

// choice merges the two: a flag wins over all variables that it contradicts.
func (p *program) choice() (choice, error) {
	f := p.flags
	c := choice{f.profile, f.server, f.organization, cmp.Or(f.caFile, p.env("PATROL_CA_FILE"))}
	if c.profile == "" {
		c.organization = cmp.Or(c.organization, p.env("PATROL_ORGANIZATION"))
	}
	if c.profile == "" && c.server == "" {
		c.profile = p.env("PATROL_PROFILE")
	}
	if c.profile == "" && c.server == "" {
		c.server = p.env("PATROL_SERVER")
	}
	if c.server == "" {
		return c, nil
	}
	address, err := serverAddress(c.server)
	if err != nil {
		return c, fail(exitUsage, "%w", err).with("write the address of the service, such as https://patrol.example or https://vssps.dev.azure.com")
	}
	c.server = address
	return c, nil
}

// target finds out which server and organization are meant.
func (p *program) target() (target, error) {
	all, err := p.loadConfig()
	if err != nil {
		return target{}, err
	}
	c, err := p.choice()
	if err != nil {
		return target{}, err
	}
	return all.resolve(c)
}

// resolve takes the profile that was chosen; else one that belongs to the server
// that was, so that credentials only ever go to the server they are for; else
// the current one.
func (c config) resolve(chosen choice) (target, error) {
	t := target{name: chosen.profile}
	switch {
	case chosen.profile != "":
		known, ok := c.Profiles[chosen.profile]
		if !ok {
			return t, fail(exitUsage, "there is no profile %q", chosen.profile).
				with("\"patrol profile list\" shows them; \"patrol login --profile %s\" makes one", chosen.profile)
		}
		if chosen.server != "" && chosen.server != known.Server {
			return t, fail(exitUsage, "profile %q is for %s, not for %s", chosen.profile, known.Server, chosen.server).
				with("leave out --server or --profile")
		}
		t.profile = known
	case chosen.server != "":
		t.name, t.profile = c.forServer(chosen.server, chosen.organization)
	default:
		t.name, t.profile = c.Current, c.Profiles[c.Current]
	}
	t.Organization = cmp.Or(chosen.organization, t.Organization)
	t.CAFile = cmp.Or(chosen.caFile, t.CAFile)
	return t, nil
}

// forServer is the profile for a server: the current one if it fits, else the
// first that does, those of the organization before the others. Where none
// does, the name is empty.
func (c config) forServer(server, organization string) (string, profile) {
	var names []string
	for name, known := range c.Profiles {
		if known.Server == server {
			names = append(names, name)
		}
	}
	rank := func(name string) int {
		switch {
		case organization != "" && strings.EqualFold(c.Profiles[name].Organization, organization):
			return 0
		case name == c.Current:
			return 1
		}
		return 2
	}
	if len(names) == 0 {
		return "", profile{Server: server}
	}
	name := slices.MinFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return name, c.Profiles[name]
}

// serverAddress brings an address into the one form in which addresses are
// compared. The API of Azure DevOps that is needed lives on
// vssps.dev.azure.com, but people know it by its front door.
func serverAddress(s string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no http or https address", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the address must not have a user, a query or a fragment")
	}
	u.Host = strings.ToLower(u.Host)
	if u.Host == "dev.azure.com" {
		u.Scheme, u.Host = "https", "vssps.dev.azure.com"
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u.String(), nil
}

// exposed reports whether what is sent to the server can be read on the way.
func exposed(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "https" {
		return false
	}
	return !isLoopback(u)
}

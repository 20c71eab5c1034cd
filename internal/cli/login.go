package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

type loginFlags struct {
	deviceCode, yes, azureDevOpsToken bool
	tenant, clientID                  string
}

func (p *program) loginCommand() *cobra.Command {
	var f loginFlags
	cmd := &cobra.Command{
		Use:   "login --server URL --organization NAME",
		Short: "Sign in to a service",
		Long: `Sign in, and remember server, organization and credentials as a profile, which
becomes the current one. The service says itself how its users sign in.

The credentials are sealed with a key in the keyring of the operating system.
Where there is no keyring, they are in a file that only you can read, and login
says so.

Before the first sign-in to a server that is neither on this machine nor Azure
DevOps, login shows what the server asks for: where you sign in, as which
application, for which resource. It asks you whether to go on; where nobody can
answer, --yes does. The server gets the access token, so let it ask only for a
resource of its own. An access token of Microsoft's own services is refused; one
of Azure DevOps needs --azure-devops-token, with which the service may act as you
on Azure DevOps.

The browser is waited for 5 minutes.

Without flags, login signs in to the current profile again.`,
		Example: "  patrol login --server https://patrol.example --organization contoso\n" +
			"  patrol login --server https://vssps.dev.azure.com --organization contoso --device-code",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.login(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.deviceCode, "device-code", false, "sign in with the browser of another device")
	flags.StringVar(&f.tenant, "tenant", "", "sign in to this tenant of Entra, by id or domain")
	flags.StringVar(&f.clientID, "client-id", "", "sign in as this application")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before the first sign-in to a server")
	flags.BoolVar(&f.azureDevOpsToken, "azure-devops-token", false, "let the server have an access token of Azure DevOps: it may then act as you there")
	return cmd
}

func (p *program) login(ctx context.Context, f loginFlags) error {
	t, err := p.loginTarget()
	if err != nil {
		return err
	}
	hc, err := p.httpClient(t)
	if err != nil {
		return err
	}
	signIn, err := client.SignIn(ctx, hc, t.Server)
	if err != nil {
		return fmt.Errorf("asking %s how to sign in: %w", t.Server, err)
	}
	if err := checkOrganization(ctx, hc, t); err != nil {
		return err
	}
	if signIn, err = f.adapt(signIn); err != nil {
		return err
	}
	if err := checkSignIn(signIn, t.Server, f.azureDevOpsToken); err != nil {
		return err
	}
	sure, err := p.agreed(t.Server, signIn)
	if err != nil {
		return err
	}
	consent := consent{p, signIn, sure, f.yes}
	if err := consent.toSignIn(ctx, t.Server); err != nil {
		return err
	}
	c, err := p.signIn(ctx, consent, hc, f.deviceCode)
	if err != nil {
		return err
	}
	c.Server, c.SignIn = t.Server, signIn
	if err := try(ctx, t, hc, &c); err != nil {
		return fmt.Errorf("signed in as %s, but the service did not answer as it should: %w", c.User, err)
	}
	t.User, t.Authority, t.ClientID, t.Scope = c.User, signIn.Authority, signIn.ClientID, signIn.Scope
	return p.remember(t, c)
}

// checkOrganization fails where Patrol does not know the organization, which it
// says without a token. Other answers say nothing yet.
func checkOrganization(ctx context.Context, hc *http.Client, t target) error {
	if client.IsAzureDevOps(t.Server) {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.Server+"/"+url.PathEscape(t.Organization)+"/_apis/connectionData", nil)
	if err != nil {
		return fmt.Errorf("asking for the organization: %w", err)
	}
	answer, err := hc.Do(r)
	if err != nil {
		return nil // the sign-in will tell
	}
	answer.Body.Close()
	ofAPI := strings.HasPrefix(answer.Header.Get("Content-Type"), "application/json")
	if answer.StatusCode == http.StatusNotFound && ofAPI {
		return fail(exitNotFound, "there is no organization %q on %s", t.Organization, t.Server).with("correct --organization")
	}
	return nil
}

// loginTarget is what to sign in to. Unlike with other commands, the profile that
// is named need not exist, and may be for another server until now.
func (p *program) loginTarget() (target, error) {
	all, err := p.loadConfig()
	if err != nil {
		return target{}, err
	}
	chosen, err := p.choice()
	if err != nil {
		return target{}, err
	}
	name := chosen.profile
	known, exists := all.Profiles[name]
	anew := name != "" && (!exists || chosen.server != "" && chosen.server != known.Server)
	if anew {
		if err := checkProfileName(name); err != nil {
			return target{}, err
		}
		chosen.profile = ""
	}
	t, err := all.resolve(chosen)
	if err != nil {
		return t, err
	}
	if anew && chosen.server == "" {
		t = target{} // what the current profile says is not meant
	}
	if err := t.check(); err != nil {
		return t, err
	}
	if t.CAFile != "" {
		if t.CAFile, err = filepath.Abs(t.CAFile); err != nil {
			return t, fail(exitUsage, "--ca-file: %w", err)
		}
	}
	if name != "" {
		t.name = name
		return t, nil
	}
	t.name, err = all.nameFor(t)
	return t, err
}

// nameFor is the name of the profile to store: that of the same server and
// organization; else one like the organization, if it is free.
func (c config) nameFor(t target) (string, error) {
	if known, ok := c.Profiles[t.name]; ok && known.Server == t.Server && strings.EqualFold(known.Organization, t.Organization) {
		return t.name, nil
	}
	name := strings.ToLower(t.Organization)
	if u, err := url.Parse(t.Server); err == nil && name == "" {
		name = u.Hostname()
	}
	if other, taken := c.Profiles[name]; taken {
		return "", fail(exitUsage, "the profile %q is for %s already", name, other.Server).
			with("add --profile NAME: another name keeps both, %q replaces it", name)
	}
	return name, checkProfileName(name)
}

var tenantPattern = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.-]*$`)

// adapt changes what the service says by what the user says.
func (f loginFlags) adapt(s api.SignIn) (api.SignIn, error) {
	if f.clientID != "" {
		s.ClientID = f.clientID
	}
	if f.tenant == "" {
		return s, nil
	}
	if !tenantPattern.MatchString(f.tenant) {
		return s, fail(exitUsage, "%q is no tenant", f.tenant).with("write its id or one of its domains")
	}
	authority, err := url.Parse(s.Authority)
	if err != nil || s.Kind != api.SignInEntra {
		return s, fail(exitUsage, "--tenant is for Entra, and this server does not use it").with("leave out --tenant")
	}
	authority.Path = "/" + f.tenant
	s.Authority = authority.String()
	return s, nil
}

// signIn has the person sign in.
func (p *program) signIn(ctx context.Context, agreed consent, hc *http.Client, byDevice bool) (credentials, error) {
	m, err := newMethod(agreed.signIn, hc)
	if err != nil {
		return credentials{}, err
	}
	if byDevice {
		return m.device(ctx, func(d deviceCode) error {
			if err := agreed.toPage(ctx, d.address); err != nil {
				return err
			}
			p.notes.printf("to sign in, open %s on any device and enter the code %s\n", printable(d.address), printable(d.code))
			return nil
		})
	}
	return m.browser(ctx, func(address string) error {
		if err := agreed.toPage(ctx, address); err != nil {
			return err
		}
		p.notes.printf("sign in with the browser that opens now; if none does, open\n%s\n", printable(address))
		go func() { // some browsers run until they are closed
			if err := p.open(address); err != nil {
				p.notes.printf("%s no browser could be opened; \"patrol login --device-code\" needs none here\n", p.notes.warn("note:"))
			}
		}()
		return nil
	})
}

// try makes a call, so that nothing is stored that does not work.
func try(ctx context.Context, t target, hc *http.Client, c *credentials) error {
	api := client.Client{
		BaseURL: t.Server, Organization: t.Organization, HTTP: hc,
		Token: func(context.Context) (string, error) { return c.AccessToken, nil },
	}
	data, err := api.ConnectionData(ctx)
	if err != nil {
		return err
	}
	if account := data.AuthenticatedUser.Properties["Account"].Value; c.User == "" {
		c.User = account
	}
	return nil
}

// remember stores the credentials and the profile, and makes it current.
func (p *program) remember(t target, c credentials) error {
	v := p.vault()
	unlock, err := v.lock(t.name)
	if err != nil {
		return err
	}
	defer unlock()
	key, keyErr := sealKey(p.keyring, true)
	if err := v.save(t.name, c, key); err != nil {
		return err
	}
	err = p.changeConfig(func(all *config) error {
		all.Profiles[t.name] = t.profile
		all.Current = t.name
		return nil
	})
	if err != nil {
		return err
	}
	p.notes.printf("signed in to %s, organization %s, as %s (profile %s)\n", t.Server, printable(t.Organization), printable(c.User), t.name)
	if keyErr != nil {
		p.notes.printf("%s no keyring is used (%s): the credentials are in %s, unsealed, readable by you only\n",
			p.notes.warn("note:"), printable(keyErr.Error()), printable(v.file(t.name)))
	} else {
		p.notes.printf("the credentials are sealed with a key in the keyring of the system\n")
	}
	p.noteGivenToken()
	return nil
}

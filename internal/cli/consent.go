package cli

import (
	"context"
	"net/url"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// consent is the user's to a sign-in that a server asks for.
type consent struct {
	p      *program
	signIn api.SignIn
	// given is whether there is nothing to ask; yes is the answer that the
	// command line gives.
	given, yes bool
}

// agreed reports whether the user need not be asked about a server: it is on this
// machine, or Azure DevOps, or asks for what it asked for when a profile was made.
func (p *program) agreed(server string, s api.SignIn) (bool, error) {
	if u, err := url.Parse(server); err == nil && isLoopback(u) || client.IsAzureDevOps(server) {
		return true, nil
	}
	all, err := p.loadConfig()
	if err != nil {
		return false, err
	}
	for _, known := range all.Profiles {
		if known.Server == server && known.Authority == s.Authority && known.ClientID == s.ClientID && known.Scope == s.Scope {
			return true, nil
		}
	}
	return false, nil
}

// toSignIn shows what the server asks for, and asks whether to go on.
func (c consent) toSignIn(ctx context.Context, server string) error {
	if c.given {
		return nil
	}
	c.p.notes.printf("%s asks you to sign in, which it has not done before:\n", printable(server))
	for _, line := range [][2]string{{"authority", c.signIn.Authority}, {"application", c.signIn.ClientID}, {"resource", c.signIn.Scope}} {
		c.p.notes.printf("  %-12s %s\n", line[0], printable(line[1]))
	}
	c.p.notes.printf("the access token for that resource goes to %s\n", printable(server))
	return c.ask(ctx)
}

// toPage fails for a page that no person should be sent to, and asks about one
// that is elsewhere than the authority: whoever signs in there may be giving an
// answer to the wrong question (RFC 9700 section 4.4).
func (c consent) toPage(ctx context.Context, address string) error {
	page, err := webAddress(address)
	if err != nil {
		return fail(exitFailed, "the page to sign in at is not opened: %w", err).with("an administrator of the server can correct that")
	}
	authority, err := webAddress(c.signIn.Authority)
	if err != nil {
		return err
	}
	switch {
	case strings.EqualFold(page.Host, authority.Host), isMicrosoft(page) && isMicrosoft(authority):
		return nil
	case isMicrosoft(page):
		return fail(exitFailed, "%s sends you to Microsoft to sign in at %s, which it is not", authority.Host, page.Host).
			with("do not sign in there: it could act as you on Microsoft's services")
	case c.given:
		return nil
	}
	c.p.notes.printf("the page to sign in at is elsewhere than the authority: %s\n", printable(page.Host))
	return c.ask(ctx)
}

// ask returns nil for a yes.
func (c consent) ask(ctx context.Context) error {
	if c.yes {
		return nil
	}
	if !c.p.in.isTerminal {
		return fail(exitUsage, "nobody is here to say whether to go on").with("add --yes if that is what you expect of the server")
	}
	yes, err := c.p.ask(ctx, "go on?")
	if err != nil {
		return err
	}
	if !yes {
		return fail(exitFailed, "nobody is signed in")
	}
	return nil
}

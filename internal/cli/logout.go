package cli

import (
	"errors"

	"github.com/spf13/cobra"
)

func (p *program) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "Forget the credentials of a profile",
		Long: `Forget the credentials of the current profile, or of the one that --profile
names. The profile stays; "patrol profile remove" forgets it, too.

Personal access tokens are not touched. An access token that was given out before
works until it ends, within about an hour.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return p.logout() },
	}
}

func (p *program) logout() error {
	t, err := p.target()
	if err != nil {
		return err
	}
	if t.name == "" {
		return fail(exitAuthentication, "not signed in").with("\"patrol profile list\" shows the profiles")
	}
	unlock, err := p.vault().lock(t.name)
	if err != nil {
		return err
	}
	defer unlock()
	found, err := p.vault().remove(t.name)
	if err != nil {
		return err
	}
	if !found {
		p.notes.printf("%s was not signed in\n", t.name)
		return nil
	}
	p.notes.printf("signed out of %s (profile %s)\n", t.Server, t.name)
	p.noteGivenToken()
	return nil
}

// noteGivenToken tells that a sign-in changes nothing as yet.
func (p *program) noteGivenToken() {
	if p.givenToken() != "" {
		p.notes.printf("%s PATROL_TOKEN is set, and used instead of the profile\n", p.notes.warn("note:"))
	}
}

// forget removes a profile with its credentials.
func (p *program) forget(name string) error {
	unlock, err := p.vault().lock(name)
	if err != nil {
		return err
	}
	defer unlock()
	_, removeErr := p.vault().remove(name)
	return errors.Join(removeErr, p.changeConfig(func(c *config) error {
		delete(c.Profiles, name)
		if c.Current == name {
			c.Current = ""
		}
		return nil
	}))
}

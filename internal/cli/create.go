package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

type createFlags struct {
	name             string
	scopes           []string
	lifetime         lifetime
	allOrganizations bool
	output           string
	force            bool
	json             bool
}

func (p *program) createCommand() *cobra.Command {
	var f createFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE...",
		Short: "Create a token",
		Long: `Create a token and print its secret, which is never shown again.

The secret alone goes to standard output, so that a script can take it from
there. If it cannot be written, the token is revoked.`,
		Example: "  patrol create --name ci --scope vso.code --for 30d\n" +
			"  patrol create --name feed --scope vso.packaging,vso.build --until 2027-06-30 --output feed.token\n" +
			"  TOKEN=$(patrol create --name once --scope vso.code --for 1h)",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.create(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "what to call it")
	flags.StringArrayVar(&f.scopes, "scope", nil, "what it may do; repeat it, or separate by commas (see \"patrol scopes\")")
	f.lifetime.flags(cmd)
	flags.BoolVar(&f.allOrganizations, "all-organizations", false, "make it good for every organization that you can reach")
	flags.StringVar(&f.output, "output", "", "write the secret to this file, readable by you only")
	flags.BoolVar(&f.force, "force", false, "let --output replace a file that is there")
	jsonFlag(cmd, &f.json)
	p.completeFlag(cmd, "scope", completeScopes)
	return cmd
}

func (p *program) create(ctx context.Context, f createFlags) error {
	scope := splitScopes(f.scopes)
	if f.name == "" && scope == "" {
		return fail(exitUsage, "a display name and a scope are required").with("add --name and --scope; \"patrol scopes\" lists the scopes")
	}
	if f.name == "" {
		return fail(exitUsage, "a display name is required").with("add --name")
	}
	if scope == "" {
		return fail(exitUsage, "a scope is required").with("add --scope; \"patrol scopes\" lists them")
	}
	end, err := f.lifetime.end(p.now())
	if err != nil {
		return err
	}
	sink := secretSink{p: p, file: f.output, json: f.json, keepFile: !f.force}
	if err := sink.check(); err != nil {
		return err
	}
	s, err := p.connect()
	if err != nil {
		return err
	}
	token, err := s.Create(ctx, api.PatTokenCreateRequest{DisplayName: f.name, Scope: scope, ValidTo: end, AllOrgs: f.allOrganizations})
	if err != nil {
		return err
	}
	if err := sink.keep(ctx, token); err != nil {
		return undo(ctx, s.Client, token, err)
	}
	p.notes.printf("created %s (%s), valid until %s\n", printable(token.DisplayName), printable(token.AuthorizationID), localTime(token.ValidTo.Time))
	p.noteClamp(end, token)
	sink.note()
	return nil
}

// undo revokes a token whose secret nobody has, even if ctx has ended.
func undo(ctx context.Context, c *client.Client, token api.PatToken, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := c.Revoke(ctx, token.AuthorizationID); err != nil {
		return fail(exitFailed, "%w; the token %s could not be revoked: %w", cause, token.AuthorizationID, err).
			with("revoke it yourself with \"patrol revoke %s\"", token.AuthorizationID)
	}
	return fail(exitFailed, "%w; the token is revoked again", cause)
}

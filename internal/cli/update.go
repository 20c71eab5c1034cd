package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

type updateFlags struct {
	name             string
	scopes           []string
	lifetime         lifetime
	allOrganizations bool
	json             bool
}

func (p *program) updateCommand() *cobra.Command {
	var f updateFlags
	cmd := &cobra.Command{
		Use:               "update {ID | NAME} [flags]",
		Short:             "Change a token's name, scopes, end or organizations",
		Long:              "Change a token. What no flag names stays as it is, and so does the secret.",
		Example:           "  patrol update ci --for 30d\n  patrol update ci --name nightly --scope vso.code,vso.build --all-organizations=false",
		Args:              oneToken,
		ValidArgsFunction: p.completeTokens,
		RunE: func(cmd *cobra.Command, args []string) error {
			change, err := p.change(cmd, f)
			if err != nil {
				return err
			}
			return p.update(cmd.Context(), args[0], change, f.json)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "call it so")
	flags.StringArrayVar(&f.scopes, "scope", nil, "let it do this instead; repeat it, or separate by commas")
	f.lifetime.flags(cmd)
	flags.BoolVar(&f.allOrganizations, "all-organizations", false, "make it good for every organization, or (=false) for this one only")
	jsonFlag(cmd, &f.json)
	p.completeFlag(cmd, "scope", completeScopes)
	return cmd
}

// change is what the flags that were given ask for.
func (p *program) change(cmd *cobra.Command, f updateFlags) (api.PatTokenUpdateRequest, error) {
	var r api.PatTokenUpdateRequest
	var err error
	if cmd.Flags().Changed("name") {
		r.DisplayName = &f.name
	}
	if cmd.Flags().Changed("scope") {
		scope := splitScopes(f.scopes)
		r.Scope = &scope
	}
	if r.ValidTo, err = f.lifetime.end(p.now()); err != nil {
		return r, err
	}
	if cmd.Flags().Changed("all-organizations") {
		r.AllOrgs = &f.allOrganizations
	}
	if r == (api.PatTokenUpdateRequest{}) {
		return r, fail(exitUsage, "what shall change?").with("add --name, --scope, --for, --until or --all-organizations")
	}
	return r, nil
}

func (p *program) update(ctx context.Context, idOrName string, change api.PatTokenUpdateRequest, asJSON bool) error {
	s, err := p.connect()
	if err != nil {
		return err
	}
	change.AuthorizationID, err = s.find(ctx, idOrName, api.FilterActive, api.FilterExpired)
	if err != nil {
		return err
	}
	token, err := s.Update(ctx, change)
	if err != nil {
		return err
	}
	p.noteClamp(change.ValidTo, token)
	if asJSON {
		return p.out.json(token)
	}
	return p.printToken(token, status(token, false, p.now())) // revoked tokens cannot be changed
}

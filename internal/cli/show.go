package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

func (p *program) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show {ID | NAME}",
		Short:             "Show a token",
		Long:              "Show a token, but not its secret: that is shown when the token is created, and\nnever again.",
		Args:              oneToken,
		ValidArgsFunction: p.completeTokens,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.show(cmd.Context(), args[0], asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) show(ctx context.Context, idOrName string, asJSON bool) error {
	s, err := p.connect()
	if err != nil {
		return err
	}
	id, err := s.find(ctx, idOrName, api.FilterActive, api.FilterExpired, api.FilterRevoked)
	if err != nil {
		return err
	}
	token, err := s.Get(ctx, id)
	if err != nil {
		return err
	}
	used, err := p.lastUses(ctx, s, token)
	if err != nil {
		return err
	}
	if asJSON {
		return p.out.json(used.shown(token))
	}
	revoked, err := s.revoked(ctx, used, token)
	if err != nil {
		return err
	}
	now := p.now()
	return p.printToken(token, status(token, revoked[token.AuthorizationID], now), used.fields(token.AuthorizationID, now)...)
}

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

type rotateFlags struct {
	name     string
	scopes   []string
	lifetime lifetime
	output   string
	keepOld  bool
	json     bool
}

func (p *program) rotateCommand() *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate {ID | NAME} [flags]",
		Short: "Replace a token by a new one",
		Long: `Create a token like the given one, write its secret, and only then revoke the
old one. At each moment one of the two works: if the secret cannot be written,
the new token is revoked and the old one stays.

Unless told otherwise, the new token lasts as long as the old one was to last.`,
		Example:           "  patrol rotate ci --output ci.token\n  patrol rotate ci --for 30d | vault-client store ci-token",
		Args:              oneToken,
		ValidArgsFunction: p.completeTokens,
		RunE:              func(cmd *cobra.Command, args []string) error { return p.rotate(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "call the new token so")
	flags.StringArrayVar(&f.scopes, "scope", nil, "let the new token do this instead")
	f.lifetime.flags(cmd)
	flags.StringVar(&f.output, "output", "", "write the secret to this file, readable by you only, instead of standard output")
	flags.BoolVar(&f.keepOld, "keep-old", false, "do not revoke the old token")
	jsonFlag(cmd, &f.json)
	p.completeFlag(cmd, "scope", completeScopes)
	return cmd
}

func (f rotateFlags) options(end *api.Time) client.RotateOptions {
	o := client.RotateOptions{ValidTo: end, KeepOld: f.keepOld}
	if f.name != "" {
		o.DisplayName = &f.name
	}
	if scope := splitScopes(f.scopes); scope != "" {
		o.Scope = &scope
	}
	return o
}

func (p *program) rotate(ctx context.Context, idOrName string, f rotateFlags) error {
	end, err := f.lifetime.end(p.now())
	if err != nil {
		return err
	}
	sink := secretSink{p: p, file: f.output, json: f.json}
	if err := sink.check(); err != nil {
		return err
	}
	s, err := p.connect()
	if err != nil {
		return err
	}
	old, err := s.find(ctx, idOrName, api.FilterActive, api.FilterExpired)
	if err != nil {
		return err
	}
	token, err := s.Rotate(ctx, old, f.options(end), sink.keep)
	if token.AuthorizationID != "" { // also where only the revocation failed
		p.notes.printf("created %s (%s), valid until %s\n", printable(token.DisplayName), printable(token.AuthorizationID), localTime(token.ValidTo.Time))
		p.noteClamp(end, token)
		sink.note()
	}
	if err != nil {
		return err
	}
	if !f.keepOld {
		p.notes.printf("revoked %s\n", printable(old))
	}
	return nil
}

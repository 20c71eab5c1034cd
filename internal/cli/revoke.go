package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

func (p *program) revokeCommand() *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:               "revoke {ID | NAME}...",
		Short:             "End tokens for good",
		Long:              "Revoke tokens. That cannot be undone. Patrol asks before it does so;\nwhere there is no terminal to ask on, --yes is needed.",
		Args:              someTokens,
		ValidArgsFunction: p.completeTokens,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.revoke(cmd.Context(), args, yes, asJSON)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// revokedToken is what revoke prints as JSON.
type revokedToken struct {
	AuthorizationID string `json:"authorizationId"`
}

func (p *program) revoke(ctx context.Context, idsOrNames []string, sure, asJSON bool) error {
	if !sure && !p.in.isTerminal {
		return fail(exitUsage, "revoke cannot be undone, and there is no terminal to ask on").with("add --yes")
	}
	s, err := p.connect()
	if err != nil {
		return err
	}
	var ids []string
	for _, idOrName := range idsOrNames { // nothing is revoked where one cannot be found
		id, err := s.find(ctx, idOrName, api.FilterActive, api.FilterExpired)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if !sure {
		if err := p.confirmRevocation(ctx, s, ids); err != nil {
			return err
		}
	}
	done := []revokedToken{}
	var failed []error
	for _, id := range ids {
		if err := s.Revoke(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", id, err))
			continue
		}
		done = append(done, revokedToken{id})
		p.notes.printf("revoked %s\n", printable(id))
	}
	if asJSON {
		if err := p.out.json(done); err != nil {
			return err
		}
	}
	if len(failed) == 0 {
		return nil
	}
	first := p.explain(failed[0])
	return &failure{first.code, errors.Join(failed...), first.hint}
}

// confirmRevocation shows which tokens are meant and asks.
func (p *program) confirmRevocation(ctx context.Context, s *session, ids []string) error {
	for _, id := range ids {
		token, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		p.notes.printf("%s  %s  %s\n", printable(id), printable(token.DisplayName), printable(token.Scope))
	}
	question := "revoke this token for good?"
	if len(ids) > 1 {
		question = "revoke these tokens for good?"
	}
	yes, err := p.ask(ctx, question)
	if err != nil {
		return err
	}
	if !yes {
		return fail(exitFailed, "nothing is revoked")
	}
	return nil
}

// ask returns whether the user answered yes.
func (p *program) ask(ctx context.Context, question string) (bool, error) {
	p.notes.printf("%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() { // a read cannot be interrupted
		line, _ := bufio.NewReader(p.in.r).ReadString('\n')
		answer <- line
	}()
	select {
	case line := <-answer:
		line = strings.ToLower(strings.TrimSpace(line))
		return line == "y" || line == "yes", nil
	case <-ctx.Done():
		p.notes.printf("\n")
		return false, ctx.Err()
	}
}

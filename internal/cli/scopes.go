package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
)

func (p *program) scopesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "scopes",
		Short: "List the scopes that tokens can have",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.scopes(cmd.Context(), asJSON) },
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (p *program) scopes(ctx context.Context, asJSON bool) error {
	s, err := p.connect()
	if err != nil {
		return err
	}
	scopes, err := s.Scopes(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return p.out.json(scopes)
	}
	t := table{columns: []column{
		{heading: "NAME"}, {heading: "AREA", piped: true}, {heading: "COVERS", elastic: true}, {heading: "INCLUDES", elastic: true}, {heading: "PRIVILEGE"},
	}}
	for _, scope := range scopes {
		t.rows = append(t.rows, p.scopeRow(scope))
	}
	return p.out.table(t)
}

func (p *program) scopeRow(scope api.Scope) []cell {
	var privilege cell
	if scope.HighPrivilege {
		privilege = cell{plain: "high", paint: p.out.warn}
	}
	return []cell{text(scope.Name), text(scope.Area), text(scope.Covers), text(strings.Join(scope.Includes, " ")), privilege}
}

package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

type listFlags struct {
	status, sort          string
	ascending, descending bool
	limit                 int
	json                  bool
}

func (p *program) listCommand() *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List your tokens",
		Example: "  patrol list\n  patrol list --status all --sort name --ascending\n" +
			"  patrol list --json | jq -r '.[] | select(.usage and .usage.lastUsed == null).displayName'",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.list(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.status, "status", "active", "which tokens: active, expired, revoked or all")
	flags.StringVar(&f.sort, "sort", "date", "sort by name, date (of creation) or status")
	flags.BoolVar(&f.ascending, "ascending", false, "sort from the first to the last")
	flags.BoolVar(&f.descending, "descending", false, "sort from the last to the first")
	flags.IntVar(&f.limit, "limit", 0, "stop after so many tokens (0: never)")
	jsonFlag(cmd, &f.json)
	p.completeFlag(cmd, "status", cobra.FixedCompletions([]cobra.Completion{"active", "expired", "revoked", "all"}, cobra.ShellCompDirectiveNoFileComp))
	p.completeFlag(cmd, "sort", cobra.FixedCompletions([]cobra.Completion{"name", "date", "status"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// options are f in the words of the API.
func (f listFlags) options() (client.ListOptions, error) {
	var o client.ListOptions
	switch filter := api.DisplayFilterOption(f.status); filter {
	case api.FilterActive, api.FilterExpired, api.FilterRevoked, api.FilterAll:
		o.Filter = filter
	default:
		return o, fail(exitUsage, "--status: %q is no status", f.status).with("use active, expired, revoked or all")
	}
	sort, ok := map[string]api.SortByOption{"name": api.SortDisplayName, "date": api.SortDisplayDate, "status": api.SortStatus}[f.sort]
	if !ok {
		return o, fail(exitUsage, "--sort: tokens cannot be sorted by %q", f.sort).with("use name, date or status")
	}
	if f.limit < 0 {
		return o, fail(exitUsage, "--limit must not be negative")
	}
	if f.ascending && f.descending {
		return o, exclusive("--ascending", "--descending")
	}
	// The newest first, but names from A to Z.
	ascending := f.ascending || !f.descending && sort != api.SortDisplayDate
	o.Sort, o.Ascending, o.PageSize = sort, &ascending, 100
	if f.limit > 0 {
		o.PageSize = min(f.limit, 100)
	}
	return o, nil
}

func (p *program) list(ctx context.Context, f listFlags) error {
	options, err := f.options()
	if err != nil {
		return err
	}
	s, err := p.connect()
	if err != nil {
		return err
	}
	var tokens []api.PatToken
	for token, err := range s.List(ctx, options) {
		if err != nil {
			return err
		}
		tokens = append(tokens, token)
		if len(tokens) == f.limit {
			break
		}
	}
	var used usages
	if len(tokens) > 0 {
		if used, err = p.lastUses(ctx, s, tokens...); err != nil {
			return err
		}
	}
	if f.json {
		shown := make([]shownToken, len(tokens))
		for i, token := range tokens {
			shown[i] = used.shown(token)
		}
		return p.out.json(shown)
	}
	var revoked map[string]bool
	if options.Filter == api.FilterAll {
		if revoked, err = s.revoked(ctx, used, tokens...); err != nil {
			return err
		}
	}
	if len(tokens) == 0 && p.out.isTerminal {
		p.notes.printf("%s\n", printable(noTokens(options.Filter, s.target.Organization)))
	}
	return p.out.table(p.tokenTable(tokens, options.Filter, revoked, used))
}

func noTokens(filter api.DisplayFilterOption, organization string) string {
	which := string(filter) + " "
	if filter == api.FilterAll {
		which = ""
	}
	return strings.TrimSpace("you have no " + which + "tokens in " + printable(organization))
}

func (p *program) tokenTable(tokens []api.PatToken, filter api.DisplayFilterOption, revoked map[string]bool, used usages) table {
	t := table{columns: []column{
		{heading: "ID"},
		{heading: "NAME", elastic: true},
		{heading: "SCOPES", elastic: true},
		{heading: "STATUS", piped: filter != api.FilterAll},
		{heading: "CREATED", piped: true},
		{heading: "EXPIRES"},
		{heading: "ORGANIZATIONS", piped: true},
	}}
	if used != nil {
		t.columns = append(t.columns, column{heading: "LAST USED"})
	}
	for _, token := range tokens {
		s := status(token, filter == api.FilterRevoked || revoked[token.AuthorizationID], p.now())
		row := []cell{
			text(token.AuthorizationID), text(token.DisplayName), text(token.Scope),
			p.statusCell(s), text(utc(token.ValidFrom)), p.expiryCell(token, s), organizationsCell(token),
		}
		if used != nil {
			row = append(row, used.cell(token.AuthorizationID, p.now()))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

package cli

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// find returns the id that a command was given, or the id of the only token of
// that name. The filters are asked one after the other, and the first with a
// token of that name decides: after a rotation, the name is that of the active
// token and not of those before it.
func (s *session) find(ctx context.Context, idOrName string, filters ...api.DisplayFilterOption) (string, error) {
	if uuidPattern.MatchString(idOrName) {
		return strings.ToLower(idOrName), nil
	}
	for _, filter := range filters {
		var ids []string
		for token, err := range s.List(ctx, client.ListOptions{Filter: filter, PageSize: 100}) {
			if err != nil {
				return "", err
			}
			if token.DisplayName == idOrName {
				ids = append(ids, token.AuthorizationID)
			}
		}
		switch len(ids) {
		case 0:
		case 1:
			return ids[0], nil
		default:
			return "", fail(exitUsage, "%d %s tokens are named %q:\n%s", len(ids), filter, idOrName, strings.Join(ids, "\n")).
				with("use one of the ids")
		}
	}
	return "", fail(exitNotFound, "you have no token %q", idOrName).with("\"patrol list\" shows your tokens")
}

// revoked returns the ids of those tokens that are revoked, and perhaps of
// others: where their uses do not tell, only the list of all that are does.
func (s *session) revoked(ctx context.Context, used usages, tokens ...api.PatToken) (map[string]bool, error) {
	ids := map[string]bool{}
	for _, token := range tokens {
		switch used[token.AuthorizationID].State {
		case "":
			return s.allRevoked(ctx)
		case api.StateRevoked:
			ids[token.AuthorizationID] = true
		}
	}
	return ids, nil
}

// allRevoked returns the ids of the user's revoked tokens.
func (s *session) allRevoked(ctx context.Context) (map[string]bool, error) {
	ids := map[string]bool{}
	for token, err := range s.List(ctx, client.ListOptions{Filter: api.FilterRevoked, PageSize: 100}) {
		if err != nil {
			return nil, err
		}
		ids[token.AuthorizationID] = true
	}
	return ids, nil
}

// status is active, expired or revoked, in the words of the filters.
func status(token api.PatToken, revoked bool, now time.Time) api.DisplayFilterOption {
	switch {
	case revoked:
		return api.FilterRevoked
	case !token.ValidTo.After(now):
		return api.FilterExpired
	}
	return api.FilterActive
}

func (p *program) statusCell(s api.DisplayFilterOption) cell {
	paint := p.out.good
	if s != api.FilterActive {
		paint = p.out.bad
	}
	return cell{plain: string(s), paint: paint}
}

// expiryCell is coloured as the end comes near.
func (p *program) expiryCell(token api.PatToken, s api.DisplayFilterOption) cell {
	now := p.now()
	c := cell{plain: utc(token.ValidTo), shown: relative(token.ValidTo.Time, now)}
	switch left := token.ValidTo.Sub(now); {
	case s == api.FilterRevoked:
		c.shown = "-" // its end no longer matters
	case left <= 0:
		c.paint = p.out.bad
	case left < 7*day:
		c.paint = p.out.warn
	}
	return c
}

// utc is for programs.
func utc(t api.Time) string { return t.UTC().Format(time.RFC3339) }

func organizationsCell(token api.PatToken) cell {
	if token.TargetAccounts == nil {
		return text("all")
	}
	return cell{plain: strings.Join(token.TargetAccounts, ",")}
}

// printToken prints a token without its secret, and what else is known of it.
func (p *program) printToken(token api.PatToken, s api.DisplayFilterOption, more ...field) error {
	expires := p.expiryCell(token, s)
	if s != api.FilterRevoked {
		expires.shown = fmt.Sprintf("%s (%s)", localTime(token.ValidTo.Time), expires.shown)
	}
	fields := []field{
		{"id", text(token.AuthorizationID)},
		{"name", text(token.DisplayName)},
		{"scopes", text(token.Scope)},
		{"status", p.statusCell(s)},
		{"created", cell{plain: utc(token.ValidFrom), shown: localTime(token.ValidFrom.Time)}},
		{"expires", expires},
		{"organizations", organizationsCell(token)},
	}
	return p.out.fields(append(fields, more...))
}

// completeTokens completes the ids of active tokens, with their names as
// descriptions.
func (p *program) completeTokens(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
	defer cancel()
	s, err := p.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s.Attempts = 1
	var found []cobra.Completion
	for token, err := range s.List(ctx, client.ListOptions{Filter: api.FilterActive, PageSize: 100}) {
		if err != nil {
			break
		}
		// The shell runs what is completed: nothing but ids may get there.
		if uuidPattern.MatchString(token.AuthorizationID) && !slices.Contains(args, token.AuthorizationID) {
			found = append(found, cobra.CompletionWithDesc(token.AuthorizationID, printable(token.DisplayName)))
		}
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag registers a completion; it fails only for a flag that is not
// there.
func (p *program) completeFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err)
	}
}

// completeScopes completes the names that Azure DevOps publishes, without asking
// the service.
func completeScopes(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndex(typed, ",")+1] // scopes that are complete
	var found []cobra.Completion
	for _, scope := range api.AzureDevOpsScopes() {
		found = append(found, cobra.CompletionWithDesc(before+scope.Name, scope.Covers))
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

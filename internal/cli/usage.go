package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// usages are the states and last uses of tokens by id. Nil is where they are not
// known, because the service does not tell, as Azure DevOps does not, or could
// not now; a token that is missing from others was never used, as older
// services say it, and its state is not known.
type usages map[string]api.TokenUsage

// usagePatience is how long uses are waited for: they are no reason to keep
// the user from the rest.
const usagePatience = 10 * time.Second

// lastUses asks when the tokens were last used. That they are not known is worth
// a note, and no failure; the error is an interruption by the user.
func (p *program) lastUses(ctx context.Context, s *session, tokens ...api.PatToken) (usages, error) {
	ids := make([]string, len(tokens))
	for i, token := range tokens {
		ids[i] = token.AuthorizationID
	}
	patient, cancel := context.WithTimeout(ctx, usagePatience)
	defer cancel()
	found, err := s.Usage(patient, ids...)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, err
	case client.KindOf(err) == client.KindUnsupported:
		return nil, nil
	default:
		p.notes.printf("%s when tokens were last used is not known now: %s\n", p.notes.dim("note:"), indented(err.Error()))
		return nil, nil
	}
	byID := usages{}
	for _, u := range found {
		byID[u.AuthorizationID] = u
	}
	return byID, nil
}

// cell is when a token was last used.
func (u usages) cell(id string, now time.Time) cell {
	last := u[id].LastUsed
	if last == nil {
		return text("never")
	}
	return cell{plain: utc(*last), shown: ago(last.Time, now)}
}

// ago is how long before now t was. The clock of the service may be ahead.
func ago(t, now time.Time) string {
	if now.Sub(t) < time.Minute {
		return "just now"
	}
	return relative(t, now)
}

// fields are all that is known of the last use of a token.
func (u usages) fields(id string, now time.Time) []field {
	if u == nil {
		return nil
	}
	last, used := u[id], u.cell(id, now)
	if used.shown != "" {
		used.shown = fmt.Sprintf("%s (%s)", localTime(last.LastUsed.Time), used.shown)
	}
	return []field{{"last used", used}, {"used from", text(last.Address)}, {"used by", text(last.Client)}, {"used for", text(last.Scope)}}
}

// shownToken is what --json prints of a token, and of its state and last use
// apart from what the contract knows.
type shownToken struct {
	api.PatToken
	// State is absent where it is not known.
	State api.TokenState `json:"state,omitempty"`
	// Usage is absent where it is not known.
	Usage *shownUsage `json:"usage,omitempty"`
}

type shownUsage struct {
	// LastUsed is null where the token was never used.
	LastUsed *api.Time `json:"lastUsed"`
	Address  string    `json:"address"`
	Client   string    `json:"client"`
	Scope    string    `json:"scope"`
}

// shown is the token with its last use.
func (u usages) shown(token api.PatToken) shownToken {
	if u == nil {
		return shownToken{PatToken: token}
	}
	last := u[token.AuthorizationID]
	return shownToken{token, last.State, &shownUsage{last.LastUsed, last.Address, last.Client, last.Scope}}
}

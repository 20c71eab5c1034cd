package console

import (
	"context"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

const (
	// searchTime is how long one request searches; the next one goes on.
	searchTime = 2 * time.Second
	// searchEnough is how many tokens found end a search.
	searchEnough = 100
)

// finding is a part of a list: of all tokens, or of those found in it.
type finding struct {
	tokens []api.PatToken
	// searched is how many tokens were looked at.
	searched int
	// next is the continuation token of what follows, "" at the end.
	next string
}

// find reads the part of the list that l asks for.
func (v *visit) find(ctx context.Context, c *client.Client, l listing) (finding, error) {
	f := finding{next: l.page}
	until := v.console.Now().Add(searchTime)
	for {
		page, err := c.Page(ctx, l.options(), f.next)
		if err != nil {
			return finding{}, err
		}
		f.searched += len(page.PatTokens)
		f.next = page.ContinuationToken
		if l.search == "" {
			f.tokens = page.PatTokens
			return f, nil
		}
		f.tokens = append(f.tokens, matching(page.PatTokens, l.search)...)
		if f.next == "" || len(f.tokens) >= searchEnough || !v.console.Now().Before(until) {
			return f, nil
		}
	}
}

// matching are the tokens that have text in their name, their scopes or their
// id, in any case.
func matching(tokens []api.PatToken, text string) (found []api.PatToken) {
	text = strings.ToLower(text)
	for _, t := range tokens {
		for _, in := range []string{t.DisplayName, t.Scope, t.AuthorizationID} {
			if strings.Contains(strings.ToLower(in), text) {
				found = append(found, t)
				break
			}
		}
	}
	return found
}

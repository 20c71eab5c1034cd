package console

import (
	"context"
	"slices"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// standing is what is known of listed tokens besides what the list says: their
// states, and their last uses.
type standing struct {
	tab api.DisplayFilterOption
	// told is what the service tells of tokens, by id. Only Patrol does.
	told map[string]api.TokenUsage
	// tells: the service tells uses.
	tells bool
	// revoked are those found in the list of revoked tokens, and revokedAll
	// says that none of the tokens in question can be another.
	revoked    map[string]bool
	revokedAll bool
}

// standingOf finds out about tokens that were listed as l says.
func (v *visit) standingOf(ctx context.Context, c *client.Client, l listing, tokens []api.PatToken) (standing, error) {
	s := standing{tab: l.tab, tells: true}
	if len(tokens) == 0 {
		return s, nil
	}
	ids := make([]string, len(tokens))
	for i, t := range tokens {
		ids[i] = t.AuthorizationID
	}
	usages, err := c.Usage(ctx, ids...)
	switch {
	case client.KindOf(err) == client.KindUnsupported:
		s.tells = false
	case err != nil:
		return s, err
	}
	s.told = make(map[string]api.TokenUsage, len(usages))
	for _, u := range usages {
		s.told[u.AuthorizationID] = u
	}
	unstated := func(t api.PatToken) bool { return s.told[t.AuthorizationID].State == "" }
	if l.tab != api.FilterAll || !slices.ContainsFunc(tokens, unstated) {
		return s, nil
	}
	s.revoked, s.revokedAll, err = v.revokedAmong(ctx, c, l, tokens)
	return s, err
}

const (
	// revokedTime and revokedPages bound the search for revoked tokens, of
	// which a service other than Patrol tells by a list alone.
	revokedTime  = time.Second
	revokedPages = 10
)

// revokedAmong looks for tokens in the list of revoked ones. Whether it saw all
// of that list that concerns them is known of the whole list, and, by the time
// of creation, of a part.
func (v *visit) revokedAmong(ctx context.Context, c *client.Client, l listing, tokens []api.PatToken) (revoked map[string]bool, all bool, err error) {
	revoked = map[string]bool{}
	options := l.in(api.FilterRevoked).options()
	last := tokens[len(tokens)-1].ValidFrom.Time
	until := v.console.Now().Add(revokedTime)
	next := ""
	for range revokedPages {
		page, err := c.Page(ctx, options, next)
		if err != nil {
			return nil, false, err
		}
		for _, t := range page.PatTokens {
			revoked[t.AuthorizationID] = true
			if l.sort == api.SortDisplayDate && passed(t.ValidFrom.Time, last, l.ascending) {
				all = true
			}
		}
		next = page.ContinuationToken
		if all || next == "" {
			return revoked, true, nil
		}
		if !v.console.Now().Before(until) {
			break
		}
	}
	return revoked, false, nil
}

// passed reports whether t comes after last in their order.
func passed(t, last time.Time, ascending bool) bool {
	if ascending {
		return t.After(last)
	}
	return t.Before(last)
}

// state is where a token stands, "" where that is not known: it may be active
// or revoked then.
func (s standing) state(t api.PatToken, now time.Time) api.TokenState {
	if told := s.told[t.AuthorizationID].State; told != "" {
		return told
	}
	switch {
	case s.tab != api.FilterAll:
		return api.TokenState(s.tab)
	case s.revoked[t.AuthorizationID]:
		return api.StateRevoked
	case !t.ValidTo.After(now):
		return api.StateExpired
	case s.revokedAll:
		return api.StateActive
	}
	return ""
}

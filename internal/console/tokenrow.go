package console

import (
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
)

// tokenRow is a token in the list, all in words: a page has a hundred.
type tokenRow struct {
	ID, Name, Address string
	// Scopes are the first ones, AllScopes all, and More says how many are not
	// among the first.
	Scopes, AllScopes, More string
	// Full is full access.
	Full         bool
	Organization string
	// Everywhere: it is good for all organizations.
	Everywhere             bool
	Created, Expires, Used template.HTML
	Status                 badge
	// Revocable: it is worth to be revoked.
	Revocable bool

	ends time.Time
}

// soon is how long before its end a token expires soon.
const soon = 7 * day

func newTokenRow(t api.PatToken, s standing, organization string, now time.Time) tokenRow {
	row := tokenRow{
		ID: t.AuthorizationID, Name: t.DisplayName, Address: tokenPath(organization, t.AuthorizationID),
		Full: t.Scope == "app_token", Organization: organization, Everywhere: t.TargetAccounts == nil,
		Created: moment(t.ValidFrom.Time), Expires: momentAndWords(t.ValidTo.Time, now), ends: t.ValidTo.Time,
	}
	row.Scopes, row.More = shortScopes(t.Scope)
	row.AllScopes = strings.Join(strings.Fields(t.Scope), ", ")
	if n := len(t.TargetAccounts); n > 1 {
		row.Organization = count(n, "organization")
	}
	if used := s.told[t.AuthorizationID].LastUsed; used != nil {
		row.Used = relatively(used.Time, now)
	}
	state := s.state(t, now)
	row.Status = statusOf(state, t.ValidTo.Time, now)
	if state == api.StateRevoked {
		row.Expires = moment(t.ValidTo.Time)
	}
	row.Revocable = state != api.StateRevoked
	return row
}

// statusOf is the badge of a token in a state.
func statusOf(state api.TokenState, ends, now time.Time) badge {
	switch {
	case state == api.StateActive && ends.Before(now.Add(soon)):
		return badge{"soon", "Expires soon"}
	case state == api.StateActive:
		return badge{"active", "Active"}
	case state == api.StateExpired:
		return badge{"expired", "Expired"}
	case state == api.StateRevoked:
		return badge{"revoked", "Revoked"}
	}
	return badge{"", "Active or revoked"}
}

// shownScopes is how many scopes of a token the list shows.
const shownScopes = 2

// shortScopes are the first of the scopes, and how many more there are.
func shortScopes(scope string) (first, more string) {
	scopes := strings.Fields(scope)
	if len(scopes) <= shownScopes+1 { // "and 1 more" takes as much room as that one
		return strings.Join(scopes, ", "), ""
	}
	return strings.Join(scopes[:shownScopes], ", "), "and " + strconv.Itoa(len(scopes)-shownScopes) + " more"
}

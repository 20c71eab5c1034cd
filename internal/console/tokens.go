package console

import (
	"net/http"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// tokensPage is the list of the visitor's tokens.
type tokensPage struct {
	frame
	Tokens []api.PatToken
}

// home is the tokens of the visitor's first organization.
func (v *visit) home() error {
	if len(v.who.Organizations) == 0 {
		return errNoOrganization
	}
	return v.redirect("/" + v.who.Organizations[0] + "/tokens")
}

var errNoOrganization = &problem{
	Status: http.StatusForbidden, Title: "You are not a member of an organization",
	Text:  "Tokens belong to an organization. Ask the administrators of yours to add you, and sign in again.",
	Retry: "/sign-in?choose", RetryLabel: "Use another account",
}

func (v *visit) listTokens() error {
	listed, err := v.api().Page(v.Context(), client.ListOptions{}, "")
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "tokens.html", tokensPage{v.frame("Tokens"), listed.PatTokens})
}

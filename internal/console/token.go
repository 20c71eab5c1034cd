package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// heldToken is one token of the visitor, with what the service tells besides.
type heldToken struct {
	api.PatToken
	Organization string
	State        api.TokenState
	// Use is the last use, nil where the token was never used. UseTold reports
	// whether the service tells of uses at all.
	Use     *api.TokenUsage
	UseTold bool
}

// tokenPage is all about one token.
type tokenPage struct {
	frame
	Token  heldToken
	Badge  badge
	Scopes []scopeChoice
	ID     code
}

// showToken shows one token.
func (v *visit) showToken() error {
	token, err := v.token()
	if err != nil {
		return err
	}
	scopes, err := v.scopesOf(token.PatToken)
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "token.html", tokenPage{
		v.frame(token.DisplayName), token, statusOf(token.State, token.ValidTo.Time, v.console.Now()), scopes,
		code{ID: "id", Label: "the id", Text: token.AuthorizationID, Wraps: true},
	})
}

// token is the token that the path names.
func (v *visit) token() (heldToken, error) {
	token, err := v.api().Get(v.Context(), v.PathValue("id"))
	if e, ok := errors.AsType[*client.Error](err); ok && (e.Kind == client.KindRequest || e.Code == "invalidAuthorizationId") {
		return heldToken{}, errNoPage // it is no id
	}
	if err != nil {
		return heldToken{}, err
	}
	held := heldToken{PatToken: token, Organization: v.organization}
	usages, err := v.api().Usage(v.Context(), token.AuthorizationID)
	if err != nil && client.KindOf(err) != client.KindUnsupported {
		return heldToken{}, err
	}
	held.UseTold = err == nil
	for _, usage := range usages {
		held.State = usage.State
		if usage.LastUsed != nil {
			held.Use = &usage
		}
	}
	if held.State == "" {
		held.State, err = v.api().State(v.Context(), token)
	}
	return held, err
}

// scopesOf are the scopes of a token, as the service explains them.
func (v *visit) scopesOf(token api.PatToken) ([]scopeChoice, error) {
	catalogue, err := v.api().Scopes(v.Context())
	if err != nil {
		return nil, err
	}
	picker := newScopePicker(catalogue)
	picker.choose(strings.Fields(token.Scope))
	if picker.Full != nil && picker.Full.Chosen {
		return []scopeChoice{*picker.Full}, nil
	}
	var chosen []scopeChoice
	for _, area := range picker.Areas {
		for _, scope := range area.Scopes {
			if scope.Chosen {
				chosen = append(chosen, scope)
			}
		}
	}
	return chosen, nil
}

// Path is where the token's page is.
func (t heldToken) Path() string { return tokenPath(t.Organization, t.AuthorizationID) }

func tokenPath(organization, id string) string {
	return "/" + url.PathEscape(organization) + "/tokens/" + url.PathEscape(id)
}

// Like is where to create a token like this one.
func (t heldToken) Like() string {
	return "/" + url.PathEscape(t.Organization) + "/tokens/new?like=" + url.QueryEscape(t.AuthorizationID)
}

// Global reports whether the token is for all organizations.
func (t heldToken) Global() bool { return t.TargetAccounts == nil }

// Active reports whether the token works.
func (t heldToken) Active() bool { return t.State == api.StateActive }

// Revoked reports whether the token was ended for good.
func (t heldToken) Revoked() bool { return t.State == api.StateRevoked }

// quoted is the name of a token within a sentence: set apart, whatever way it
// is written, and no longer than a sentence bears.
func quoted(name string) string {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most-1]) + "…"
	}
	return "“" + isolate(name) + "”"
}

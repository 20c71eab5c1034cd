package server

import (
	"net/http"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// wireToken is t as the API shows it, without its secret.
func wireToken(t pat.Token) api.PatToken {
	shown := api.PatToken{
		DisplayName:     t.DisplayName,
		ValidTo:         api.Time{Time: t.ValidTo},
		Scope:           string(t.Scope),
		ValidFrom:       api.Time{Time: t.ValidFrom},
		AuthorizationID: t.ID.String(),
	}
	if !t.AllOrgs {
		shown.TargetAccounts = []string{t.Organization.String()}
	}
	return shown
}

// hasResult reports whether refusals of this call leave as results: a
// resource with results, and a method that has a body to put one in.
func (c *call) hasResult() bool {
	return c.route != nil && c.route.results && c.Method != http.MethodDelete && !c.listing()
}

// listing reports whether this call is List, which has no result to refuse in.
func (c *call) listing() bool {
	return (c.Method == http.MethodGet || c.Method == http.MethodHead) && !c.query.has("authorizationId")
}

// numberedResult is an [api.PatTokenResult] for clients that asked for enums
// as numbers.
type numberedResult struct {
	api.PatTokenResult
	PatTokenError int `json:"patTokenError"`
}

// replyResult sends a token, or the refusal of one, with status 200.
func (c *call) replyResult(t *api.PatToken, refusal *pat.Error) error {
	result := api.PatTokenResult{PatToken: t, PatTokenError: api.ErrorNone}
	message := ""
	if refusal != nil {
		result.PatTokenError, message = api.SessionTokenError(refusal.Code), refusal.Message
	}
	if c.version.atLeast(7, 2) {
		result.PatTokenErrorMessage = new(api.Nullable(message))
	}
	if strings.EqualFold(acceptParameter(c.Header, "enumsasnumbers"), "true") {
		return c.reply(http.StatusOK, numberedResult{result, result.PatTokenError.Number()})
	}
	return c.reply(http.StatusOK, result)
}

package console

import (
	"net/http"

	"github.com/patrolhq/patrol/api"
)

// revokePage asks whether a token is to be revoked.
type revokePage struct {
	frame
	Token heldToken
}

// askToRevoke shows what revoking a token would end.
func (v *visit) askToRevoke() error {
	token, err := v.token()
	if err != nil {
		return err
	}
	if !token.Active() {
		return over(token)
	}
	return v.render(http.StatusOK, "revoke.html", revokePage{v.frame("Revoke " + token.DisplayName), token})
}

// revoke revokes a token. One that is revoked already stays so.
func (v *visit) revoke() error {
	token, err := v.token()
	if err != nil {
		return err
	}
	if err := v.api().Revoke(v.Context(), token.AuthorizationID); err != nil {
		return err
	}
	v.notify(quoted(token.DisplayName) + " is revoked. Whatever still uses it is refused from now on.")
	return v.redirect(token.Path())
}

// over tells that a token does not work any more, so that there is nothing to
// change or to end.
func over(token heldToken) *problem {
	p := &problem{
		Status: http.StatusConflict, Title: "This token has expired",
		Text:   "The token " + quoted(token.DisplayName) + " does not work any more, and it cannot be changed.",
		Advice: "Regenerate it, to go on with a new secret, or create one like it.",
		Retry:  token.Path() + "/regenerate", RetryLabel: "Regenerate",
	}
	if token.State == api.StateRevoked {
		p.Title = "This token is revoked"
		p.Advice = "Revoking is for good. Create one like it to go on."
		p.Retry, p.RetryLabel = token.Like(), "Create one like it"
	}
	return p
}

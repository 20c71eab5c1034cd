package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// newTokenPage is the form for a new token.
type newTokenPage struct {
	frame
	Form tokenForm
	Once string
	// Origin is where what is in the form came from, if not from here: "link",
	// "token" or "draft".
	Origin string
}

// maxDays bounds the days that a link asks for.
const maxDays = 3650

// newToken is the page of a new token. It is filled in from what was typed
// before a sign-in, from another token (?like=ID), or from a link
// (?name=…&scope=…&days=…). Nothing is created before people say so.
func (v *visit) newToken() error {
	form, err := v.emptyTokenForm()
	if err != nil {
		return err
	}
	page := newTokenPage{Form: form}
	query := v.URL.Query()
	switch draft := v.takeDraft(); {
	case draft != nil:
		page.Origin = "draft"
		page.Form.read(draft)
	case query.Has("like"):
		page.Origin = "token"
		if err := v.fillLike(&page.Form, query.Get("like")); err != nil {
			return err
		}
	case query.Has(fieldName) || query.Has(fieldScope) || query.Has("days"):
		page.Origin = "link"
		page.Form.fill(query)
	}
	return v.showNewToken(http.StatusOK, page)
}

func (v *visit) showNewToken(status int, page newTokenPage) error {
	page.frame, page.Once = v.frame("New token"), newOnce()
	return v.render(status, "new.html", page)
}

// emptyTokenForm asks for what most people need: a token for this organization
// for a month.
func (v *visit) emptyTokenForm() (tokenForm, error) {
	catalogue, err := v.api().Scopes(v.Context())
	if err != nil {
		return tokenForm{}, err
	}
	return tokenForm{
		Organization: v.organization,
		Expiry:       expiry{Choice: strconv.Itoa(defaultDays), Now: v.console.Now()},
		Scopes:       newScopePicker(catalogue),
	}, nil
}

// fill takes what a link asks for.
func (f *tokenForm) fill(query url.Values) {
	f.Name = query.Get(fieldName)
	f.Scopes.choose(chosenScopes(query))
	if days, err := strconv.Atoi(query.Get("days")); err == nil && days > 0 && days <= maxDays {
		f.Expiry.last(days)
	}
}

// fillLike takes what another token has, its life included.
func (v *visit) fillLike(f *tokenForm, id string) error {
	like, err := v.api().Get(v.Context(), id)
	if err != nil {
		return err
	}
	f.Name, f.Global = like.DisplayName, like.TargetAccounts == nil
	f.Scopes.choose(scopeNames(like.Scope))
	f.Expiry.last(lifeOf(like))
	return nil
}

// lifeOf is for how many days a token was made.
func lifeOf(t api.PatToken) int {
	life := t.ValidTo.Sub(t.ValidFrom.Time).Round(day)
	return min(maxDays, max(1, int(life/day)))
}

// createToken creates the token and goes on to the page that shows it.
func (v *visit) createToken() error {
	sent, err := v.form()
	if err != nil {
		return err
	}
	form, err := v.emptyTokenForm()
	if err != nil {
		return err
	}
	form.read(sent)
	if form.check(); len(form.Refusals) > 0 {
		return v.showNewToken(http.StatusUnprocessableEntity, newTokenPage{Form: form})
	}
	as, err := v.signedInNow()
	if err != nil {
		return err
	}
	if err := v.claim(); errors.Is(err, errSent) {
		return v.redirect(v.sentPath())
	} else if err != nil {
		return err
	}
	end, _ := form.Expiry.end() // it was checked
	created, err := as.Create(v.Context(), api.PatTokenCreateRequest{DisplayName: form.Name, Scope: form.Scopes.text(), ValidTo: end, AllOrgs: form.Global})
	if err != nil {
		return v.notCreated(form, err)
	}
	if err := v.keepSecret(created, end, nil); err != nil {
		return v.discard(as, created, err)
	}
	return v.redirect(v.createdPath(created.AuthorizationID))
}

// notCreated answers where the API did not create the token, or perhaps did.
func (v *visit) notCreated(form tokenForm, err error) error {
	if err := v.releaseUncreated(form.Name, err); err != nil {
		return err
	}
	if refused, ok := errors.AsType[*client.Error](err); ok && form.Refusals.refuse(refused) {
		return v.showNewToken(http.StatusUnprocessableEntity, newTokenPage{Form: form})
	}
	return err
}

// releaseUncreated lets the form be sent again where err says that the API did
// not create the token. Where it perhaps did the form stays claimed, and the
// error is what to tell of that.
func (v *visit) releaseUncreated(name string, err error) error {
	if failed, ok := errors.AsType[*client.Error](err); ok && failed.Uncertain {
		v.console.Log.Error("whether a token was created is not known", "error", err)
		return v.perhapsCreated(name, failed)
	}
	return v.release()
}

// perhapsCreated tells that a token may exist, of which nobody has the secret.
func (v *visit) perhapsCreated(name string, err *client.Error) *problem {
	search := url.Values{"tab": {"all"}, "q": {name}}
	return &problem{
		Status: http.StatusBadGateway, Title: "The token may have been created",
		Text:      "The service did not say whether it created the token.",
		Advice:    "Look for its name among your tokens. If it is there, revoke it, for nobody has its secret; then create another.",
		Reference: err.ActivityID, Retry: "/" + url.PathEscape(v.organization) + "/tokens?" + search.Encode(), RetryLabel: "Look for it",
	}
}

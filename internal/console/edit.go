package console

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// editPage is the form that changes a token.
type editPage struct {
	frame
	Token heldToken
	Form  tokenForm
	// Seen is the token as the form shows it, so that it is noticed when another
	// request changes it meanwhile.
	Seen string
	// Draft: what is in the form was typed before a sign-in.
	Draft bool
}

// fieldSeen has the token as the form showed it.
const fieldSeen = "seen"

// editToken shows the form, filled in with what the token has.
func (v *visit) editToken() error {
	page, err := v.editPage()
	if err != nil {
		return err
	}
	if draft := v.takeDraft(); draft != nil {
		page.Draft = true
		page.Form.read(draft)
		page.Seen = draft.Get(fieldSeen)
	}
	return v.showEdit(http.StatusOK, page)
}

func (v *visit) showEdit(status int, page editPage) error {
	page.frame = v.frame("Edit " + page.Token.DisplayName)
	return v.render(status, "edit.html", page)
}

// editPage is the form as it is before anybody types. It fails for a token that
// cannot be changed any more.
func (v *visit) editPage() (editPage, error) {
	token, err := v.token()
	if err != nil {
		return editPage{}, err
	}
	if !token.Active() {
		return editPage{}, over(token)
	}
	catalogue, err := v.api().Scopes(v.Context())
	if err != nil {
		return editPage{}, err
	}
	page := editPage{Token: token, Seen: seen(token.PatToken), Form: tokenForm{
		Organization: v.organization, Name: token.DisplayName, Global: token.Global(),
		Expiry: expiry{Choice: endStays, Held: token.ValidTo.Time, Now: v.console.Now()},
		Scopes: newScopePicker(catalogue),
	}}
	page.Form.Scopes.choose(scopeNames(token.Scope))
	return page, nil
}

// seen is short, and another for a token that has anything else to change.
func seen(t api.PatToken) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %s %t", t.DisplayName, t.Scope, t.ValidTo.UTC().Format(time.RFC3339Nano), t.TargetAccounts == nil))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// saveToken changes what the form says otherwise than the token.
func (v *visit) saveToken() error {
	sent, err := v.form()
	if err != nil {
		return err
	}
	page, err := v.editPage()
	if err != nil {
		return err
	}
	page.Form.read(sent)
	if sent.Get(fieldSeen) != page.Seen {
		page.Form.Refusals.add("", "The token was changed meanwhile, and nothing of this was saved. It is now called "+quoted(page.Token.DisplayName)+
			" and expires on "+onDay(page.Token.ValidTo)+". Look through the form, and save it if you still want all that it says.")
		return v.showEdit(http.StatusConflict, page)
	}
	if page.Form.check(); len(page.Form.Refusals) > 0 {
		return v.showEdit(http.StatusUnprocessableEntity, page)
	}
	change, changed := page.change()
	if len(changed) == 0 {
		v.notify("Nothing was changed: the form said what the token has.")
		return v.redirect(page.Token.Path())
	}
	now, err := v.api().Update(v.Context(), change)
	if err != nil {
		return v.notSaved(page, err)
	}
	v.notify(saved(changed, change, now))
	return v.redirect(page.Token.Path())
}

// change is what the form changes of the token, and that in words.
func (p editPage) change() (c api.PatTokenUpdateRequest, changed []string) {
	c.AuthorizationID = p.Token.AuthorizationID
	if p.Form.Name != p.Token.DisplayName {
		c.DisplayName = &p.Form.Name
		changed = append(changed, "name")
	}
	if scope := p.Form.Scopes.text(); !sameScopes(scope, p.Token.Scope) {
		c.Scope = &scope
		changed = append(changed, "access")
	}
	if global := p.Form.Global; global != p.Token.Global() {
		c.AllOrgs = &global
		changed = append(changed, "organization")
	}
	if end, _ := p.Form.Expiry.end(); end != nil { // it was checked
		c.ValidTo = end
		changed = append(changed, "expiry")
	}
	return c, changed
}

// sameScopes reports whether two texts name the same scopes, in any order.
func sameScopes(a, b string) bool {
	return slices.Equal(slices.Compact(slices.Sorted(strings.FieldsSeq(a))), slices.Compact(slices.Sorted(strings.FieldsSeq(b))))
}

// saved tells what was changed, and where the service made less of it.
func saved(changed []string, asked api.PatTokenUpdateRequest, now api.PatToken) string {
	text := "Saved: " + enumerated(changed) + "."
	switch {
	case asked.ValidTo == nil:
	case shortened(asked.ValidTo.Time, now.ValidTo.Time):
		text += " The service does not let it last to " + onDay(*asked.ValidTo) + ": it expires on " + onDay(now.ValidTo) + "."
	default:
		text += " It expires on " + onDay(now.ValidTo) + "."
	}
	return text
}

// shortened reports whether a token ends before the end that was asked for.
func shortened(asked, got time.Time) bool { return asked.Sub(got) >= 2*time.Second }

// onDay is the day of a moment within a sentence.
func onDay(t api.Time) string { return t.UTC().Format("2 January 2006") }

// enumerated are words in a sentence: "name, access and expiry".
func enumerated(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// notSaved answers where the API did not change the token: at the field that
// it refused, or by what became of the token meanwhile.
func (v *visit) notSaved(page editPage, err error) error {
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Kind != client.KindRefusal && refused.Kind != client.KindPolicy {
		return err
	}
	now, lookup := v.token()
	if lookup != nil {
		return lookup
	}
	if !now.Active() {
		return over(now)
	}
	if page.Form.Refusals.refuse(refused) {
		return v.showEdit(http.StatusUnprocessableEntity, page)
	}
	return err
}

package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// Regenerating gives a token a new secret by a new token like it. The secret is
// kept for its page before anything happens to the old token, so that at each
// moment there is one that works and whose secret somebody has.

// fieldOld is what is to become of the old token.
const fieldOld = "old"

// overlap is what can become of the old token.
type overlap struct {
	Value, Label string
	// Life is how long it goes on, 0 where it is revoked at once, and
	// forever where it is left alone.
	Life time.Duration
}

const forever = time.Duration(1<<63 - 1)

var overlaps = []overlap{
	{"now", "Revoke it now", 0},
	{"1h", "In 1 hour", time.Hour},
	{"1d", "In 1 day", day},
	{"3d", "In 3 days", 3 * day},
	{"7d", "In 7 days", 7 * day},
	{"stay", "Leave it alone", forever},
}

// regeneratePage asks how to regenerate a token.
type regeneratePage struct {
	frame
	Token heldToken
	// Form has the end of the new token.
	Form tokenForm
	// Overlaps are what can become of the old token, and Chosen is one of them.
	Overlaps []overlap
	Chosen   overlap
	Once     string
}

// askToRegenerate shows what becomes of a token and its successor.
func (v *visit) askToRegenerate() error {
	page, err := v.regeneratePage()
	if err != nil {
		return err
	}
	if draft := v.takeDraft(); draft != nil {
		page.read(draft)
	}
	return v.showRegenerate(http.StatusOK, page)
}

func (v *visit) showRegenerate(status int, page regeneratePage) error {
	page.frame, page.Once = v.frame("Regenerate "+page.Token.DisplayName), newOnce()
	return v.render(status, "regenerate.html", page)
}

// regeneratePage suggests that the new token lasts as long as the old one did.
func (v *visit) regeneratePage() (regeneratePage, error) {
	token, err := v.token()
	if err != nil {
		return regeneratePage{}, err
	}
	if token.Revoked() {
		return regeneratePage{}, over(token)
	}
	now := v.console.Now()
	page := regeneratePage{Token: token, Chosen: overlaps[0], Form: tokenForm{Organization: v.organization, Expiry: expiry{Now: now}}}
	page.Form.Expiry.last(lifeOf(token.PatToken))
	for _, f := range overlaps {
		if token.Active() && (f.Life == forever || now.Add(f.Life).Before(token.ValidTo.Time)) {
			page.Overlaps = append(page.Overlaps, f)
		}
	}
	return page, nil
}

// read takes what was sent.
func (p *regeneratePage) read(sent url.Values) {
	p.Form.Expiry.read(sent)
	for _, f := range p.Overlaps {
		if f.Value == sent.Get(fieldOld) {
			p.Chosen = f
			return
		}
	}
	if p.Overlaps != nil { // the choice is over, or was none
		p.Form.Refusals.add(fieldOld, "Choose what becomes of the old token.")
	}
}

// regenerate creates the successor, keeps its secret, and only then ends the
// old token.
func (v *visit) regenerate() error {
	sent, err := v.form()
	if err != nil {
		return err
	}
	if v.who.sent(sent.Get(fieldOnce)) >= 0 { // by now the old token may be revoked
		return v.redirect(v.sentPath())
	}
	page, err := v.regeneratePage()
	if err != nil {
		return err
	}
	page.read(sent)
	end, wrong := page.Form.Expiry.end()
	if wrong != "" {
		page.Form.Refusals.add(fieldExpiry, wrong)
	}
	if len(page.Form.Refusals) > 0 {
		return v.showRegenerate(http.StatusUnprocessableEntity, page)
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
	old := page.Token
	created, err := as.Create(v.Context(), api.PatTokenCreateRequest{DisplayName: old.DisplayName, Scope: old.Scope, ValidTo: end, AllOrgs: old.Global()})
	if err != nil {
		return v.notRegenerated(page, err)
	}
	r := page.replaced()
	if err := v.keepSecret(created, end, r); err != nil {
		return v.discard(as, created, err)
	}
	if r != nil {
		v.endOld(as, created.AuthorizationID, *r, page.Chosen)
	}
	return v.redirect(v.createdPath(created.AuthorizationID))
}

// replaced is a token to which a new one is the successor, and what became of
// it.
type replaced struct {
	ID string
	// Pending: what was chosen for it did not happen, or not yet.
	Pending bool
	// Revoked: it is, or else it works to Ends.
	Revoked bool
	Ends    time.Time
}

// replaced is the old token as long as nothing happened to it; nil where it
// does not work anyway.
func (p regeneratePage) replaced() *replaced {
	if !p.Token.Active() {
		return nil
	}
	return &replaced{ID: p.Token.AuthorizationID, Pending: p.Chosen.Life != forever, Ends: p.Token.ValidTo.Time}
}

// endOld does with the old token what was chosen, even where the browser goes
// away. Where it fails the page of the new token still says that it is to be
// done.
func (v *visit) endOld(as *client.Client, created string, r replaced, chosen overlap) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), requestTimeout)
	defer cancel()
	var err error
	switch chosen.Life {
	case forever:
		return
	case 0:
		if err = as.Revoke(ctx, r.ID); err == nil {
			r.Pending, r.Revoked = false, true
		}
	default:
		var old api.PatToken
		end := api.Time{Time: v.console.Now().Add(chosen.Life).Truncate(time.Second)}
		if old, err = as.Update(ctx, api.PatTokenUpdateRequest{AuthorizationID: r.ID, ValidTo: &end}); err == nil {
			r.Pending, r.Ends = false, old.ValidTo.Time
		}
	}
	if err != nil {
		v.console.Log.Error("the old token of a regenerated one was not ended", "authorization_id", r.ID, "error", err)
		return
	}
	if err := v.changeWithin(ctx, func(k *knowledge) error { return k.replace(created, r) }); err != nil {
		v.console.Log.Error("the old token of a regenerated one was ended, which its page does not tell", "authorization_id", r.ID, "error", err)
	}
}

// notRegenerated answers where the API did not create the successor, or
// perhaps did. The old token is as it was.
func (v *visit) notRegenerated(page regeneratePage, err error) error {
	if err := v.releaseUncreated(page.Token.DisplayName, err); err != nil {
		return err
	}
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || !page.Form.Refusals.refuse(refused) {
		return err
	}
	for i := range page.Form.Refusals { // most of its fields are not on this page
		if page.Form.Refusals[i].Field != fieldExpiry {
			page.Form.Refusals[i].Field = ""
		}
	}
	return v.showRegenerate(http.StatusUnprocessableEntity, page)
}

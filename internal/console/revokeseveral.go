package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// revokeSeveralPage asks whether several tokens are meant to be revoked; or says, of
// those that were meant, what became of them where not all were revoked.
type revokeSeveralPage struct {
	frame
	// Tokens are to be revoked.
	Tokens []tokenFate
	// Revoked are known to be, and Tokens could not be, if Tried.
	Revoked []tokenFate
	Tried   bool
	// IDs are of the tokens that the form revokes.
	IDs    []string
	Action string
	Back   string
}

// tokenFate is a token that is to be revoked. Ends tells it from another of its
// name, such as the one that took its place. Problem is why it is not revoked, ""
// so far.
type tokenFate struct {
	ID, Name, Scope string
	Ends            time.Time
	Problem         string
	err             error
}

// Question is what the page asks.
func (p revokeSeveralPage) Question() string {
	if len(p.Tokens) == 1 {
		return "Revoke this token?"
	}
	return "Revoke these " + thousands(len(p.Tokens)) + " tokens?"
}

// Total is how many tokens were meant.
func (p revokeSeveralPage) Total() int { return len(p.Tokens) + len(p.Revoked) }

// maxRevoked is how many tokens are revoked at once: those of a page, or of
// what a search finds.
const maxRevoked = 2 * pageSize

var errTooMany = &problem{Status: http.StatusBadRequest, Title: "These are too many at once", Text: "Choose at most " + thousands(maxRevoked) + " tokens. None was revoked."}

// revokeSeveral asks whether the chosen tokens are meant, and revokes them
// when it is told so.
func (v *visit) revokeSeveral() error {
	sent, err := v.form()
	if err != nil {
		return err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(sent["id"])))
	page := revokeSeveralPage{
		frame: v.frame("Revoke tokens"), Action: readListing(nil).address(v.organization) + "/revoke", Back: v.back(),
	}
	switch {
	case len(ids) == 0:
		v.notify("No token was chosen, so none was revoked.")
		return v.redirect(page.Back)
	case len(ids) > maxRevoked:
		return errTooMany
	}
	c, err := v.signedInNow()
	if err != nil {
		return err
	}
	tokens := fates(v.Context(), c, ids)
	if v.PostForm.Get("sure") == "" {
		return v.askToRevokeSeveral(page, tokens)
	}
	forEach(tokens, func(t *tokenFate) { t.err = c.Revoke(v.Context(), t.ID) })
	return v.tellRevoked(page, tokens)
}

// back is the list that the tokens were chosen from.
func (v *visit) back() string {
	list := readListing(nil).address(v.organization)
	if back := localPath(v.PostForm.Get("back")); back == list || strings.HasPrefix(back, list+"?") {
		return back
	}
	return list
}

// fates are the tokens with those ids, under their names.
func fates(ctx context.Context, c *client.Client, ids []string) []tokenFate {
	tokens := make([]tokenFate, len(ids))
	for i, id := range ids {
		tokens[i] = tokenFate{ID: id, Name: id}
	}
	forEach(tokens, func(t *tokenFate) {
		var found api.PatToken
		if found, t.err = c.Get(ctx, t.ID); t.err == nil {
			t.Name, t.Scope, t.Ends = found.DisplayName, found.Scope, found.ValidTo.Time
		}
	})
	slices.SortStableFunc(tokens, func(a, b tokenFate) int { return strings.Compare(a.Name, b.Name) })
	return tokens
}

// atOnce is how many calls one request makes at a time.
const atOnce = 8

// forEach does something to each token, some at a time.
func forEach(tokens []tokenFate, do func(*tokenFate)) {
	var all sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for i := range tokens {
		free <- struct{}{}
		all.Go(func() {
			do(&tokens[i])
			<-free
		})
	}
	all.Wait()
}

// askToRevokeSeveral shows what is to be revoked. It fails where that is not known.
func (v *visit) askToRevokeSeveral(page revokeSeveralPage, tokens []tokenFate) error {
	for _, t := range tokens {
		if t.err != nil && client.KindOf(t.err) != client.KindNotFound {
			return t.err
		}
		if t.err == nil {
			page.Tokens, page.IDs = append(page.Tokens, t), append(page.IDs, t.ID)
		}
	}
	if len(page.Tokens) == 0 {
		return errNoPage
	}
	return v.render(http.StatusOK, "revokeseveral.html", page)
}

// tellRevoked goes back to the list where all were revoked, and else says of
// each what became of it.
func (v *visit) tellRevoked(page revokeSeveralPage, tokens []tokenFate) error {
	for _, t := range tokens {
		if t.err == nil {
			page.Revoked = append(page.Revoked, t)
			continue
		}
		t.Problem = whyNotRevoked(t.err)
		page.Tokens = append(page.Tokens, t)
		if client.KindOf(t.err) != client.KindNotFound {
			page.IDs = append(page.IDs, t.ID)
		}
	}
	switch {
	case len(page.Tokens) == 0 && len(tokens) == 1:
		v.notify("1 token was revoked. It does not work any more.")
		return v.redirect(page.Back)
	case len(page.Tokens) == 0:
		v.notify(thousands(len(tokens)) + " tokens were revoked. They do not work any more.")
		return v.redirect(page.Back)
	case len(page.Revoked) == 0 && client.KindOf(tokens[0].err) == client.KindAuthentication:
		return tokens[0].err
	}
	page.Tried, page.Title = true, "Not all tokens were revoked"
	return v.render(http.StatusOK, "revokeseveral.html", page)
}

// whyNotRevoked says what came of a call to revoke a token that failed. Where
// no answer came, it may have had its effect.
func whyNotRevoked(err error) string {
	switch client.KindOf(err) {
	case client.KindNotFound:
		return "There is no such token any more."
	case client.KindTransport, client.KindUnavailable, client.KindProtocol:
		return "The service did not confirm it: this token may be revoked, or may still work."
	case client.KindThrottled:
		return "It was not revoked: the service has too much to do at the moment."
	}
	if e, ok := errors.AsType[*client.Error](err); ok && e.Message != "" {
		return "It was not revoked: " + e.Message
	}
	return "It was not revoked."
}

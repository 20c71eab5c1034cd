package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// createdPage shows a new token, and its secret once.
type createdPage struct {
	frame
	Token  api.PatToken
	Scopes []string
	// Secret is what was not shown before.
	Secret code
	// Asked is the end that was asked for where the service gave an earlier one,
	// else zero.
	Asked time.Time
	// Replaces is the token that it is the successor of, nil where there is none.
	Replaces *replaced
	Snippets []snippet
}

// createdToken shows the secret of a new token to the first who asks: not to a
// browser that looks ahead, or that another site sent here, for that would use
// up what is shown once.
func (v *visit) createdToken() error {
	id := v.PathValue("id")
	if v.who.fresh(id) >= 0 && !v.isOpened() {
		return &problem{
			Status: http.StatusForbidden, Title: "Open this page from here",
			Text:  "It shows the secret of a token, which it does once, and not to where another site or program leads.",
			Retry: v.createdPath(id), RetryLabel: "Show the secret",
		}
	}
	taken, err := v.takeSecret(id)
	if errors.Is(err, errShown) {
		return v.shownBefore(id)
	}
	if err != nil {
		return err
	}
	page := createdPage{
		frame: v.frame("Token created"), Token: taken.Token, Replaces: taken.Replaces, Scopes: scopeNames(taken.Token.Scope),
		Secret:   code{ID: "secret", Label: "the secret", Text: *taken.Token.Token, Secret: true},
		Snippets: snippets(client.IsAzureDevOps(v.console.API), v.organization),
	}
	if shortened(taken.Asked, taken.Token.ValidTo.Time) {
		page.Asked = taken.Asked
	}
	// Browsers keep pages in memory, to go back to, only if their status is 200.
	return v.render(http.StatusCreated, "created.html", page)
}

// isOpened reports whether a person opens this page, as far as the browser says
// why it asks.
func (v *visit) isOpened() bool {
	site, purpose := v.Header.Get("Sec-Fetch-Site"), v.Header.Get("Sec-Purpose")+v.Header.Get("Purpose")
	return v.Method == http.MethodGet && !strings.Contains(purpose, "prefetch") && !strings.Contains(purpose, "prerender") &&
		(site == "" || site == "none" || site == "same-origin") &&
		(v.Header.Get("Sec-Fetch-Dest") == "" || v.Header.Get("Sec-Fetch-Dest") == "document")
}

// shownPage is a new token whose secret is not shown any more.
type shownPage struct {
	frame
	Token api.PatToken
}

func (v *visit) shownBefore(id string) error {
	token, err := v.api().Get(v.Context(), id)
	if err != nil {
		return err
	}
	return v.render(http.StatusGone, "shown.html", shownPage{v.frame("Secret shown before"), token})
}

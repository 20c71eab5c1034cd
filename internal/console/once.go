package console

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// A form that makes a token makes one, however often it is sent: it carries a
// word that the session remembers from the moment on at which it is acted upon.

// fieldOnce has the word of a form.
const fieldOnce = "once"

// sentForm is a form that was acted upon, or is about to be.
type sentForm struct {
	Once string
	At   time.Time
	// Token is the id of what it made, "" as long as that is not known.
	Token string
}

// maxSent is how many forms a session remembers. A browser does not keep more
// pages than that to go back to.
const maxSent = 50

// errSent is the error of a form that was sent before.
var errSent = errors.New("this form was sent before")

// newOnce is the word of a new form.
func newOnce() string { return rand.Text() }

// claim claims the word of the form that was sent, for one request alone. It is
// [errSent] for all others.
func (v *visit) claim() error {
	once := v.PostFormValue(fieldOnce)
	if len(once) != len(newOnce()) {
		return errForm
	}
	return v.change(func(k *knowledge) error {
		if k.sent(once) >= 0 {
			return errSent
		}
		k.Sent = append(last(k.Sent, maxSent-1), sentForm{Once: once, At: v.console.Now()})
		return nil
	})
}

// release lets the form be sent again: nothing came of it.
func (v *visit) release() error {
	once := v.PostFormValue(fieldOnce)
	return v.change(func(k *knowledge) error {
		k.Sent = slices.DeleteFunc(slices.Clone(k.Sent), func(s sentForm) bool { return s.Once == once })
		return nil
	})
}

// sent is the place of a form among those that were sent, -1 where it was not.
func (k *knowledge) sent(once string) int {
	return slices.IndexFunc(k.Sent, func(s sentForm) bool { return s.Once == once })
}

// last is a copy of the last n of all.
func last[T any](all []T, n int) []T { return slices.Clone(all[max(0, len(all)-n):]) }

// sentPath is the page that says what became of the form that was sent.
func (v *visit) sentPath() string {
	return "/" + url.PathEscape(v.organization) + "/sent/" + url.PathEscape(v.PostFormValue(fieldOnce))
}

// sentPage says what became of a form that was sent more than once.
type sentPage struct {
	frame
	// Token is the id of what it made, "" where that is not known.
	Token string
	// Working: the request that was first is not done yet.
	Working bool
}

// showSent is the page of a form that was sent again. It goes on to the new
// token by itself where that was not shown yet, as after a double click.
func (v *visit) showSent() error {
	i := v.who.sent(v.PathValue("once"))
	if i < 0 {
		return errNoPage
	}
	form := v.who.Sent[i]
	if v.who.fresh(form.Token) >= 0 {
		return v.redirect(v.createdPath(form.Token))
	}
	working := form.Token == "" && v.console.Now().Before(form.At.Add(requestTimeout))
	return v.render(http.StatusOK, "sent.html", sentPage{v.frame("Sent before"), form.Token, working})
}

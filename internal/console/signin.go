package console

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
)

// signInLife is how long a person has to sign in at the provider.
const signInLife = 15 * time.Minute

// pending is a sign-in between its start and its end. The OAuth state carries
// it, sealed for the browser that began it, so that nothing is stored for those
// who never come back, and tabs do not disturb each other.
type pending struct {
	Attempt signin.Attempt
	// To is the page to go to then.
	To string
}

// signInFirst sends a visitor whom nobody knows to sign in, and then back to
// this page.
func (v *visit) signInFirst() error {
	return v.toSignIn(url.Values{"to": {v.here()}})
}

// toSignIn sends the browser to the start of a sign-in.
func (v *visit) toSignIn(query url.Values) error {
	address := "/sign-in?" + query.Encode()
	if v.Method == http.MethodPost {
		return v.onward(address)
	}
	return v.redirect(address)
}

// here is the page of this request, by its path and query.
func (v *visit) here() string {
	if v.Method == http.MethodPost {
		return v.URL.EscapedPath()
	}
	return v.URL.RequestURI()
}

// onwardPage goes on by itself to an address, in a navigation of its own:
// redirects of a form may not leave the origin (Content-Security-Policy,
// form-action), and the way to the provider does.
type onwardPage struct {
	frame
	Address string
}

func (v *visit) onward(address string) error {
	return v.render(http.StatusOK, "onward.html", onwardPage{v.frame("One moment"), address})
}

// startSignIn sends the browser to the provider. In the query, "to" is the page
// to come back to, and "choose" lets the person choose another account.
func (v *visit) startSignIn() error {
	return v.beginSignIn(pending{
		Attempt: signin.Attempt{Choose: v.URL.Query().Has("choose")},
		To:      localPath(v.URL.Query().Get("to")),
	})
}

func (v *visit) beginSignIn(p pending) error {
	c := v.console
	browser := c.cookies.read(v.Request, browserCookie)
	if len(browser) != len(rand.Text()) {
		browser = rand.Text()
	}
	c.cookies.write(v.w, browserCookie, browser, signInLife)
	fresh := signin.NewAttempt()
	p.Attempt.Nonce, p.Attempt.Verifier = fresh.Nonce, fresh.Verifier
	plain, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("beginning to sign in: %w", err)
	}
	p.Attempt.State = c.Sealer.Seal(browserCookie, browser, signInLife, plain)
	address, err := c.Provider.Begin(v.Context(), p.Attempt)
	if err != nil {
		return err
	}
	return v.redirect(address)
}

// finishSignIn is where the provider sends the browser back to. A sign-in
// always makes a new session, and ends the one that the browser had.
func (v *visit) finishSignIn() error {
	c := v.console
	answer := v.URL.Query()
	plain, err := c.Sealer.Open(browserCookie, c.cookies.read(v.Request, browserCookie), answer.Get("state"))
	var p pending
	if err != nil || json.Unmarshal(plain, &p) != nil {
		return errStaleSignIn
	}
	p.Attempt.State = answer.Get("state")
	user, credentials, err := c.Provider.Finish(v.Context(), p.Attempt, answer)
	if err != nil {
		return err
	}
	if v.who != nil {
		if _, err := c.Sessions.End(v.Context(), v.who.Owner, v.who.ID); err != nil {
			return fmt.Errorf("ending the former session: %w", err)
		}
	}
	k := knowledge{User: user, Credentials: c.bounded(credentials)}
	if k.Organizations, err = c.organizationsOf(v, credentials.AccessToken); err != nil {
		return err
	}
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	secret, s, err := c.Sessions.Start(v.Context(), user.Key, v.UserAgent(), c.ClientAddress(v.Request), data)
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	c.cookies.write(v.w, sessionCookie, secret, s.Ends.Sub(c.Now()))
	return v.redirect(p.To)
}

// organizationsOf are the organizations that a person may choose from: those
// that the API lists, or the configured ones.
func (c *Console) organizationsOf(v *visit, accessToken string) ([]string, error) {
	v.who = &person{knowledge: knowledge{Credentials: signin.Credentials{AccessToken: accessToken, Expires: c.Now().Add(time.Hour)}}}
	defer func() { v.who = nil }()
	listed, err := v.api().Organizations(v.Context())
	if client.KindOf(err) == client.KindUnsupported {
		return c.Organizations, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range listed {
		names = append(names, o.Name)
	}
	return names, nil
}

// signOut ends the session, here and at the provider.
func (v *visit) signOut() error {
	c := v.console
	if v.who == nil {
		return v.redirect("/signed-out")
	}
	if _, err := c.Sessions.End(v.Context(), v.who.Owner, v.who.ID); err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	c.cookies.remove(v.w, sessionCookie)
	address := c.Provider.SignOutURL(v.Context(), c.PublicURL+"/signed-out", v.who.Credentials)
	v.who = nil
	if address == "" {
		return v.redirect("/signed-out")
	}
	return v.onward(address)
}

// signedOut is where a sign-out ends.
func (v *visit) signedOut() error {
	return v.render(http.StatusOK, "signedout.html", v.frame("Signed out"))
}

// maxReturnPath bounds the path to return to, for it travels in URLs.
const maxReturnPath = 1024

// localPath is path where that is a page of this console, else "/": nobody is
// sent elsewhere by a link to the sign-in.
func localPath(path string) string {
	u, err := url.Parse(path)
	switch {
	case err != nil, len(path) > maxReturnPath, !strings.HasPrefix(path, "/"), strings.HasPrefix(path, "//"),
		u.IsAbs(), u.Host != "", u.User != nil, strings.ContainsFunc(path, isUnsafe), strings.HasPrefix(path, "/sign-"):
		return "/"
	}
	return path
}

// isUnsafe: browsers read a backslash as a slash, and leave out control
// characters.
func isUnsafe(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }

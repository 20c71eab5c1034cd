package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
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
	// Again tells that the sign-in before it did not satisfy.
	Again bool
}

// againPurpose is what a sealed challenge is for.
const againPurpose = "sign-in-again"

// signInFirst sends a visitor whom nobody knows to sign in, and then back to
// this page.
func (v *visit) signInFirst() error {
	return v.toSignIn(url.Values{"to": {v.here()}})
}

// signInAgain sends a visitor whose sign-in does not satisfy any more to
// sign in anew, and then back to this page. The claims to satisfy are sealed
// for this session, so that no link makes anybody ask for claims.
func (v *visit) signInAgain(claims string) error {
	sealed := v.console.Sealer.Seal(againPurpose, v.who.ID.String(), signInLife, []byte(claims))
	return v.toSignIn(url.Values{"to": {v.here()}, "again": {sealed}})
}

// toSignIn sends the browser to the start of a sign-in.
func (v *visit) toSignIn(query url.Values) error {
	address := "/sign-in?" + query.Encode()
	if v.Method == http.MethodPost {
		if !v.keepDraft() {
			return errDraftTooLong(address)
		}
		return v.onward(address)
	}
	return v.redirect(address)
}

// here is the page of this request, by its path and query. That of a form is
// the page that has it: not every form is sent to an address that shows one.
func (v *visit) here() string {
	if v.Method != http.MethodPost {
		return localPath(v.URL.RequestURI())
	}
	from, err := url.Parse(v.Referer())
	if err != nil || from.Scheme+"://"+from.Host != v.console.PublicURL {
		return localPath(v.URL.EscapedPath())
	}
	return localPath(from.RequestURI())
}

// signInAddress is where a person signs in, as somebody else where choose is
// set, to go on then where they were going.
func (v *visit) signInAddress(choose bool) string {
	to := v.to
	if to == "" && v.route.access >= signedIn {
		to = v.here()
	}
	query := url.Values{}
	if to != "" && to != "/" {
		query.Set("to", to)
	}
	if choose {
		query.Set("choose", "1")
	}
	if len(query) == 0 {
		return "/sign-in"
	}
	return "/sign-in?" + query.Encode()
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
	if v.hasOtherName() {
		return v.redirect(v.console.PublicURL + v.URL.RequestURI())
	}
	query := v.URL.Query()
	p := pending{Attempt: signin.Attempt{Choose: query.Has("choose")}, To: localPath(query.Get("to"))}
	if v.who != nil && query.Has("again") {
		claims, err := v.console.Sealer.Open(againPurpose, v.who.ID.String(), query.Get("again"))
		if err == nil {
			p.Again, p.Attempt.Claims, p.Attempt.LoginHint = true, string(claims), v.who.User.Username
		}
	}
	return v.beginSignIn(p)
}

// hasOtherName reports whether the browser is at this machine by another name
// than the public one: localhost, say, where that is 127.0.0.1. The provider
// would send it back to a name by which it has no cookie.
func (v *visit) hasOtherName() bool {
	public, publicErr := url.Parse(v.console.PublicURL)
	host, port, err := net.SplitHostPort(v.Host)
	return publicErr == nil && err == nil && host != public.Hostname() && port == public.Port() &&
		signin.IsLoopback(host) && signin.IsLoopback(public.Hostname())
}

// beginSignIn sends the browser to the provider.
func (v *visit) beginSignIn(p pending) error {
	c := v.console
	v.to = p.To
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

// finishSignIn is where the provider sends the browser back to.
func (v *visit) finishSignIn() error {
	c := v.console
	answer := v.URL.Query()
	plain, err := c.Sealer.Open(browserCookie, c.cookies.read(v.Request, browserCookie), answer.Get("state"))
	var p pending
	if err != nil || json.Unmarshal(plain, &p) != nil {
		return errStaleSignIn
	}
	v.to = p.To
	p.Attempt.State = answer.Get("state")
	k := knowledge{Again: p.Again}
	if k.User, k.Credentials, err = c.Provider.Finish(v.Context(), p.Attempt, answer); err == nil {
		k.Credentials = c.bounded(k.Credentials)
		token := func(context.Context) (string, error) { return k.Credentials.AccessToken, nil }
		k.Organizations, err = c.organizationsOf(v.Context(), token)
	}
	if claims, ok := asksForMore(err); ok && !p.Again {
		p.Again, p.Attempt = true, signin.Attempt{Claims: claims, LoginHint: k.User.Username}
		return v.beginSignIn(p)
	}
	if err != nil {
		return err
	}
	if err := v.start(k); err != nil {
		return err
	}
	return v.redirect(p.To)
}

// asksForMore reports whether err means that the same person has to sign in
// once more, and with which claims.
func asksForMore(err error) (claims string, ok bool) {
	if e, ok := errors.AsType[*signin.Error](err); ok {
		return e.Claims, e.Reason == signin.ReasonInteraction
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return e.Claims, e.Kind == client.KindAuthentication && e.Status != 0
	}
	return "", false
}

// start starts a session of a person who signed in. It is always a new one,
// whatever the browser sent, and it ends the one that the browser had.
func (v *visit) start(k knowledge) error {
	c := v.console
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	secret, s, err := c.Sessions.Start(v.Context(), k.User.Key, v.UserAgent(), c.ClientAddress(v.Request), data)
	if err != nil {
		return fmt.Errorf("keeping the session: %w", err)
	}
	if v.who != nil {
		if _, err := c.Sessions.End(v.Context(), v.who.Owner, v.who.ID); err != nil {
			return fmt.Errorf("ending the former session: %w", err)
		}
	}
	c.cookies.write(v.w, sessionCookie, secret, s.Ends.Sub(c.Now()))
	return nil
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

// localPath is to where that is a page of this console, else "/": nobody is
// sent elsewhere by a link to the sign-in.
func localPath(to string) string {
	u, err := url.Parse(to)
	switch {
	case err != nil, len(to) > maxReturnPath, !strings.HasPrefix(to, "/"), strings.HasPrefix(to, "//"),
		u.IsAbs(), u.Host != "", u.User != nil, u.Path != path.Clean(u.Path), strings.ContainsFunc(to, isUnsafe), strings.HasPrefix(to, "/sign-"):
		return "/"
	}
	return to
}

// isUnsafe: browsers read a backslash as a slash, and leave out control
// characters.
func isUnsafe(r rune) bool { return r == '\\' || r <= ' ' || r == 0x7f }

package console

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// problem is an error that a page of its own tells of.
type problem struct {
	Status int
	// Title and Text say what happened, Advice what to do.
	Title, Text, Advice string
	// Reference finds the cause in the log; "" where there is nothing to find.
	Reference string
	// Retry is the way on, besides that to the tokens: an address of this
	// console, and what it is called.
	Retry, RetryLabel string
	// OtherAccount is the address to sign in at as somebody else, "" where that
	// would not help.
	OtherAccount string
	// Resend is the form to send again as it was, nil where there is none.
	Resend url.Values
	// Wait is how long to wait before that; 0 where nobody said.
	Wait time.Duration
	// Said is what the provider said, nil where it is none of its affair.
	Said *said
}

// problemPage is the page of a problem.
type problemPage struct {
	frame
	Problem *problem
	// Action is where the form of the problem is sent again.
	Action string
}

func (p *problem) Error() string { return p.Title }

var (
	errNoPage      = &problem{Status: http.StatusNotFound, Title: "There is nothing here", Text: "The address is wrong, or what was here is gone, or it belongs to an organization that you are not a member of."}
	errCrossOrigin = &problem{Status: http.StatusForbidden, Title: "Another site sent this", Text: "The request came from another web site and was not carried out.", Advice: "If you did mean it, do it here."}
	errMethod      = &problem{Status: http.StatusMethodNotAllowed, Title: "This cannot be done here", Text: "The address exists, but not for what your browser asked of it, and nothing was changed.", Advice: "Go to your tokens and start from there."}
	errForm        = &problem{Status: http.StatusBadRequest, Title: "This form could not be read", Text: "What your browser sent is not what a form of this console sends, and nothing was changed.", Advice: "Go back, reload the page, and try again."}
	errTooLarge    = &problem{Status: http.StatusRequestEntityTooLarge, Title: "This is too much", Text: "The form was longer than the console accepts, and nothing was changed.", Advice: "Go back and shorten what you typed."}
	errSlow        = &problem{Status: http.StatusServiceUnavailable, Title: "This took too long", Text: "The console gave up waiting for its own part. It is not your fault.", Advice: "Try again in a minute."}
	errAway        = &problem{Status: http.StatusServiceUnavailable, Title: "The service is not available now", Text: "The database of the console does not answer, so it is not known who you are. It is not your fault.", Advice: "Try again in a minute."}
	errPanic       = errors.New("internal error")
	errStaleSignIn = &problem{
		Status: http.StatusBadRequest, Title: "This sign-in is not valid any more",
		Text:  "It took longer than a quarter of an hour, was begun in another browser, or your browser did not keep a cookie that it needs.",
		Retry: "/sign-in", RetryLabel: "Sign in again",
	}
)

// nothing answers for all addresses that no page is at.
func (v *visit) nothing() error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := v.Clone(v.Context())
		other.Method = method
		if _, pattern := v.console.mux.Handler(other); pattern != v.route.path {
			allowed = append(allowed, method)
		}
	}
	if allowed == nil {
		return errNoPage
	}
	v.w.Header().Set("Allow", strings.Join(allowed, ", "))
	return errMethod
}

// form is what a form sent.
func (v *visit) form() (url.Values, error) {
	if err := v.ParseForm(); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, err
		}
		return nil, errForm
	}
	return v.PostForm, nil
}

// fail answers with the page of an error. It is the only place where an error
// becomes a page. Who only has to sign in again is sent to, and then back.
func (v *visit) fail(err error) {
	if errors.Is(err, session.ErrNone) {
		v.console.cookies.remove(v.w, sessionCookie)
		v.who = nil
		if err = v.signInFirst(); err == nil {
			return
		}
	}
	if claims, ok := v.wantsSignIn(err); ok {
		if err = v.signInAgain(claims); err == nil {
			return
		}
	}
	p := v.describe(err)
	if p.Wait > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(p.Wait/time.Second)))
	}
	if err := v.render(p.Status, "problem.html", problemPage{v.frame(p.Title), p, v.URL.EscapedPath()}); err != nil {
		v.console.Log.Error("the page of an error failed", "error", err)
		v.status = http.StatusInternalServerError
		http.Error(v.w, "Internal error.", v.status)
	}
}

// signInPause is how soon after a sign-in that was meant to help another one
// does not help either.
const signInPause = time.Minute

// wantsSignIn reports whether err means that a visitor in the middle of their
// visit has to sign in again, and what that sign-in has to satisfy. Where they
// just did for the same reason they would go in circles: a page tells them.
func (v *visit) wantsSignIn(err error) (claims string, ok bool) {
	if v.route.access < signedIn || v.who == nil || v.who.Again && v.console.Now().Sub(v.who.Created) < signInPause {
		return "", false
	}
	return asksForMore(err)
}

// describe is what the visitor is told of an error. What people can do nothing
// about is in the log, under a reference.
func (v *visit) describe(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*signin.Error](err); ok {
		return v.describeSignIn(e)
	}
	if e, ok := errors.AsType[*client.Error](err); ok {
		return v.describeAPI(e)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return v.again(errSlow, err)
	}
	if v.console.Unavailable != nil && v.console.Unavailable(err) {
		return v.again(errAway, err)
	}
	return &problem{
		Status: http.StatusInternalServerError, Title: "Something went wrong here",
		Text:      "It is not your fault, and nothing of what you did is known to be lost.",
		Advice:    "Try again; if it stays, tell the administrators the reference.",
		Reference: v.refer(err),
	}
}

// again is p with a reference and a way to try again.
func (v *visit) again(p *problem, err error) *problem {
	told := *p
	if told.Reference == "" {
		told.Reference = v.refer(err)
	}
	if v.Method == http.MethodPost {
		told.Resend = v.PostForm
		return &told
	}
	told.Retry, told.RetryLabel = v.here(), "Try again"
	return &told
}

// refer logs an error, and returns the reference that finds it there.
func (v *visit) refer(err error) string { return v.referAt(slog.LevelError, err) }

func (v *visit) referAt(level slog.Level, err error) string {
	reference := rand.Text()[:12]
	v.console.Log.Log(v.Context(), level, "a page failed", "reference", reference, "page", v.route.path, "error", err)
	return reference
}

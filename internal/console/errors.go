package console

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// problem is an error that a page of its own tells of.
type problem struct {
	Status      int
	Title, Text string
	// Reference finds the cause in the log, or at the provider; "" where there
	// is nothing to find.
	Reference string
	// Retry is the way on, besides that to the tokens: an address of this
	// console, and what it is called.
	Retry, RetryLabel string
}

// problemPage is the page of a problem.
type problemPage struct {
	frame
	Problem *problem
}

func (p *problem) Error() string { return p.Title }

var (
	errNoPage      = &problem{Status: http.StatusNotFound, Title: "There is nothing here", Text: "The address is wrong, or what was here is gone, or it belongs to an organization that you are not a member of."}
	errCrossOrigin = &problem{Status: http.StatusForbidden, Title: "Another site sent this", Text: "The request came from another web site and was not carried out. If you did mean it, do it here."}
	errPanic       = errors.New("internal error")
	errStaleSignIn = &problem{
		Status: http.StatusBadRequest, Title: "This sign-in is not valid any more",
		Text:  "It took longer than a quarter of an hour, was begun in another browser, or your browser did not keep a cookie that it needs.",
		Retry: "/sign-in", RetryLabel: "Sign in again",
	}
)

// fail answers with the page of an error. It is the only place where an error
// becomes a page.
func (v *visit) fail(err error) {
	if errors.Is(err, session.ErrNone) {
		v.console.cookies.remove(v.w, sessionCookie)
		v.who = nil
		err = v.signInFirst()
		if err == nil {
			return
		}
	}
	p := v.describe(err)
	if err := v.render(p.Status, "problem.html", problemPage{v.frame(p.Title), p}); err != nil {
		v.console.Log.Error("the page of an error failed", "error", err)
		v.status = http.StatusInternalServerError
		http.Error(v.w, "Internal error.", v.status)
	}
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
	return v.internal(err)
}

func (v *visit) internal(err error) *problem {
	reference := rand.Text()[:12]
	v.console.Log.Error("a page failed", "reference", reference, "page", v.route.path, "error", err)
	return &problem{
		Status: http.StatusInternalServerError, Title: "Something went wrong here",
		Text: "It is not your fault, and nothing of what you did is known to be lost. Try again; if it stays, tell the administrators the reference.", Reference: reference,
	}
}

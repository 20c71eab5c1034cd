package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/patrolhq/patrol/client"
)

// describeAPI is what a person is told of a call to the API that failed. Pages
// tell of refusals that concern a field at the field; what comes here concerns
// all of a page.
func (v *visit) describeAPI(e *client.Error) *problem {
	p := problem{Reference: e.ActivityID}
	switch e.Kind {
	case client.KindNotFound:
		return errNoPage
	case client.KindRefusal:
		p.Status, p.Title, p.Text = http.StatusUnprocessableEntity, "The service refused this", sentence(e.Message)
	case client.KindPolicy:
		p.Status, p.Title, p.Text = http.StatusForbidden, "A policy does not allow this", sentence(e.Message)
		p.Advice = "The administrators of your organization set its policies, and can tell you more."
	case client.KindForbidden:
		p.Status, p.Title, p.Text = http.StatusForbidden, "You may not do this", sentence(e.Message)
		p.Advice = "If you should be able to, ask the administrators of your organization, or use another account."
		p.OtherAccount = v.signInAddress(true)
	case client.KindAuthentication:
		return v.notAccepted(e)
	case client.KindUnsupported:
		p.Status, p.Title, p.Text = http.StatusNotImplemented, "The service cannot do this", sentence(e.Message)
	case client.KindThrottled:
		return v.throttled(e)
	case client.KindUnavailable:
		return v.notDone(e, problem{
			Status: http.StatusServiceUnavailable, Title: "The service is not available", Wait: e.RetryAfter,
			Text: "The service that keeps the tokens answered that it cannot work right now.", Advice: "Try again in a minute.",
		})
	case client.KindTransport:
		return v.notDone(e, notReached(e))
	default:
		return v.notDone(e, problem{
			Status: http.StatusBadGateway, Title: "The service did not answer as it should",
			Text:   "The console asked the service that keeps the tokens, and did not understand the answer.",
			Advice: "Tell the administrators the reference. The address of the service in the console's configuration may be wrong.",
		})
	}
	return &p
}

// notAccepted tells those whom a new sign-in did not help.
func (v *visit) notAccepted(e *client.Error) *problem {
	if e.Status == 0 { // no access token was got, and nobody asked
		return v.notDone(e, *errSlow)
	}
	return &problem{
		Status: http.StatusForbidden, Title: "The service does not accept your sign-in",
		Text:      "You are signed in, but the service that keeps the tokens refused what the sign-in gave you, even after you signed in anew.",
		Advice:    "Use another account if you have one. Else tell the administrators the reference: the console's permissions for the service may be missing.",
		Reference: v.refer(e), Retry: v.signInAddress(false), RetryLabel: "Sign in again", OtherAccount: v.signInAddress(true),
	}
}

// throttled asks for patience: nothing was done.
func (v *visit) throttled(e *client.Error) *problem {
	wait := max(e.RetryAfter, time.Second).Round(time.Second)
	p := v.again(&problem{
		Status: http.StatusTooManyRequests, Title: "Too much at once", Wait: wait,
		Text:   "The service that keeps the tokens got more requests than it takes, and did nothing for this one.",
		Advice: "Wait a little and try again.",
	}, e)
	if e.RetryAfter > 0 {
		p.Advice = fmt.Sprintf("Wait %s and try again.", inWords(wait))
	}
	return p
}

// inWords is a time to wait: seconds up to two minutes, else minutes.
func inWords(wait time.Duration) string {
	if wait < 2*time.Minute {
		return count(int(wait/time.Second), "second")
	}
	return count(int((wait+time.Minute-1)/time.Minute), "minute")
}

func notReached(e *client.Error) problem {
	if errors.Is(e, context.DeadlineExceeded) {
		return problem{
			Status: http.StatusGatewayTimeout, Title: "The service did not answer in time",
			Text: "The console asked the service that keeps the tokens, and got no answer for too long.", Advice: "Try again in a minute.",
		}
	}
	return problem{
		Status: http.StatusBadGateway, Title: "The service cannot be reached",
		Text: "The console could not ask the service that keeps the tokens, or the connection broke before it answered.", Advice: "Try again in a minute.",
	}
}

// notDone tells of a call that was not answered well: for a change it says
// whether it can have happened, and lets it be sent again where that does no
// harm.
func (v *visit) notDone(e *client.Error, p problem) *problem {
	told := v.again(&p, e)
	switch {
	case e.Uncertain:
		told.Resend = nil
		told.Advice = "A token may have been made all the same, and its secret is lost. Look for it in your tokens and revoke it before you try again."
	case v.Method == http.MethodPost:
		told.Text += " What you asked for may have been done or not."
		told.Advice = "Sending it again does no harm, whichever it is."
	}
	return told
}

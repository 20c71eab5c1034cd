package console

import (
	"errors"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// Observation is what there is to measure of a request that was answered. Its
// words come from tables of this package, so that no browser can make up one.
type Observation struct {
	// Page is how the table of pages writes the path, such as
	// "/{organization}/tokens", and "none" for all that is no page.
	Page   string
	Status int
	Took   time.Duration
	// SignIn is how an attempt to sign in ended with the request: "signed_in", or
	// one of the words of outcomes; "" where none ended.
	SignIn string
}

// outcomes are how attempts to sign in end.
var outcomes = map[signin.Reason]string{
	signin.ReasonOther:             "other",
	signin.ReasonCancelled:         "cancelled",
	signin.ReasonAdminApproval:     "admin_approval",
	signin.ReasonConditionalAccess: "conditional_access",
	signin.ReasonAssignment:        "assignment",
	signin.ReasonCredential:        "credential",
	signin.ReasonRedirect:          "redirect",
	signin.ReasonInteraction:       "interaction",
	signin.ReasonForged:            "forged",
	signin.ReasonUnreachable:       "unreachable",
}

func (v *visit) observation() Observation {
	o := Observation{Page: v.route.path, Status: v.status, Took: time.Since(v.started), SignIn: v.outcome()}
	switch o.Page {
	case "/{$}":
		o.Page = "/"
	case "/":
		o.Page = "none"
	}
	return o
}

// outcome is how an attempt to sign in ended with this request.
func (v *visit) outcome() string {
	ends := v.route.path == v.console.RedirectPath
	if refusal, ok := errors.AsType[*signin.Error](v.err); ok && (ends || v.route.path == "/sign-in") {
		return outcomes[refusal.Reason]
	}
	switch {
	case !ends:
		return ""
	case v.err == nil:
		return "signed_in"
	case errors.Is(v.err, errStaleSignIn):
		return "stale"
	}
	return "failed"
}

package console

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/patrolhq/patrol/internal/console/signin"
)

// said is what the provider said when it did not sign somebody in.
type said struct {
	// Words are the provider's own, "" where it had none.
	Words string
	// Whom names those to send Message to.
	Whom    string
	Message code
}

// turnedAway is what a person is told whom the provider did not sign in.
type turnedAway struct {
	status              int
	title, text, advice string
	// whom names who can help, and request opens the message to them.
	whom, request string
}

const (
	administrators = "the administrators of your organization"
	operators      = "the people who run this console"
)

// turnedAwayFor is by reason. What is not here is as ReasonOther.
var turnedAwayFor = map[signin.Reason]turnedAway{
	signin.ReasonOther: {
		http.StatusBadGateway, "You could not be signed in",
		"The sign-in service did not sign you in, for a reason of its own that it states below.",
		"Try again, or use another account. If it stays, ask for help.",
		administrators, "I could not sign in to the console for personal access tokens.",
	},
	signin.ReasonCancelled: {
		http.StatusForbidden, "You are not signed in",
		"The sign-in was cancelled before it was done, or permission was not given.",
		"If you did not mean to cancel it, sign in again and accept what it asks for.",
		administrators, "I could not sign in to the console for personal access tokens: it was cancelled.",
	},
	signin.ReasonAdminApproval: {
		http.StatusForbidden, "An administrator has to approve this first",
		"Your organization lets people use this console only after an administrator has approved it for them. Nobody has done so yet.",
		"Send the message below to the administrators of your organization. Once they have approved, sign in again.",
		administrators, "Please approve the console for personal access tokens, so that I can sign in to it.",
	},
	signin.ReasonConditionalAccess: {
		http.StatusForbidden, "A policy of your organization does not let you in",
		"Conditional access decides from where, and with which devices and apps, you can sign in. This sign-in does not meet its rules.",
		"Try a device that your organization manages, or its network. If that is what you have, send the message below to its administrators.",
		administrators, "Conditional access does not let me sign in to the console for personal access tokens. Which of its rules do I not meet?",
	},
	signin.ReasonAssignment: {
		http.StatusForbidden, "You are not among those who may use this",
		"Your organization lets only people use this console who are assigned to it, and you are not.",
		"Send the message below to the administrators of your organization, or use another account.",
		administrators, "Please assign me to the console for personal access tokens, so that I can sign in to it.",
	},
	signin.ReasonCredential: {
		http.StatusInternalServerError, "The console cannot sign anybody in",
		"The sign-in service does not accept the credential by which it knows this console. It is not your fault, and you cannot mend it.",
		"Send the message below to the people who run this console: they have to look at its secret or certificate.",
		operators, "The console for personal access tokens cannot sign anybody in: the sign-in service does not accept its client secret or certificate. Please give it a valid one.",
	},
	signin.ReasonRedirect: {
		http.StatusInternalServerError, "The console cannot sign anybody in",
		"The sign-in service does not know the address that it should send you back to. It is not your fault, and you cannot mend it.",
		"Send the message below to the people who run this console: they have to register the address.",
		operators, "The console for personal access tokens cannot sign anybody in: its redirect address is not registered. Please register the one below.",
	},
	signin.ReasonInteraction: {
		http.StatusForbidden, "The sign-in service asks for more",
		"You signed in, and the sign-in service still wants something of you, such as another proof that it is you.",
		"Sign in again and do what it asks for, or use another account.",
		administrators, "I cannot finish signing in to the console for personal access tokens: each time the sign-in service asks for more.",
	},
	signin.ReasonForged: {
		http.StatusBadRequest, "This sign-in is not valid",
		"What came back from the sign-in service does not belong to the sign-in that your browser began, or did not come from there. To be safe it was not accepted.",
		"Sign in again from here. If it happens each time, tell the people who run this console.",
		operators, "Signing in to the console for personal access tokens fails: what comes back from the sign-in service is not accepted.",
	},
	signin.ReasonUnreachable: {
		http.StatusServiceUnavailable, "The sign-in service does not answer",
		"The console could not reach the sign-in service, or got no answer that makes sense. It is not your fault.",
		"Try again in a minute. If it stays, tell the people who run this console.",
		operators, "The console for personal access tokens cannot reach the sign-in service.",
	},
}

// expiredSecret is for the refusal that operators meet most often.
var expiredSecret = turnedAway{
	http.StatusInternalServerError, "The console cannot sign anybody in",
	"The client secret by which the sign-in service knows this console has expired. It is not your fault, and you cannot mend it.",
	"Send the message below to the people who run this console: they have to give it a new secret.",
	operators, "The console for personal access tokens cannot sign anybody in: its client secret has expired. Please give it a new one.",
}

// unexplained is the text of ReasonOther where the provider said nothing.
const unexplained = "Signing in failed, and the sign-in service did not say why."

// describeSignIn is what a person is told whom the provider did not sign in.
func (v *visit) describeSignIn(e *signin.Error) *problem {
	told, ok := turnedAwayFor[e.Reason]
	if !ok {
		told = turnedAwayFor[signin.ReasonOther]
	}
	if (!ok || e.Reason == signin.ReasonOther) && e.Description == "" {
		told.text = unexplained
	}
	if e.Code == "AADSTS7000222" {
		told = expiredSecret
	}
	level := slog.LevelInfo
	if told.whom == operators { // have to mend something
		level = slog.LevelError
	}
	p := &problem{
		Status: told.status, Title: told.title, Text: told.text, Advice: told.advice, Reference: v.referAt(level, e),
		Retry: v.signInAddress(false), RetryLabel: "Sign in again", OtherAccount: v.signInAddress(true),
	}
	p.Said = &said{
		Words: e.Description, Whom: told.whom,
		Message: code{ID: "message", Label: "the message", Text: v.message(told.request, e, p.Reference), Wraps: true},
	}
	if e.Reason == signin.ReasonUnreachable && v.route.access >= signedIn { // in the middle of a visit
		p.Retry, p.RetryLabel, p.OtherAccount = "", "", ""
		return v.again(p, e)
	}
	return p
}

// message is what to send to those who can help.
func (v *visit) message(request string, e *signin.Error, reference string) string {
	application := v.console.Provider.Application()
	var b strings.Builder
	b.WriteString(request + "\n\n")
	for _, line := range []struct{ name, value string }{
		{"Console", v.console.PublicURL},
		{"Application (client) ID", application.ID},
		{"Approve it at", only(e.Reason == signin.ReasonAdminApproval, application.ConsentURL)},
		{"Redirect address", only(e.Reason == signin.ReasonRedirect, application.RedirectURI)},
		{"Error", e.Code},
		{"Detail", e.Suberror},
		{"Trace ID", e.TraceID},
		{"Correlation ID", e.CorrelationID},
		{"Reference in the console's log", reference},
		{"Time", v.console.Now().UTC().Format(time.RFC3339)},
	} {
		if line.value != "" {
			b.WriteString(line.name + ": " + line.value + "\n")
		}
	}
	return b.String()
}

func only(wanted bool, value string) string {
	if wanted {
		return value
	}
	return ""
}

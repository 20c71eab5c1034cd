package signin

// Reason is what a page is chosen by.
type Reason int

// Reasons of errors.
const (
	ReasonOther             Reason = iota
	ReasonCancelled                // the person declined
	ReasonAdminApproval            // an administrator has to consent first
	ReasonConditionalAccess        // a policy of their organization keeps them out
	ReasonAssignment               // they are not assigned to the application
	ReasonCredential               // the application's own secret or certificate is refused
	ReasonRedirect                 // the redirect address is not registered
	ReasonInteraction              // the person has to sign in again, with Claims where there are any
	ReasonForged                   // the answer does not belong to this attempt, or is not the provider's
	ReasonUnreachable              // the provider does not answer
)

// Error is every error of a Provider. None of its fields holds a secret, and
// each is one line of plain text that anyone at the provider, or in front of
// the browser, can have written.
type Error struct {
	Reason        Reason
	Code          string // such as AADSTS53003, or access_denied where there is no such number
	Description   string // in the provider's words
	TraceID       string // for the administrator of the provider, as are the next
	CorrelationID string
	Claims        string // a challenge to satisfy at the next attempt
	Err           error  // what went wrong, without anything of the provider's answer
}

// Error says what went wrong, for a log.
func (e *Error) Error() string {
	text := "signing in"
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Code != "" {
		text += ": the provider answered " + e.Code
	}
	return text
}

// Unwrap returns the error of this side.
func (e *Error) Unwrap() error { return e.Err }

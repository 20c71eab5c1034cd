package client

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what went wrong as far as a program must know to go on.
type Kind string

// The kinds of [Error].
const (
	// KindRefusal: the service understood and said no. Code is a
	// patTokenError; Status is 200, because refusals travel as answers.
	KindRefusal Kind = "refusal"
	// KindPolicy is a refusal by a policy of the tenant or organization, which
	// its administrators can change.
	KindPolicy Kind = "policy"
	// KindAuthentication: the access token is missing, not accepted or short
	// of scope. A sign-in page in place of an answer counts: status 203, HTML
	// or a redirect.
	KindAuthentication Kind = "authentication"
	// KindForbidden: the user is known, and may not (403).
	KindForbidden Kind = "forbidden"
	// KindNotFound: no such token, organization or API (404, or a refusal
	// that says so).
	KindNotFound Kind = "notFound"
	// KindUnsupported: the service lacks the call, which is one of those that
	// Patrol adds to the API of Azure DevOps. Programs go on without it.
	KindUnsupported Kind = "unsupported"
	// KindThrottled: too many requests (429), still after the retries.
	KindThrottled Kind = "throttled"
	// KindUnavailable: the service failed (5xx), still after the retries.
	KindUnavailable Kind = "unavailable"
	// KindTransport: no whole answer came: refused or broken connections,
	// timeouts, a context that ended.
	KindTransport Kind = "transport"
	// KindProtocol: an answer came that this API does not give. Is BaseURL
	// right?
	KindProtocol Kind = "protocol"
	// KindRequest: the request makes no sense: an empty id or a bad BaseURL,
	// found before sending (Status 0), or what the service calls malformed
	// (400 and the like).
	KindRequest Kind = "request"
)

// Error is what went wrong in a call. It never holds an access token or the
// secret of a PAT.
type Error struct {
	Kind Kind
	// Status is the HTTP status of the answer; 0 where none came.
	Status int
	// Code is the machine's word: a patTokenError of a refusal, such as
	// "fullScopePatPolicyViolation", or the typeKey of an HTTP error, such as
	// "UnauthorizedRequestException". It may be empty.
	Code string
	// Message is a sentence for people, the service's own where it sent one.
	Message string
	// ActivityID finds the request in the service's logs; it may be empty.
	ActivityID string
	// RetryAfter is how long the service asked to wait, 24 hours at most; 0
	// where it did not.
	RetryAfter time.Duration
	// Uncertain marks a creation that may have happened all the same. List
	// the tokens and look for the name before another try.
	Uncertain bool
	// Claims is set where the service did not accept the access token because
	// of what happened since it was issued (continuous access evaluation): the
	// JSON object to name as the claims when the user signs in again. A token
	// that was got without them fares no better. It is no text for people.
	Claims string
	// Err is the cause, where there is one besides the answer.
	Err error
}

// Error is the message with what support asks for in parentheses.
func (e *Error) Error() string {
	var details []string
	switch {
	case e.Code != "" && !strings.Contains(e.Message, e.Code):
		details = append(details, e.Code)
	case e.Code == "" && e.Status != 0:
		details = append(details, fmt.Sprintf("status %d", e.Status))
	}
	if e.ActivityID != "" && !strings.Contains(e.Message, e.ActivityID) {
		details = append(details, "activity "+e.ActivityID)
	}
	if len(details) == 0 {
		return e.Message
	}
	return e.Message + " (" + strings.Join(details, ", ") + ")"
}

// Unwrap returns Err, so that errors.Is finds context.Canceled.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first [*Error] in err's tree; empty where
// there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// unsendable is a request that was never sent because it makes no sense.
func unsendable(message string, cause error) *Error {
	if cause != nil {
		message += ": " + cause.Error()
	}
	return &Error{Kind: KindRequest, Message: message, Err: cause}
}

// doubt marks err, the failure of a creation, where the token may exist all
// the same.
func doubt(err error, sent bool, name string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || !sent {
		return err
	}
	switch e.Kind {
	case KindTransport, KindUnavailable:
	case KindProtocol:
		if e.Status < 200 || e.Status > 299 {
			return err
		}
	default:
		return err
	}
	e.Uncertain = true
	e.Message += fmt.Sprintf("; the token may exist all the same: list your tokens, look for %q, and revoke it before another try", name)
	return err
}

package patauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Kind says why a request is not let through.
type Kind string

// The kinds of [Error].
const (
	// KindMissing: no PAT came, or not in a form that counts (401).
	KindMissing Kind = "missing"
	// KindInvalid: the PAT is unknown, expired, revoked, or noise; nobody is
	// told which (401).
	KindInvalid Kind = "invalid"
	// KindForbidden: the PAT is good, but does not grant the scopes in the
	// organization (403).
	KindForbidden Kind = "forbidden"
	// KindUnavailable: Patrol could not say, or what answered was not Patrol
	// (503). Message is for the service's operator, and tells why.
	KindUnavailable Kind = "unavailable"
)

// Error is why a PAT was not accepted. It never holds one.
type Error struct {
	Kind Kind
	// Message is a sentence for people.
	Message string
	// RetryAfter is when to try again, of KindUnavailable only: as Patrol
	// asked, up to a minute, or a few seconds.
	RetryAfter time.Duration
	// Err is the cause of KindUnavailable where it is the context's, the
	// network's, or a certificate's.
	Err error
}

func (e *Error) Error() string { return e.Message }

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

func noToken() *Error {
	return &Error{Kind: KindMissing, Message: "a personal access token is needed: send it as the password, with any user name, or as a Bearer token"}
}

func deadToken() *Error {
	return &Error{Kind: KindInvalid, Message: "the personal access token is not valid: it has expired, was revoked, or was not copied whole; create another"}
}

func (a *Authenticator) forbidden(scopes []string) *Error {
	needed := "a token"
	if len(scopes) > 0 {
		needed += " with scope " + strings.Join(scopes, " and ")
	}
	if a.demanded {
		needed += " for organization " + strconv.Quote(a.organization)
	}
	return &Error{Kind: KindForbidden, Message: "the personal access token is valid, but not for this: " + needed + " is needed"}
}

// The waits that are asked of callers while Patrol cannot say.
const (
	defaultRetry = 3 * time.Second
	maxRetry     = time.Minute
)

func unavailable(message string) *Error {
	return &Error{Kind: KindUnavailable, Message: "asking Patrol about a token: " + message, RetryAfter: defaultRetry}
}

// unexpectedStatus is the error of an answer that is no success: 203 and
// redirects lead to sign-in pages, and others are no answers at all.
func unexpectedStatus(response *http.Response) *Error {
	message := "it answers status " + strconv.Itoa(response.StatusCode)
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		message = "it does not accept ClientID and ClientSecret"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		message += "; check that IntrospectionURL is Patrol's"
	case status >= 300 && status <= 399:
		message += ", and redirects are not followed; set IntrospectionURL to where Patrol is"
	}
	e := unavailable(message)
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.RetryAfter = min(time.Duration(min(seconds, 3600))*time.Second, maxRetry)
	}
	return e
}

// noAnswer is the error of a question without a whole answer.
func noAnswer(err error) *Error {
	message, cause := reason(err)
	e := unavailable(message)
	e.Err = cause
	return e
}

// reason is what may be told of err, and what of it may be passed on. Only
// known kinds are: others quote what came over the connection, and that may be
// the PAT, sent back.
func reason(err error) (message string, cause error) {
	timeout, isTimeout := errors.AsType[net.Error](err)
	network, isNetwork := errors.AsType[*net.OpError](err)
	certificate, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return "the request was given up", context.Canceled
	case errors.Is(err, context.DeadlineExceeded), isTimeout && timeout.Timeout():
		return "no answer in time", context.DeadlineExceeded
	case isNetwork:
		return network.Error(), network
	case isCertificate:
		return certificate.Error(), certificate
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection ended before the answer did", nil
	}
	return "there is no answer that can be read", nil
}

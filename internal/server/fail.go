package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// problem is a protocol error: a request that never reached the domain.
type problem struct {
	status  int
	typeKey string
	// message says what is wrong and what to do.
	message string
	// allow is the Allow header of a 405.
	allow string
}

func (p *problem) Error() string { return p.message }

var errNoRoute = &problem{
	status: http.StatusNotFound, typeKey: "VssResourceNotFoundException",
	message: "There is nothing at this path: the tokens of an organization are at /{organization}/_apis/tokens/pats.",
}

func badRequest(typeKey, format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, typeKey: typeKey, message: fmt.Sprintf(format, args...)}
}

// statusClientGone is what the log shows for a request whose client hung up.
const statusClientGone = 499

// answer is how a refusal of the domain leaves as an HTTP error. A refusal
// with status 200 leaves as a patTokenError where the resource has one.
type answer struct {
	status  int
	typeKey string
}

// answers has a row for every code of the domain.
var answers = map[pat.Code]answer{
	pat.CodeDisplayNameRequired:    {http.StatusBadRequest, "DisplayNameRequiredException"},
	pat.CodeInvalidDisplayName:     {http.StatusBadRequest, "InvalidDisplayNameException"},
	pat.CodeInvalidValidTo:         {http.StatusBadRequest, "InvalidValidToException"},
	pat.CodeInvalidScope:           {http.StatusBadRequest, "InvalidScopeException"},
	pat.CodeInvalidAuthorizationID: {http.StatusBadRequest, "InvalidAuthorizationIdException"},
	pat.CodeTokenNotFound:          {http.StatusNotFound, "TokenNotFoundException"},
	pat.CodeInvalidToken:           {http.StatusConflict, "InvalidTokenException"},
	pat.CodeTenantPolicyUnreadable: {http.StatusServiceUnavailable, "FailedToReadTenantPolicyException"},
	pat.CodeGlobalPolicy:           {http.StatusForbidden, "GlobalPatPolicyViolationException"},
	pat.CodeFullScopePolicy:        {http.StatusForbidden, "FullScopePatPolicyViolationException"},
	pat.CodeCreationPolicy:         {http.StatusForbidden, "DisablePatCreationPolicyViolationException"},
	pat.CodeGlobalBlocked:          {http.StatusForbidden, "GlobalPatCreationBlockedException"},
	pat.CodeExpired:                {http.StatusConflict, "ExpiredPatCannotBeExtendedException"},
	pat.CodeStalePage:              {http.StatusBadRequest, "InvalidContinuationTokenException"},
	pat.CodeUnauthenticated:        {http.StatusUnauthorized, "UnauthorizedRequestException"},
	pat.CodeServicePrincipal:       {http.StatusForbidden, "InvalidAccessException"},
	pat.CodePermissionMissing:      {http.StatusUnauthorized, "InvalidIdentityException"},
}

// ofCaller are the refusals of who calls and how. They leave with their status
// everywhere; all others are results where the resource has results.
var ofCaller = map[pat.Code]bool{
	pat.CodeStalePage: true, pat.CodeUnauthenticated: true, pat.CodeServicePrincipal: true, pat.CodePermissionMissing: true,
}

// fail turns an error into the response, whatever the error is. A refusal of
// the domain or a protocol error tells the client why; of anything else it
// learns the activity id only, and the log has the rest.
func (s *Server) fail(c *call, err error) {
	if c.status != 0 {
		s.Log.Error("failed after the answer began", "activity", c.activity, "error", err)
		return
	}
	refusal, refused := errors.AsType[*pat.Error](err)
	protocol, broken := errors.AsType[*problem](err)
	switch {
	case errors.Is(err, context.Canceled) && !errors.Is(err, pat.ErrUnknown):
		c.envelope(statusClientGone, "OperationCanceledException", "The client went away.")
	case refused && c.hasResult() && !ofCaller[refusal.Code]:
		if refusal.Code == pat.CodeTenantPolicyUnreadable {
			s.Log.Error("request failed", "activity", c.activity, "error", err)
		}
		_ = c.replyResult(nil, refusal) // a refusal always encodes
	case refused && answers[refusal.Code].status != 0:
		a := answers[refusal.Code]
		if a.status == http.StatusUnauthorized {
			s.challenge(c, refusal)
		}
		c.envelope(a.status, a.typeKey, refusal.Message)
	case broken:
		if protocol.allow != "" {
			c.w.Header().Set("Allow", protocol.allow)
		}
		if protocol.status == http.StatusUnauthorized {
			s.challenge(c, protocol)
		}
		c.envelope(protocol.status, protocol.typeKey, protocol.message)
	default:
		s.failInside(c, err)
	}
}

// failInside answers an error that is not the client's doing.
func (s *Server) failInside(c *call, err error) {
	s.Log.Error("request failed", "activity", c.activity, "route", c.routeName(), "error", err)
	switch {
	case errors.Is(err, pat.ErrUnknown):
		c.w.Header().Set("Retry-After", "1")
		c.envelope(http.StatusServiceUnavailable, "OutcomeUnknownException",
			"It is not known whether the change was made: list your tokens before you try again.")
	case errors.Is(err, pat.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		c.w.Header().Set("Retry-After", "1")
		c.envelope(http.StatusServiceUnavailable, "ServiceUnavailableException",
			"The service cannot answer now: try again in a moment.")
	default:
		c.envelope(http.StatusInternalServerError, "InternalErrorException", c.internalError())
	}
}

// internalError is the message of an error that stays inside.
func (c *call) internalError() string {
	return fmt.Sprintf("TF400898: An Internal Error Occurred. Activity Id: %s.", c.activity)
}

// typeNames are the full names of the types whose clients have seen them.
var typeNames = map[string]string{
	"JsonReaderException": "Newtonsoft.Json.JsonReaderException, Newtonsoft.Json",
}

// envelope sends the body of every HTTP error.
func (c *call) envelope(status int, typeKey, message string) {
	body := api.Error{ID: "1", Message: message, TypeKey: typeKey, TypeName: typeNames[typeKey], EventID: 3000}
	if body.TypeName == "" {
		body.TypeName = fmt.Sprintf("Microsoft.TeamFoundation.Framework.Server.%s, Microsoft.TeamFoundation.Framework.Server", typeKey)
	} else {
		body.EventID = 0
	}
	c.version = version{}
	_ = c.reply(status, body) // an envelope always encodes
}

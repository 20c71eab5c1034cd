package pat

import "errors"

// Error is a refusal: something the domain will not do, for a reason that the
// caller may know. Any other error is a fault.
type Error struct {
	Code Code
	// Message says what is wrong and what to do. It never holds a secret.
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(code Code, message string) error { return &Error{Code: code, Message: message} }

// CodeOf is the code of the refusal in err's chain, or "" where there is none.
func CodeOf(err error) Code {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal.Code
	}
	return ""
}

// ErrUnknown means that a write may or may not have happened: its commit did
// not answer. Reading, or repeating a call that may be repeated, tells.
var ErrUnknown = errors.New("the outcome of the change is unknown: look before trying again")

// Code names a kind of refusal.
type Code string

// The refusals that the Azure DevOps API has a word for (SessionTokenError).
const (
	CodeDisplayNameRequired    Code = "displayNameRequired"
	CodeInvalidDisplayName     Code = "invalidDisplayName"
	CodeInvalidValidTo         Code = "invalidValidTo"
	CodeInvalidScope           Code = "invalidScope"
	CodeInvalidAuthorizationID Code = "invalidAuthorizationId"
	CodeTokenNotFound          Code = "tokenNotFound"
	CodeInvalidToken           Code = "invalidToken"
	CodeTenantPolicyUnreadable Code = "failedToReadTenantPolicy"
	CodeGlobalPolicy           Code = "globalPatPolicyViolation"
	CodeFullScopePolicy        Code = "fullScopePatPolicyViolation"
	CodeCreationPolicy         Code = "disablePatCreationPolicyViolation"
	CodeGlobalBlocked          Code = "globalPATCreationBlocked"
	CodeExpired                Code = "expiredPatCannotBeExtended"
)

// ErrUnavailable means that something the service needs does not answer now,
// such as the issuer's key set or the database. Trying again later may help.
var ErrUnavailable = errors.New("the service cannot answer now: try again in a moment")

// The refusals of callers and of how they ask, which the API answers with a
// status of their own.
const (
	// CodeStalePage refuses to go on with a list that began too long ago.
	CodeStalePage Code = "stalePage"
	// CodeUnauthenticated refuses a credential: none, broken, expired, of
	// another issuer, or of a kind that is not accepted here.
	CodeUnauthenticated   Code = "unauthenticated"
	CodeServicePrincipal  Code = "servicePrincipal"
	CodePermissionMissing Code = "permissionMissing"
)

// Codes lists every code.
func Codes() []Code {
	return []Code{
		CodeDisplayNameRequired, CodeInvalidDisplayName, CodeInvalidValidTo, CodeInvalidScope,
		CodeInvalidAuthorizationID, CodeTokenNotFound, CodeInvalidToken, CodeTenantPolicyUnreadable,
		CodeGlobalPolicy, CodeFullScopePolicy, CodeCreationPolicy, CodeGlobalBlocked, CodeExpired,
		CodeStalePage, CodeUnauthenticated, CodeServicePrincipal, CodePermissionMissing,
	}
}

// NotFound is the refusal of a token that does not exist or is not the
// caller's; the two are never told apart.
func NotFound() error {
	return refuse(CodeTokenNotFound, "no such token here: list your tokens of this organization to find its authorizationId")
}

package client

import (
	"cmp"

	"github.com/patrolhq/patrol/api"
)

// refused is the error in a result; nil where it is none.
func (a answer) refused(result api.PatTokenResult) *Error {
	code := result.PatTokenError
	if code == "" || code == api.ErrorNone {
		return nil
	}
	var said string
	if result.PatTokenErrorMessage != nil {
		said = string(*result.PatTokenErrorMessage)
	}
	kind, message := reason(code)
	e := a.fail(kind, cmp.Or(a.clean(said), message))
	e.Code = a.clean(string(code))
	return e
}

// reason is what a patTokenError stands for. The sentences are for services
// that send none, as all do before version 7.2 of the API.
func reason(code api.SessionTokenError) (Kind, string) {
	switch code {
	case "tokenNotFound", "authorizationNotFound", "hostAuthorizationNotFound":
		return KindNotFound, "you have no such token; check its id"
	case "globalPatPolicyViolation":
		return KindPolicy, "a policy restricts tokens for all organizations; create one for this organization"
	case "globalPATCreationBlocked":
		return KindPolicy, "tokens for all organizations can no longer be created; create one for this organization"
	case "fullScopePatPolicyViolation":
		return KindPolicy, "a policy restricts tokens with full access; name the scopes that you need"
	case "patLifespanPolicyViolation":
		return KindPolicy, "a policy limits how long tokens last; ask for an earlier end"
	case "disablePatCreationPolicyViolation":
		return KindPolicy, "a policy of the organization restricts who creates tokens; ask an administrator"
	case "sshPolicyDisabled":
		return KindPolicy, "a policy of the organization disables SSH"
	case "displayNameRequired", "invalidDisplayName":
		return KindRefusal, "the token needs a valid name"
	case "invalidValidTo":
		return KindRefusal, "the token's end is in the past or too far away"
	case "invalidScope":
		return KindRefusal, "the scope is empty, or not one that can be granted"
	case "invalidAuthorizationId":
		return KindRefusal, "the token's id is not valid"
	case "invalidToken", "failedToUpdateAccessToken":
		return KindRefusal, "the token cannot be changed; it may be revoked"
	case "expiredPatCannotBeExtended":
		return KindRefusal, "the token has expired and cannot be extended; create another"
	case "accessDenied", "invalidUserType":
		return KindRefusal, "you may not do this; an administrator of the organization can tell why"
	case "failedToReadTenantPolicy", "failedToReadOrgPolicy":
		return KindRefusal, "the service could not read its policies; try again later"
	}
	return KindRefusal, "the service refused the request"
}

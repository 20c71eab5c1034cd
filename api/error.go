package api

import (
	"fmt"
	"slices"
	"strconv"
)

// SessionTokenError is the type of patTokenError.
type SessionTokenError string

// ErrorNone is the SessionTokenError of a success.
const ErrorNone SessionTokenError = "none"

// sessionTokenErrors is the whole enum of version 7.2; a value's place is its
// number. Earlier versions know fewer, but their clients treat it as text.
var sessionTokenErrors = [...]SessionTokenError{
	ErrorNone, "displayNameRequired", "invalidDisplayName", "invalidValidTo", "invalidScope",
	"userIdRequired", "invalidUserId", "invalidUserType", "accessDenied", "failedToIssueAccessToken",
	"invalidClient", "invalidClientType", "invalidClientId", "invalidTargetAccounts",
	"hostAuthorizationNotFound", "authorizationNotFound", "failedToUpdateAccessToken",
	"sourceNotSupported", "invalidSourceIP", "invalidSource", "duplicateHash", "sshPolicyDisabled",
	"invalidToken", "tokenNotFound", "invalidAuthorizationId", "failedToReadTenantPolicy",
	"globalPatPolicyViolation", "fullScopePatPolicyViolation", "patLifespanPolicyViolation",
	"invalidTokenType", "invalidAudience", "invalidSubject", "deploymentHostNotSupported",
	"disablePatCreationPolicyViolation", "failedToReadOrgPolicy", "globalPATCreationBlocked",
	"expiredPatCannotBeExtended",
}

// Number is e's place in the enum, for clients that ask for enumsAsNumbers;
// -1 where e is not part of it.
func (e SessionTokenError) Number() int { return slices.Index(sessionTokenErrors[:], e) }

// UnmarshalJSON reads the name or the number.
func (e *SessionTokenError) UnmarshalJSON(data []byte) error {
	text := string(data)
	if number, err := strconv.Atoi(text); err == nil {
		if number < 0 || number >= len(sessionTokenErrors) {
			return fmt.Errorf("unknown patTokenError %d", number)
		}
		*e = sessionTokenErrors[number]
		return nil
	}
	name, err := strconv.Unquote(text)
	if err != nil {
		return fmt.Errorf("patTokenError must be a string or a number")
	}
	*e = SessionTokenError(name)
	return nil
}

// Error is the envelope of every answer that is an HTTP error.
type Error struct {
	ID             string  `json:"$id"`
	InnerException *string `json:"innerException"`
	Message        string  `json:"message"`
	TypeName       string  `json:"typeName"`
	// TypeKey is the short name of the error's type: what clients match on.
	TypeKey   string `json:"typeKey"`
	ErrorCode int    `json:"errorCode"`
	EventID   int    `json:"eventId"`
}

package pat

import (
	"encoding/base64"
	"slices"
)

// Actor is whoever an access token speaks for.
type Actor struct {
	// ID is the object id in Microsoft Entra, or a UUID derived from issuer
	// and subject for any other issuer. It owns tokens.
	ID UUID
	// Tenant is the directory that ID belongs to.
	Tenant UUID
	// Name is for people, Username is the sign-in name (UPN). Both may be
	// empty and neither decides anything.
	Name, Username string
	// Application is true for a service principal or managed identity: an
	// access token without a user behind it.
	Application bool
	// Permissions are what the access token was delegated.
	Permissions Permission
	// Groups are object ids, Roles application roles, as the issuer states
	// them.
	Groups, Roles []string
}

// Permission is a set of delegated permissions on the lifecycle API.
type Permission uint8

// The delegated permissions. In Microsoft Entra, user_impersonation and
// vso.pats_manage grant both, vso.pats the first.
const (
	ReadTokens Permission = 1 << iota
	ManageTokens
)

// Descriptor is the subject descriptor by which the Azure DevOps APIs name a
// user: "aad." and 48 characters of base64.
func (a Actor) Descriptor() string {
	return "aad." + base64.RawStdEncoding.EncodeToString([]byte(a.ID.String()))
}

// may refuses an actor that is no user or was not delegated p.
func (a Actor) may(p Permission) error {
	switch {
	case a.Application:
		return refuse(CodeServicePrincipal, "Service principals are not allowed to perform this action.")
	case a.Permissions&p == 0 && p == ManageTokens:
		return refuse(CodePermissionMissing, "the access token may only read: sign in again and ask for user_impersonation or vso.pats_manage")
	case a.Permissions&p == 0:
		return refuse(CodePermissionMissing, "the access token lacks permission: sign in again and ask for user_impersonation, vso.pats or vso.pats_manage")
	}
	return nil
}

// listed reports whether a or one of its groups is among objects, which are
// object ids in lower case or the names that an issuer gives its groups.
func (a Actor) listed(objects []string) bool {
	return slices.Contains(objects, a.ID.String()) ||
		slices.ContainsFunc(a.Groups, func(group string) bool { return slices.Contains(objects, group) })
}

// Origin is where a request came from, for the audit log.
type Origin struct {
	// Activity identifies the request in answers and logs.
	Activity UUID
	// Address is the client's IP address, UserAgent what it calls itself.
	Address, UserAgent string
}

// Caller is an actor at work: who, in which organization, from where.
type Caller struct {
	Actor
	Organization Organization
	Origin       Origin
}

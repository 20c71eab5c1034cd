package identity

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/patrolhq/patrol/internal/pat"
)

// maxSubject is the length that OpenID Connect Core section 2 allows a
// subject.
const maxSubject = 255

// actor makes an actor of verified claims.
func (t *trust) actor(c *claims) (pat.Actor, error) {
	actor := pat.Actor{
		Tenant:      t.tenant,
		Name:        c.Name,
		Username:    cmp.Or(c.PreferredUsername, c.UPN, c.UniqueName, c.Email),
		Permissions: t.permissions(c),
		Groups:      texts(c.Groups),
		Roles:       texts(c.Roles),
	}
	if c.groupsOmitted() {
		actor.Groups = nil
	}
	var err error
	if t.version == "" {
		actor.Application = c.isClient()
		actor.ID, err = t.subjectID(c)
	} else {
		actor.Application = c.isEntraApplication()
		actor.ID, err = t.objectID(c)
	}
	if err != nil {
		return pat.Actor{}, err
	}
	return actor, nil
}

// objectID is the id of an Entra token's user, if the token is of the version
// and tenant that its issuer stands for.
func (t *trust) objectID(c *claims) (pat.UUID, error) {
	if c.Version != t.version {
		return pat.UUID{}, refuse("the access token's version does not belong to its issuer: sign in again")
	}
	if tenant, err := pat.ParseUUID(c.Tenant); err != nil || tenant != t.tenant {
		return pat.UUID{}, refuse("the access token's tenant does not belong to its issuer: sign in again")
	}
	id, err := pat.ParseUUID(c.ObjectID)
	if err != nil || id.IsZero() {
		return pat.UUID{}, refuse("the access token does not say whose it is: sign in with an account that has an object id in the tenant")
	}
	return id, nil
}

// subjectID derives an id for a subject, which only its issuer tells apart
// from others. An oid claim means nothing outside Entra. Subjects that JSON
// cannot carry are refused: decoding makes the same text of different ones.
func (t *trust) subjectID(c *claims) (pat.UUID, error) {
	if c.Subject == "" || len(c.Subject) > maxSubject || strings.ContainsRune(c.Subject, utf8.RuneError) {
		return pat.UUID{}, refuse("the access token does not say whose it is: ask the operator of the issuer for a sub claim of 1 to 255 characters")
	}
	return pat.HashUUID(t.issuer, c.Subject), nil
}

// permissions adds up what the token was delegated. Scope names may be
// preceded by the audience and a slash, as they are asked for.
func (t *trust) permissions(c *claims) pat.Permission {
	names := words(c.SCP)
	if t.version == "" {
		names = append(names, words(c.Scope)...)
	}
	var granted pat.Permission
	for _, name := range names {
		granted |= t.scopes[name]
		for _, audience := range t.audiences {
			if short, ok := strings.CutPrefix(name, strings.TrimSuffix(audience, "/")+"/"); ok {
				granted |= t.scopes[short]
			}
		}
	}
	return granted
}

// isEntraApplication reports whether no user is behind an Entra token. idtyp
// is an optional claim; where it is absent, users are known by delegated
// scopes, which applications never have.
func (c *claims) isEntraApplication() bool {
	if c.IdentityType != "" {
		return c.IdentityType != "user"
	}
	return len(words(c.SCP)) == 0
}

// isClient reports whether the token of any other issuer was got by a client
// for itself: by the rule of RFC 9068 section 2.2 that the subject is the
// client then, or by the marks of Auth0 and
// Keycloak, which writes user names in lower case.
func (c *claims) isClient() bool {
	for _, client := range []string{c.ClientID, c.AuthorizedParty, c.OktaClientID} {
		if client != "" && (c.Subject == client || strings.EqualFold(c.PreferredUsername, "service-account-"+client)) {
			return true
		}
	}
	return c.GrantType == "client-credentials" || c.IdentityType == "app"
}

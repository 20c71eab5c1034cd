package patauth

import (
	"context"
	"time"
)

// Identity is whose token came with a request.
type Identity struct {
	// Subject is the object id of the token's owner: the one name that never
	// changes and is never given to another.
	Subject string
	// Username is the owner's user principal name, for people to read.
	Username string
	// Organization is the name of the one for which the token was judged: the
	// one asked for, or else the one where the token is managed.
	Organization string
	// Tenant is the id of the owner's.
	Tenant string
	// Scopes are those of the token, as it was made. Each grants what it
	// includes, so do not look for one here: ask for it.
	Scopes []string
	// AuthorizationID is the token's id: what to write into logs, and what an
	// administrator needs to revoke it.
	AuthorizationID string
	// Issued and Expires are when the token was made and when it ends.
	Issued, Expires time.Time
}

type identityKey struct{}

// FromContext is the identity in the context of a request behind
// [Authenticator.Require]; ok is false elsewhere.
func FromContext(ctx context.Context) (identity Identity, ok bool) {
	identity, ok = ctx.Value(identityKey{}).(Identity)
	return identity, ok
}

// NewContext is ctx with an identity for [FromContext]. The middleware does
// this; tests of handlers may.
func NewContext(ctx context.Context, identity Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, identity)
}

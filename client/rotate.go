package client

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/patrolhq/patrol/api"
)

// RotateOptions say in what the new token differs from the old one.
type RotateOptions struct {
	// ValidTo is when the new token ends; nil gives it the time that the old
	// one had from its creation to its end, counted from now.
	ValidTo *api.Time
	// DisplayName and Scope are the old token's where nil.
	DisplayName, Scope *string
	// KeepOld leaves the old token in force, for the caller to revoke once
	// nothing uses it any more.
	KeepOld bool
}

// cleanupTimeout bounds the revocation of a new token that was not kept.
const cleanupTimeout = 30 * time.Second

// Rotate replaces a token: it creates one like it, hands it to keep, and
// revokes the old one only after keep returned nil. keep stores the secret
// where it is used; it must be done with that when it returns.
//
// At each moment one token works and is known to the caller:
//   - An error before or in the creation leaves the old token as it was. See
//     Error.Uncertain.
//   - When keep fails, Rotate revokes the new token, even if ctx has ended, and
//     returns keep's error, joined by that of the revocation if it failed too.
//     The old token is as it was.
//   - When revoking the old token fails, Rotate returns the new token, which is
//     kept and works, together with an error that has the old one's id. Only
//     then are token and error both set.
//
// A revoked token is refused with [KindRefusal], for whoever revoked it did not
// want it back; what it takes to know is told at [Client.State]. An expired
// token may be rotated.
func (c *Client) Rotate(ctx context.Context, authorizationID string, o RotateOptions, keep func(context.Context, api.PatToken) error) (api.PatToken, error) {
	if keep == nil {
		return api.PatToken{}, unsendable("rotation needs a function that keeps the new token", nil)
	}
	old, err := c.rotatable(ctx, authorizationID)
	if err != nil {
		return api.PatToken{}, err
	}
	fresh, err := c.Create(ctx, o.successor(old, time.Now()))
	if err != nil {
		return api.PatToken{}, fmt.Errorf("creating the new token: %w", err)
	}
	if err := keep(ctx, fresh); err != nil {
		return api.PatToken{}, c.discard(ctx, fresh, err)
	}
	if o.KeepOld {
		return fresh, nil
	}
	if err := c.Revoke(ctx, authorizationID); err != nil {
		return fresh, fmt.Errorf("the new token is kept, but the old token %s is still alive, revoke it yourself: %w", authorizationID, err)
	}
	return fresh, nil
}

// rotatable returns the token, or an error where it is revoked.
func (c *Client) rotatable(ctx context.Context, authorizationID string) (api.PatToken, error) {
	old, err := c.Get(ctx, authorizationID)
	if err != nil {
		return api.PatToken{}, fmt.Errorf("reading the old token: %w", err)
	}
	state, err := c.State(ctx, old)
	if err != nil {
		return api.PatToken{}, fmt.Errorf("finding out whether the old token is revoked: %w", err)
	}
	if state == api.StateRevoked {
		return api.PatToken{}, &Error{
			Kind:    KindRefusal,
			Code:    "invalidToken",
			Message: fmt.Sprintf("token %s is revoked, and revoked tokens are not rotated; create another", authorizationID),
		}
	}
	return old, nil
}

// successor is the request for the token that replaces old.
func (o RotateOptions) successor(old api.PatToken, now time.Time) api.PatTokenCreateRequest {
	r := api.PatTokenCreateRequest{
		DisplayName: *cmp.Or(o.DisplayName, &old.DisplayName),
		Scope:       *cmp.Or(o.Scope, &old.Scope),
		ValidTo:     o.ValidTo,
		AllOrgs:     old.TargetAccounts == nil,
	}
	lifetime := old.ValidTo.Sub(old.ValidFrom.Time)
	if r.ValidTo == nil && lifetime > 0 && !old.ValidFrom.IsZero() {
		r.ValidTo = &api.Time{Time: now.Add(lifetime)}
	}
	return r
}

// discard revokes a token that was not kept, because of cause.
func (c *Client) discard(ctx context.Context, fresh api.PatToken, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := c.Revoke(ctx, fresh.AuthorizationID); err != nil {
		return fmt.Errorf("keeping the new token: %w; the old token is unchanged, but the new token %s is still alive, revoke it yourself: %w", cause, fresh.AuthorizationID, err)
	}
	return fmt.Errorf("keeping the new token, which is revoked again while the old one is unchanged: %w", cause)
}

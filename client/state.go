package client

import (
	"context"
	"strings"
	"time"

	"github.com/patrolhq/patrol/api"
)

// State returns where a token of the user stands now, which nothing in the
// token itself says.
//
// Patrol tells in one request. Where the service does not, as Azure DevOps does
// not, a token past its end is called expired, though it may have been revoked
// before, without a request; any other is looked for among the active ones, by
// a request for each hundred of them, and is revoked where it is not there.
// Older versions of Patrol are asked in vain first.
func (c *Client) State(ctx context.Context, token api.PatToken) (api.TokenState, error) {
	usages, err := c.Usage(ctx, token.AuthorizationID)
	if err != nil && KindOf(err) != KindUnsupported {
		return "", err
	}
	for _, usage := range usages {
		if usage.State != "" && strings.EqualFold(usage.AuthorizationID, token.AuthorizationID) {
			return usage.State, nil
		}
	}
	if !token.ValidTo.After(time.Now()) {
		return api.StateExpired, nil
	}
	for active, err := range c.List(ctx, ListOptions{Filter: api.FilterActive, PageSize: 100}) {
		if err != nil {
			return "", err
		}
		if strings.EqualFold(active.AuthorizationID, token.AuthorizationID) {
			return api.StateActive, nil
		}
	}
	return api.StateRevoked, nil
}

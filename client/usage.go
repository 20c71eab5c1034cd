package client

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// maxUsages is how many tokens the service tells of in one call.
const maxUsages = 100

// Usage returns the state and the last use of each of the user's tokens with
// those ids: one that is not in the result is not the user's. It sends a
// request for each hundred ids, so that a page of a list takes one.
//
// Older versions of Patrol tell no state, and nothing of tokens that were never
// used. Only Patrol has the call: elsewhere the error is [KindUnsupported], and
// hosts of Azure DevOps are not even asked; go on without it then.
func (c *Client) Usage(ctx context.Context, authorizationIDs ...string) ([]api.TokenUsage, error) {
	const lacking = "the service does not tell when tokens were used"
	for _, id := range authorizationIDs {
		if _, err := selecting(id); err != nil {
			return nil, err
		}
	}
	var all []api.TokenUsage
	for ids := range slices.Chunk(authorizationIDs, maxUsages) {
		query := url.Values{"authorizationIds": {strings.Join(ids, ",")}}
		usages, err := addition[api.TokenUsage](ctx, c, "_apis/patrol/usage", query, lacking)
		if err != nil {
			return nil, err
		}
		all = append(all, usages...)
	}
	return all, nil
}

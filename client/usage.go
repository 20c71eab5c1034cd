package client

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/patrolhq/patrol/api"
)

// maxUsages is how many tokens the service tells of in one call.
const maxUsages = 100

// Usage returns the last use of each of the user's tokens with those ids that
// was used at all: one that is not in the result was never used, or is not the
// user's. It sends a request for each hundred ids, so that a page of a list
// takes one.
//
// Only Patrol knows uses. Elsewhere the error is [KindUnsupported], and hosts
// of Azure DevOps are not even asked; go on without them then.
func (c *Client) Usage(ctx context.Context, authorizationIDs ...string) ([]api.TokenUsage, error) {
	if IsAzureDevOps(c.BaseURL) {
		return nil, &Error{Kind: KindUnsupported, Message: noUsageMessage}
	}
	var all []api.TokenUsage
	for ids := range slices.Chunk(authorizationIDs, maxUsages) {
		usages, err := c.usage(ctx, ids)
		if err != nil {
			return nil, err
		}
		all = append(all, usages...)
	}
	return all, nil
}

const noUsageMessage = "the service does not tell when tokens were used"

// usage asks once.
func (c *Client) usage(ctx context.Context, ids []string) ([]api.TokenUsage, error) {
	for _, id := range ids {
		if _, err := selecting(id); err != nil {
			return nil, err
		}
	}
	query := url.Values{"authorizationIds": {strings.Join(ids, ",")}}
	a, err := c.do(ctx, request{method: http.MethodGet, path: "_apis/patrol/usage", query: query, replay: always})
	if a.lacks() {
		return nil, a.fail(KindUnsupported, noUsageMessage)
	}
	if err != nil {
		return nil, err
	}
	var usages api.Collection[api.TokenUsage]
	if err := a.decode(&usages); err != nil {
		return nil, err
	}
	if usages.Value == nil {
		return nil, a.fail(KindProtocol, "the answer has no list of uses")
	}
	return usages.Value, nil
}

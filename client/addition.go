package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/patrolhq/patrol/api"
)

// addition asks for a list by one of the calls that Patrol adds to the API of
// Azure DevOps, whose hosts are not asked. lacking is what to say of a service
// without the call.
func addition[T any](ctx context.Context, c *Client, path string, query url.Values, lacking string) ([]T, error) {
	if IsAzureDevOps(c.BaseURL) {
		return nil, &Error{Kind: KindUnsupported, Message: lacking}
	}
	a, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query, replay: always})
	if a.lacks() {
		return nil, a.fail(KindUnsupported, lacking)
	}
	if err != nil {
		return nil, err
	}
	var list api.Collection[T]
	if err := a.decode(&list); err != nil {
		return nil, err
	}
	if list.Value == nil {
		return nil, a.fail(KindProtocol, "the answer has no list")
	}
	return list.Value, nil
}

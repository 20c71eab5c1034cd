package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/patrolhq/patrol/api"
)

// ListOptions say which tokens to list and how. What is zero is left to the
// service: Patrol then lists active tokens, the newest first.
type ListOptions struct {
	Filter    api.DisplayFilterOption
	Sort      api.SortByOption
	Ascending *bool
	// PageSize is at most 100; more is cut down to that by Patrol.
	PageSize int
}

// List yields all tokens that match, page after page, without their secrets.
// After an error it stops. Ranging over it again starts anew.
func (c *Client) List(ctx context.Context, o ListOptions) iter.Seq2[api.PatToken, error] {
	return func(yield func(api.PatToken, error) bool) {
		seen := map[string]bool{}
		for continuation := ""; ; {
			page, err := c.Page(ctx, o, continuation)
			if err != nil {
				yield(api.PatToken{}, err)
				return
			}
			for _, token := range page.PatTokens {
				if !yield(token, nil) {
					return
				}
			}
			continuation = page.ContinuationToken
			if continuation == "" {
				return
			}
			if seen[continuation] {
				yield(api.PatToken{}, &Error{Kind: KindProtocol, Status: http.StatusOK, Message: "the service repeats a continuation token, so the list would never end"})
				return
			}
			seen[continuation] = true
		}
	}
}

// Page returns one page of the list: the first for an empty continuation, else
// the one that the page before names, with the same options. The last page
// names none.
func (c *Client) Page(ctx context.Context, o ListOptions, continuation string) (api.PagedPatTokens, error) {
	a, err := c.do(ctx, request{method: http.MethodGet, path: patsPath, query: o.query(continuation), replay: always})
	if err != nil {
		return api.PagedPatTokens{}, err
	}
	return a.page()
}

func (o ListOptions) query(continuation string) url.Values {
	query := url.Values{}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("displayFilterOption", string(o.Filter))
	set("sortByOption", string(o.Sort))
	set("continuationToken", continuation)
	if o.Ascending != nil {
		query.Set("isSortAscending", strconv.FormatBool(*o.Ascending))
	}
	if o.PageSize != 0 {
		query.Set("$top", strconv.Itoa(o.PageSize))
	}
	return query
}

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/patrolhq/patrol/api"
)

// Client calls the PAT lifecycle API of one organization, on Patrol or on
// Azure DevOps Services, as one user. Its fields must not change while it is
// in use; it is then safe for concurrent use and cheap to copy. Every error
// that its methods return has an [*Error] in its tree, but for those that
// [Client.Rotate] passes on from its callback.
type Client struct {
	// BaseURL is where the service is, such as "http://127.0.0.1:8080" or
	// "https://vssps.dev.azure.com". The organization is appended.
	BaseURL string

	// Organization is a name or an id. It is empty only for hosts that are
	// an organization themselves, as https://NAME.vssps.visualstudio.com.
	Organization string

	// Token returns an access token of the user, not a PAT: the API refuses
	// PATs, and so does Azure DevOps. It is asked before each attempt, so it
	// should cache. The token goes to the host of BaseURL alone, and only in
	// a header.
	Token func(context.Context) (string, error)

	// HTTP sends the requests. A nil one uses [http.DefaultTransport]. A
	// timeout of zero becomes 30 seconds per attempt. Redirects are never
	// followed, whatever its CheckRedirect says.
	HTTP *http.Client

	// UserAgent names the program in requests; "patrol-go/VERSION" where
	// empty.
	UserAgent string

	// Attempts is how often a request is sent at most, where it may be sent
	// again at all; 0 means 4, and 1 means no retries. The caller's context
	// bounds all attempts and the waits between them.
	Attempts int
}

// Get returns the token with that id, without its secret. A revoked or
// expired token is returned like any other, and nothing in it says that it is
// revoked: [Client.State] does. An unknown id, and that of another user's
// token, is [KindNotFound].
func (c *Client) Get(ctx context.Context, authorizationID string) (api.PatToken, error) {
	query, err := selecting(authorizationID)
	if err != nil {
		return api.PatToken{}, err
	}
	a, err := c.do(ctx, request{method: http.MethodGet, path: patsPath, query: query, replay: always})
	if err != nil {
		return api.PatToken{}, err
	}
	return a.patToken()
}

// Create makes a token. The secret, in Token, is in this answer and never
// again: store it before anything else.
//
// Create does not send a request twice that may have had an effect. Where it
// cannot know, because the connection broke or the service failed midway, the
// error has Uncertain set: list the tokens, look for the name, and revoke what
// is there before another try.
func (c *Client) Create(ctx context.Context, token api.PatTokenCreateRequest) (api.PatToken, error) {
	body, err := json.Marshal(token)
	if err != nil {
		return api.PatToken{}, unsendable("the new token cannot be written as JSON", err)
	}
	a, err := c.do(ctx, request{method: http.MethodPost, path: patsPath, body: body, replay: ifRefused})
	var created api.PatToken
	if err == nil {
		created, err = a.patToken()
	}
	if err == nil && created.Token != nil && *created.Token != "" {
		return created, nil
	}
	if saved, ok := a.salvage(); ok {
		return saved, nil
	}
	if err == nil {
		err = a.fail(KindProtocol, "token "+created.AuthorizationID+" was created, but its secret is missing from the answer; revoke it and create another")
	}
	return created, doubt(err, a.sent, token.DisplayName)
}

// Update changes what the request names and leaves the rest, the secret
// included. It returns the token as it is then.
func (c *Client) Update(ctx context.Context, change api.PatTokenUpdateRequest) (api.PatToken, error) {
	if _, err := selecting(change.AuthorizationID); err != nil {
		return api.PatToken{}, err
	}
	body, err := json.Marshal(change)
	if err != nil {
		return api.PatToken{}, unsendable("the change cannot be written as JSON", err)
	}
	a, err := c.do(ctx, request{method: http.MethodPut, path: patsPath, body: body, replay: ifUnavailable})
	if err != nil {
		return api.PatToken{}, err
	}
	return a.patToken()
}

// Revoke ends the token with that id, for good. To revoke a revoked token is
// no error on Patrol. An unknown id is [KindNotFound] there; what Azure DevOps
// says to it is not documented.
func (c *Client) Revoke(ctx context.Context, authorizationID string) error {
	query, err := selecting(authorizationID)
	if err != nil {
		return err
	}
	a, err := c.do(ctx, request{method: http.MethodDelete, path: patsPath, query: query, replay: always})
	if err != nil {
		return err
	}
	return a.refusal()
}

// patsPath is where the five operations live, below the organization.
const patsPath = "_apis/tokens/pats"

// selecting is the query that picks one token. An empty id is caught here,
// because the service would answer a Get of it with a list.
func selecting(authorizationID string) (url.Values, error) {
	if authorizationID == "" {
		return nil, unsendable("the token's authorization id is empty", nil)
	}
	return url.Values{"authorizationId": {authorizationID}}, nil
}

package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// apiVersion is the newest of the PAT lifecycle API; from it on, refusals
	// carry a sentence.
	apiVersion = "7.2-preview.1"
	// attemptTimeout bounds one attempt, its answer's body included.
	attemptTimeout = 30 * time.Second
	// maxAnswer bounds a body: a hundred tokens are under 100 KB.
	maxAnswer = 4 << 20
)

// request is one call of the API.
type request struct {
	method string
	// path is relative to the organization, or to the base where anonymous.
	path      string
	query     url.Values
	body      []byte
	replay    replay
	anonymous bool
}

// attempt sends r once. The answer is worth a look even where err is not nil:
// a creation may have left a secret in it.
func (c *Client) attempt(ctx context.Context, r request) (answer, *Error) {
	target, err := c.target(r)
	if err != nil {
		return answer{}, unsendable("the request cannot be made", err)
	}
	bearer, failure := c.bearer(ctx, r)
	if failure != nil {
		return answer{}, failure
	}
	content := &content{reader: bytes.NewReader(r.body)}
	req, err := http.NewRequestWithContext(ctx, r.method, target.String(), nil)
	if err != nil {
		return answer{}, unsendable("the request cannot be made", err)
	}
	c.setHeader(req.Header, bearer)
	if len(r.body) > 0 {
		// GetBody stays nil on purpose: with it, the transport replays a
		// request that an HTTP/2 server reset, done or not.
		req.Body, req.ContentLength = content, int64(len(r.body))
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	response, err := c.http().Do(req)
	if err != nil {
		return answer{sent: len(r.body) == 0 || !content.seal()}, noAnswer(target, err)
	}
	defer response.Body.Close()
	a := answer{sent: true, status: response.StatusCode, header: response.Header, bearer: bearer}
	a.body, a.broken = io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if a.broken != nil && a.succeeded() {
		return a, noAnswer(target, a.broken)
	}
	return a, a.check()
}

// target is the URL of r.
func (c *Client) target(r request) (*url.URL, error) {
	base, err := parseBase(c.BaseURL)
	if err != nil {
		return nil, err
	}
	elements := []string{r.path}
	if !r.anonymous && c.Organization != "" {
		if c.Organization == "." || c.Organization == ".." {
			return nil, errors.New("Organization is no name: " + c.Organization)
		}
		elements = []string{url.PathEscape(c.Organization), r.path}
	}
	target := base.JoinPath(elements...)
	query := url.Values{"api-version": {apiVersion}}
	for name, values := range r.query {
		query[name] = values
	}
	target.RawQuery = query.Encode()
	return target, nil
}

// parseBase reads the address of a service. User name, query and fragment have
// no meaning here and are dropped.
func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil {
		// The parser quotes the URL, which may have a password in it.
		return nil, errors.New("BaseURL is not a URL")
	}
	if base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, errors.New("BaseURL is not an http or https URL with a host")
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: base.Path, RawPath: base.RawPath}, nil
}

// bearer asks for the access token.
func (c *Client) bearer(ctx context.Context, r request) (string, *Error) {
	if r.anonymous {
		return "", nil
	}
	if c.Token == nil {
		return "", &Error{Kind: KindAuthentication, Message: "no access token: set Client.Token"}
	}
	token, err := c.Token(ctx)
	if err != nil {
		return "", &Error{Kind: KindAuthentication, Message: "no access token: " + err.Error(), Err: err}
	}
	token = strings.TrimSpace(token)
	if token == "" {
		return "", &Error{Kind: KindAuthentication, Message: "no access token: Client.Token returned an empty one"}
	}
	return token, nil
}

func (c *Client) setHeader(header http.Header, bearer string) {
	header.Set("Accept", "application/json")
	header.Set("User-Agent", cmp.Or(c.UserAgent, "patrol-go/"+version()))
	// Azure DevOps then answers 401 where it would send a sign-in page.
	header.Set("X-TFS-FedAuthRedirect", "Suppress")
	if bearer != "" {
		header.Set("Authorization", "Bearer "+bearer)
	}
}

// http is the caller's client with a timeout and without redirects, which
// would take the access token elsewhere.
func (c *Client) http() *http.Client {
	var own http.Client
	if c.HTTP != nil {
		own = *c.HTTP
	}
	own.Timeout = cmp.Or(own.Timeout, attemptTimeout)
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// noAnswer is the error of a request without a whole answer.
func noAnswer(target *url.URL, err error) *Error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	return &Error{Kind: KindTransport, Message: "no answer from " + target.Host + ": " + err.Error(), Err: err}
}

// content is a request's body that knows whether any of it was read. As long
// as none was, the service cannot have acted on the request.
type content struct {
	reader *bytes.Reader
	state  atomic.Int32
}

// The states of content.
const (
	untouched int32 = iota
	touched
	sealed
)

func (b *content) Read(p []byte) (int, error) {
	if !b.state.CompareAndSwap(untouched, touched) && b.state.Load() == sealed {
		return 0, errors.New("the request was given up")
	}
	return b.reader.Read(p)
}

func (b *content) Close() error { return nil }

// seal reports whether nothing was read, and then keeps it so: a transport
// may still hold the body after it returned.
func (b *content) seal() bool { return b.state.CompareAndSwap(untouched, sealed) }

// version is that of this module in the running program.
var version = sync.OnceValue(func() string {
	const module = "github.com/patrolhq/patrol"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" {
			return strings.Trim(m.Version, "()")
		}
	}
	return "unknown"
})

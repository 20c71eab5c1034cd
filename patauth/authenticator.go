package patauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config is what an [Authenticator] needs to know. IntrospectionURL, ClientID
// and ClientSecret are required.
type Config struct {
	// IntrospectionURL is Patrol's, such as
	// "https://patrol.example/oauth2/introspect". Every PAT is sent there, so
	// it is https, or else on this machine: localhost or a loopback address.
	IntrospectionURL string

	// ClientID and ClientSecret are those by which Patrol knows this service.
	ClientID, ClientSecret string

	// Organization, by name or id, is where tokens must be good. Where it is
	// empty, a token of any organization will do that Patrol shows to this
	// client, and Identity.Organization tells which it is. Where the
	// organization is part of each request, see [Authenticator.In].
	Organization string

	// Realm is what callers are told that they need a token for; "Patrol"
	// where empty.
	Realm string

	// KeepAuthorization leaves the Authorization header, PAT and all, in the
	// request that the handler sees. By default it is taken out, so that no
	// handler, proxy or log behind this one gets hold of it.
	KeepAuthorization bool

	// OnRefusal, where set, is told of each request that is not let through,
	// and why, before the answer: the place to log and to count. The request is
	// as the handler would have seen it.
	OnRefusal func(*http.Request, *Error)

	// HTTP sends the questions. A nil one, or one without a Transport, gets a
	// transport that keeps enough connections open for a busy service. A
	// timeout of zero becomes 5 seconds. Redirects are never followed,
	// whatever its CheckRedirect says.
	HTTP *http.Client
}

// Format prints "redacted" under every verb, for the sake of ClientSecret.
func (Config) Format(f fmt.State, _ rune) { io.WriteString(f, "patauth.Config(redacted)") }

// Authenticator tells requests with a good PAT from all others. It keeps
// nothing about tokens. It is safe for concurrent use, and comes from [New].
type Authenticator struct {
	config Config
	client http.Client
	// organization is asked for where demanded, though it may be empty.
	organization string
	demanded     bool
	// authorize says who asks. It is a function because package fmt prints the
	// hidden fields of structs without asking their methods, but of a function
	// only the address; config has the secret no more.
	authorize func(*http.Request)
}

// defaultTimeout bounds a question. Patrol itself gives up after two seconds.
const defaultTimeout = 5 * time.Second

// New is an Authenticator, or an error that says what is wrong with c.
func New(c Config) (*Authenticator, error) {
	if err := checkEndpoint(c.IntrospectionURL); err != nil {
		return nil, err
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return nil, errors.New("patauth: ClientID and ClientSecret are needed: Patrol answers known clients only")
	}
	c.Realm = cmp.Or(c.Realm, "Patrol")
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("patauth: Realm may have printable ASCII characters only")
	}
	a := &Authenticator{config: c, organization: c.Organization, demanded: c.Organization != "", authorize: c.authorize()}
	a.config.ClientSecret = ""
	if c.HTTP != nil {
		a.client = *c.HTTP
	}
	if a.client.Transport == nil {
		a.client.Transport = newTransport()
	}
	a.client.Timeout = cmp.Or(a.client.Timeout, defaultTimeout)
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return a, nil
}

// authorize authenticates the client. RFC 6749, section 2.3.1, has id and
// secret encoded before they are joined.
func (c Config) authorize() func(*http.Request) {
	id, secret := url.QueryEscape(c.ClientID), url.QueryEscape(c.ClientSecret)
	return func(r *http.Request) { r.SetBasicAuth(id, secret) }
}

// In is the same Authenticator for another organization, on the same
// connections. It costs next to nothing, so it may be made for each request
// from what the request names. No token is good in an organization without a
// name.
func (a *Authenticator) In(organization string) *Authenticator {
	in := *a
	in.organization, in.demanded = organization, true
	return &in
}

// Check asks Patrol whether pat is a live token that grants all of scopes, and
// returns whose it is. Its error is an [*Error].
//
// A scope grants what it includes: a token for vso.code_write passes for
// vso.code. Without scopes any live token passes.
func (a *Authenticator) Check(ctx context.Context, pat string, scopes ...string) (Identity, error) {
	identity, err := a.check(ctx, pat, scopes)
	if err != nil {
		return Identity{}, err
	}
	return identity, nil
}

func (a *Authenticator) check(ctx context.Context, pat string, scopes []string) (Identity, *Error) {
	if pat == "" {
		return Identity{}, noToken()
	}
	if !isCredential(pat) {
		return Identity{}, deadToken()
	}
	if err := a.checkDemand(scopes); err != nil {
		return Identity{}, err
	}
	answer, err := a.introspect(ctx, pat, scopes)
	switch {
	case err != nil:
		return Identity{}, err
	case !*answer.Active:
		return Identity{}, deadToken()
	case answer.Allowed != nil && !*answer.Allowed:
		return Identity{}, a.forbidden(scopes)
	}
	return answer.identity(), nil
}

// checkDemand refuses what must never be mistaken for asking for nothing.
func (a *Authenticator) checkDemand(scopes []string) *Error {
	if a.demanded && a.organization == "" {
		return &Error{Kind: KindForbidden, Message: "no organization is named, so the token cannot be good there"}
	}
	if name, bad := badScope(scopes); bad {
		return &Error{Kind: KindForbidden, Message: "no token grants " + name + ", which is not the name of a scope"}
	}
	return nil
}

// checkEndpoint refuses addresses to which a PAT must not go.
func checkEndpoint(text string) error {
	endpoint, err := url.Parse(text)
	// The parser's own error quotes the URL, which may have a password in it.
	if err != nil || endpoint.Host == "" || endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "" {
		return errors.New("patauth: IntrospectionURL is not an https URL with a host and without user, query and fragment; Patrol's ends in /oauth2/introspect")
	}
	if endpoint.Scheme != "https" && (endpoint.Scheme != "http" || !isLoopback(endpoint.Hostname())) {
		return errors.New("patauth: IntrospectionURL is not https: tokens would cross the network for all to read; only to this machine (localhost, 127.0.0.1) may it be http")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// newTransport keeps connections open, unlike the default transport, whose two
// for each host would make a busy service shake hands all day.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    3 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
}

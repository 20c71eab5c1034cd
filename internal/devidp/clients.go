package devidp

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// ServicePrincipalID is the object id under which a client appears in a tenant:
// "oid" and "sub" of the tokens that it gets for itself. It depends on nothing
// but its two arguments.
func ServicePrincipalID(tenant, clientID string) string {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:devidp:service-principal:"+strings.ToLower(tenant)))
	return uuid.NewSHA1(space, []byte(strings.ToLower(clientID))).String()
}

func (c *Client) public() bool { return c.Secret == "" && len(c.Certificates) == 0 }

// displayName is what people see.
func (c *Client) displayName() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// allowsRedirect reports whether the client may have answers sent to uri.
func (c *Client) allowsRedirect(uri string) bool {
	asked, ok := parseRedirect(uri)
	if !ok {
		return false
	}
	if c.public() && isLoopback(asked) {
		return true
	}
	for _, registered := range c.RedirectURIs {
		if registered == uri {
			return true
		}
		if known, ok := parseRedirect(registered); ok && sameLoopback(known, asked) {
			return true
		}
	}
	return false
}

// parseRedirect reads an absolute URI that can be a redirect URI at all: without
// user, without fragment, and with nothing that programs read differently.
func parseRedirect(uri string) (*url.URL, bool) {
	if strings.ContainsAny(uri, "\\ \t\r\n#") {
		return nil, false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.User != nil || u.Opaque != "" {
		return nil, false
	}
	switch u.Scheme {
	case "http", "https":
		return u, u.Host != ""
	case "javascript", "data", "vbscript", "file", "blob", "about":
		return nil, false
	}
	return u, true
}

// isLoopback reports whether u is a web address on this machine (RFC 8252
// section 7.3, and "localhost" as Entra allows it).
func isLoopback(u *url.URL) bool {
	if u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// sameLoopback compares two redirect URIs on a loopback host, ports aside.
func sameLoopback(a, b *url.URL) bool {
	return isLoopback(a) && isLoopback(b) &&
		a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) &&
		cmp.Or(a.EscapedPath(), "/") == cmp.Or(b.EscapedPath(), "/") && a.RawQuery == b.RawQuery
}

// authenticateClient finds the client that sent a form and checks its secret,
// which comes by HTTP Basic or in the form (RFC 6749 section 2.3.1), or its
// assertion.
func (p *Provider) authenticateClient(r *http.Request, form url.Values) (*Client, error) {
	id, secret, assertion := form.Get("client_id"), form.Get("client_secret"), form.Get("client_assertion")
	if r.Header.Get("Authorization") != "" {
		basicID, basicSecret, ok := basicCredentials(r)
		switch {
		case !ok:
			return nil, invalidClient(9002313, "Invalid request. The Authorization header is malformed.")
		case id != "" && !strings.EqualFold(id, basicID), secret != "":
			return nil, malformed("client credentials are in the Authorization header and in the body")
		}
		id, secret = basicID, basicSecret
	}
	if id == "" {
		return nil, missing("client_id")
	}
	client := p.client(id)
	switch {
	case client == nil:
		return nil, unknownClient(id)
	case client.public() && (secret != "" || assertion != ""):
		return nil, invalidClient(700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	case client.public():
		return client, nil
	case secret != "" && assertion != "":
		return nil, malformed("there are a client secret and a client assertion")
	case assertion != "":
		if err := p.checkAssertion(client, form); err != nil {
			return nil, err
		}
	case secret == "":
		return nil, invalidClient(7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case client.Secret == "" || !equalSecrets(secret, client.Secret):
		return nil, invalidClient(7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", client.ID)
	}
	return client, nil
}

// basicCredentials undoes the form encoding that RFC 6749 asks for inside Basic.
func basicCredentials(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	return id, secret, idErr == nil && secretErr == nil && id != ""
}

func invalidClient(number int, format string, args ...any) *refusal {
	return refuse(http.StatusUnauthorized, "invalid_client", number, format, args...)
}

func unknownClient(id string) *refusal {
	return refuse(http.StatusBadRequest, "unauthorized_client", 700016,
		"Application with identifier '%s' was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant.", id)
}

// equalSecrets takes the same time for any two values.
func equalSecrets(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

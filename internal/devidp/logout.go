package devidp

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// logout ends the browser's session (OpenID Connect RP-Initiated Logout 1.0). A
// hint that names somebody else leaves it alone: that person is signed out.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request, _ string) error {
	values, err := readParameters(r)
	if err != nil {
		return err
	}
	hint, err := p.readLogoutHint(values)
	if err != nil {
		p.endSession(w) // which is what the person wanted in any case
		return err
	}
	if s := p.currentSession(r); s == nil || hint.User == nil || hint.User == p.user(s.User) {
		p.endSession(w)
	}
	after := values.Get("post_logout_redirect_uri")
	if after == "" || !p.allowsLogoutRedirect(hint.Client, after) {
		return p.pages.message(w, http.StatusOK, messageView{
			Title: "You signed out of your account",
			Text:  "It is a good idea to close all browser windows.",
		})
	}
	if state := values.Get("state"); state != "" {
		separator := "?"
		if strings.Contains(after, "?") {
			separator = "&"
		}
		after += separator + "state=" + url.QueryEscape(state)
	}
	redirect(w, r, after)
	return nil
}

// logoutHint is who asks whom to be signed out, as far as the request tells.
type logoutHint struct {
	Client *Client
	User   *User
}

// readLogoutHint reads "client_id", "logout_hint" (a user name or object id) and
// "id_token_hint", which may have expired long ago. As in Entra, a hint about
// nobody known is no hint. What cannot be meant together is an error.
func (p *Provider) readLogoutHint(values url.Values) (logoutHint, error) {
	hint := logoutHint{User: p.user(values.Get("logout_hint"))}
	if id := values.Get("client_id"); id != "" {
		if hint.Client = p.client(id); hint.Client == nil {
			return logoutHint{}, unknownClient(id)
		}
	}
	if token := values.Get("id_token_hint"); token != "" {
		c, err := p.signer.read(token)
		client := p.client(c.Audience)
		if err != nil || client == nil {
			return logoutHint{}, malformed("id_token_hint is no ID token of this tenant")
		}
		if hint.Client != nil && hint.Client != client {
			return logoutHint{}, malformed("id_token_hint was issued to another client")
		}
		hint.Client = client
		hint.User = cmp.Or(p.user(c.ObjectID), hint.User)
	}
	return hint, nil
}

// allowsLogoutRedirect reports whether uri leads to the site of a client, or of
// any where it is not known which.
func (p *Provider) allowsLogoutRedirect(client *Client, uri string) bool {
	asked, ok := parseRedirect(uri)
	if !ok || (asked.Scheme != "http" && asked.Scheme != "https") {
		return false
	}
	if client != nil {
		return client.hasSite(asked)
	}
	return slices.ContainsFunc(p.cfg.Clients, func(c Client) bool { return c.hasSite(asked) })
}

// hasSite reports whether an address is on a site of the client: the scheme, host
// and port of one of its redirect URIs, or any loopback host where it may use any.
func (c *Client) hasSite(asked *url.URL) bool {
	if c.public() && isLoopback(asked) {
		return true
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		known, ok := parseRedirect(registered)
		if !ok || known.Scheme != asked.Scheme {
			return false
		}
		return strings.EqualFold(known.Host, asked.Host) ||
			(isLoopback(known) && isLoopback(asked) && strings.EqualFold(known.Hostname(), asked.Hostname()))
	})
}

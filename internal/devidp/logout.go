package devidp

import (
	"net/http"
	"net/url"
	"strings"
)

// logout ends the browser's session (OpenID Connect RP-Initiated Logout 1.0).
func (p *Provider) logout(w http.ResponseWriter, r *http.Request, _ string) error {
	values, err := readParameters(r)
	if err != nil {
		return err
	}
	p.endSession(w)
	after := values.Get("post_logout_redirect_uri")
	if after == "" || !p.allowsLogoutRedirect(after) {
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

// allowsLogoutRedirect reports whether uri leads to the site of a registered
// client: the scheme, host and port of one of its redirect URIs, or any loopback
// host where a client may use any.
func (p *Provider) allowsLogoutRedirect(uri string) bool {
	asked, ok := parseRedirect(uri)
	if !ok || (asked.Scheme != "http" && asked.Scheme != "https") {
		return false
	}
	for i := range p.cfg.Clients {
		client := &p.cfg.Clients[i]
		if client.public() && isLoopback(asked) {
			return true
		}
		for _, registered := range client.RedirectURIs {
			known, ok := parseRedirect(registered)
			if !ok || known.Scheme != asked.Scheme {
				continue
			}
			if strings.EqualFold(known.Host, asked.Host) ||
				(isLoopback(known) && isLoopback(asked) && strings.EqualFold(known.Hostname(), asked.Hostname())) {
				return true
			}
		}
	}
	return false
}

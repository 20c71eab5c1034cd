package cli

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// webAddress parses an address that a server has named. Only what is safe to
// show in a browser or to send secrets to is one: https, or http on this
// machine, where nobody is on the way (RFC 8252 section 8.3). Anything else
// could make the browser's launcher open a file or start a program.
func webAddress(text string) (*url.URL, error) {
	shown, _, _ := strings.Cut(text, "?") // what follows can carry codes
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is no web address", shown)
	}
	if u.User != nil {
		return nil, fmt.Errorf("the address at %s has a user in it", u.Host)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u)) {
		return nil, fmt.Errorf("%q is neither https nor http on this machine", shown)
	}
	return u, nil
}

// isLoopback reports whether u is on this machine.
func isLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}

// maxRedirects is as many as package http follows.
const maxRedirects = 10

// securely is hc for the secrets of a sign-in: redirects lead it to web addresses
// only.
func securely(hc *http.Client) *http.Client {
	c := *hc
	c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return errors.New("too many redirects")
		}
		_, err := webAddress(r.URL.String())
		return err
	}
	return &c
}

// webOnly is a client for a library that chooses whom to ask by itself.
type webOnly struct{ *http.Client }

// Do sends requests to web addresses only.
func (c webOnly) Do(r *http.Request) (*http.Response, error) {
	if _, err := webAddress(r.URL.String()); err != nil {
		return nil, fail(exitFailed, "the authority names an address that is not used: %w", err).
			with("an administrator of the server can correct that")
	}
	return c.Client.Do(r)
}

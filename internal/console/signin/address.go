package signin

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// checkWebAddress fails for what secrets are not sent to and no browser is led
// to: anything but https, and http on this machine, where nobody is on the way
// (RFC 8252 section 8.3).
func checkWebAddress(text string) error {
	shown, _, _ := strings.Cut(text, "?") // what follows can carry codes
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return fmt.Errorf("%q is no web address", shown)
	case u.User != nil:
		return fmt.Errorf("the address at %s has a user in it", u.Host)
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return fmt.Errorf("%q is neither https nor http on this machine", shown)
	}
	return nil
}

// IsLoopback reports whether a host, without its port, is this machine by its
// name or address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// withQuery adds to the query of an address.
func withQuery(address string, query url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	for name, values := range u.Query() {
		if !query.Has(name) {
			query[name] = values
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

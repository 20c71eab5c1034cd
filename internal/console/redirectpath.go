package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
)

// DefaultRedirectPath is that of Microsoft's sample of a console, which many
// applications have registered.
const DefaultRedirectPath = "/getAToken"

// plainPath matches paths that everybody reads alike.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// CheckRedirectPath fails where a provider cannot send browsers back to path:
// it may be read in different ways, or a page is there.
func CheckRedirectPath(path string) error {
	if !plainPath.MatchString(path) {
		return fmt.Errorf("%q is not a path such as %q, of letters, digits and dashes", path, DefaultRedirectPath)
	}
	c := &Console{Config: Config{RedirectPath: DefaultRedirectPath}}
	_, pattern := c.newMux().Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	if pattern != "/" && path != DefaultRedirectPath {
		return fmt.Errorf("at %q the console has a page of its own: choose another path, such as %q", path, DefaultRedirectPath)
	}
	return nil
}

package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// enter is a visitor who signed in.
func enter(t testing.TB, s *patroltest.Server, name string) *visitor {
	t.Helper()
	v := newVisitor(t, s, name)
	v.signIn("/account")
	return v
}

// refused signs in on the way to a page, has the provider refuse it, and gets
// what the console says to that.
func (v *visitor) refused(path, refusal string) seen {
	v.t.Helper()
	answer, err := devidptest.NewBrowser(v.server.HTTP.Transport).SignInRefused(v.t.Context(), v.toProvider(path), v.name+"@contoso.example", refusal)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.get(answer.URL.String())
}

// toProvider is the address at the provider that the console sends to on the
// way to a page.
func (v *visitor) toProvider(path string) string {
	v.t.Helper()
	address := v.get(v.get(path).location).location
	if !strings.HasPrefix(address, v.server.IDP) {
		v.t.Fatalf("on the way to %s the console sends to %q, want the provider", path, address)
	}
	return address
}

// follow is where a redirect leads, which must be within the console.
func (v *visitor) follow(redirect seen) seen {
	v.t.Helper()
	if redirect.status != http.StatusSeeOther || !strings.HasPrefix(redirect.location, "/") {
		v.t.Fatalf("the answer is status %d to %q, want a redirect within the console: %s", redirect.status, redirect.location, redirect.said())
	}
	return v.get(redirect.location)
}

// cookies are those that the browser has for the console.
func (v *visitor) cookies() []*http.Cookie {
	v.t.Helper()
	u, err := url.Parse(v.server.Console)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.http.Jar.Cookies(u)
}

// links are where the links of a page lead, by what they say.
func (s seen) links() map[string]string {
	all := map[string]string{}
	for n := range s.root.Descendants() {
		if n.Data == "a" {
			all[textOf(n)] = attribute(n, "href")
		}
	}
	return all
}

package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// person is somebody with a browser that keeps cookies and follows no redirect
// by itself.
type person struct {
	testing.TB
	site *patroltest.Server
	// base is where the console is, without a slash at the end.
	base string
	http *http.Client
	idp  *devidptest.Browser
}

// newPerson is somebody who is not signed in.
func newPerson(t testing.TB, site *patroltest.Server) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	visitor := *site.HTTP
	visitor.Jar = jar
	return &person{t, site, strings.TrimSuffix(site.Console, "/"), &visitor, devidptest.NewBrowser(site.HTTP.Transport)}
}

// signedIn is the user with that name before the "@", signed in.
func signedIn(t testing.TB, site *patroltest.Server, name string) *person {
	t.Helper()
	p := newPerson(t, site)
	if got := p.signIn(name, "/sign-in"); got.status != http.StatusSeeOther {
		t.Fatalf("signing in as %s led to %d %q, want a redirect", name, got.status, got.heading())
	}
	return p
}

// signIn signs in from an address of the console, and returns what the console
// answers to the provider's answer.
func (p *person) signIn(name, from string) *page {
	p.Helper()
	answer, err := p.idp.SignIn(context.Background(), p.toProvider(from), name+"@contoso.example")
	if err != nil {
		p.Fatal(err)
	}
	return p.fetch(http.MethodGet, answer.URL.String(), nil)
}

// refused has the sign-in refused by the provider.
func (p *person) refused(name, from, refusal string) *page {
	p.Helper()
	answer, err := p.idp.SignInRefused(context.Background(), p.toProvider(from), name+"@contoso.example", refusal)
	if err != nil {
		p.Fatal(err)
	}
	return p.fetch(http.MethodGet, answer.URL.String(), nil)
}

// toProvider is the address that the console sends the browser to from there.
func (p *person) toProvider(from string) string {
	p.Helper()
	sent := p.get(from)
	address := sent.header.Get("Location")
	if sent.status != http.StatusSeeOther || !strings.HasPrefix(address, p.site.IDP) {
		p.Fatalf("GET %s = %d %q to %q, want a redirect to the provider", from, sent.status, sent.heading(), address)
	}
	return address
}

func (p *person) get(path string) *page {
	p.Helper()
	return p.fetch(http.MethodGet, p.base+path, nil)
}

// post sends a form as a browser does that shows the page from.
func (p *person) post(from, path string, form url.Values) *page {
	p.Helper()
	return p.fetch(http.MethodPost, p.base+path, form, "Origin", p.base, "Sec-Fetch-Site", "same-origin", "Referer", p.base+from)
}

// follow gets where a redirect within the console leads.
func (p *person) follow(redirect *page) *page {
	p.Helper()
	to := redirect.header.Get("Location")
	if redirect.status != http.StatusSeeOther || !strings.HasPrefix(to, "/") {
		p.Fatalf("the answer is %d %q to %q, want a redirect within the console", redirect.status, redirect.heading(), to)
	}
	return p.get(to)
}

func (p *person) fetch(method, address string, form url.Values, headers ...string) *page {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		p.Fatal(err)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := p.http.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		p.Fatal(err)
	}
	return &page{answer.StatusCode, answer.Header, string(body), root}
}

// cookies are those that the browser has for the console.
func (p *person) cookies() []*http.Cookie {
	p.Helper()
	u, err := url.Parse(p.base)
	if err != nil {
		p.Fatal(err)
	}
	return p.http.Jar.Cookies(u)
}

// page is an answer of the console.
type page struct {
	status int
	header http.Header
	body   string
	root   *html.Node
}

// heading is the first heading.
func (p *page) heading() string { return p.text(func(n *html.Node) bool { return n.Data == "h1" }) }

// main is all that people read in the page's own part.
func (p *page) main() string { return p.text(func(n *html.Node) bool { return n.Data == "main" }) }

// text is what people read in the first element that fits.
func (p *page) text(fits func(*html.Node) bool) string {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && fits(n) {
			return textOf(n)
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			b.WriteString(child.Data)
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// links are where the links of the page lead, by their texts.
func (p *page) links() map[string]string {
	all := map[string]string{}
	for n := range p.root.Descendants() {
		if n.Data == "a" {
			all[textOf(n)] = attribute(n, "href")
		}
	}
	return all
}

// form are the fields of the form with that action, as they are sent where
// nothing is changed; nil where there is no such form.
func (p *page) form(action string) url.Values {
	for n := range p.root.Descendants() {
		if n.Data == "form" && attribute(n, "action") == action {
			return fields(n)
		}
	}
	return nil
}

func fields(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Data != "input" && n.Data != "button" || attribute(n, "name") == "" {
			continue
		}
		if kind := attribute(n, "type"); (kind == "radio" || kind == "checkbox") && !hasAttribute(n, "checked") {
			continue
		}
		values.Add(attribute(n, "name"), attribute(n, "value"))
	}
	return values
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

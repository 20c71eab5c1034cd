package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// visitor is a person with a browser at the console of a patrold. The browser
// keeps cookies and runs no scripts.
type visitor struct {
	t      testing.TB
	server *patroltest.Server
	http   *http.Client
	name   string
}

func newVisitor(t testing.TB, s *patroltest.Server, name string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := *s.HTTP // which follows no redirects
	browser.Jar = jar
	return &visitor{t: t, server: s, http: &browser, name: name}
}

// api is the API as the visitor, without the console.
func (v *visitor) api() *client.Client {
	v.t.Helper()
	access := v.server.Token(v.t, v.name)
	return &client.Client{
		BaseURL: v.server.API, Organization: "contoso", HTTP: v.server.HTTP,
		Token: func(context.Context) (string, error) { return access, nil },
	}
}

// seen is what a browser got.
type seen struct {
	t        testing.TB
	status   int
	location string
	header   http.Header
	body     string
	root     *html.Node
}

// get asks for a page; headers are names and values in turn.
func (v *visitor) get(path string, headers ...string) seen {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil, headers...)
}

// post sends a form as a browser does that is on a page of the console.
func (v *visitor) post(path string, form url.Values, headers ...string) seen {
	v.t.Helper()
	return v.do(http.MethodPost, path, form, headers...)
}

func (v *visitor) do(method, path string, form url.Values, headers ...string) seen {
	v.t.Helper()
	got, err := v.try(method, path, form, headers...)
	if err != nil {
		v.t.Fatal(err)
	}
	return got
}

func (v *visitor) try(method, path string, form url.Values, headers ...string) (seen, error) {
	base := strings.TrimSuffix(v.server.Console, "/")
	address := path
	if strings.HasPrefix(path, "/") {
		address = base + path
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return seen{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", base)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := v.http.Do(r)
	if err != nil {
		return seen{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return seen{}, err
	}
	root, err := html.Parse(strings.NewReader(string(body)))
	if err != nil {
		return seen{}, err
	}
	return seen{v.t, resp.StatusCode, resp.Header.Get("Location"), resp.Header, string(body), root}, nil
}

// signIn opens a page as somebody who is not signed in, signs in, and is where
// that leads.
func (v *visitor) signIn(path string) seen {
	v.t.Helper()
	return v.finishSignIn(v.get(path).location)
}

// finishSignIn signs in from the address that begins it.
func (v *visitor) finishSignIn(address string) seen {
	v.t.Helper()
	begun := v.get(address)
	if begun.location == "" {
		v.t.Fatalf("beginning to sign in = status %d: %s", begun.status, begun.body)
	}
	answer, err := devidptest.NewBrowser(v.server.HTTP.Transport).SignIn(v.t.Context(), begun.location, v.name+"@contoso.example")
	if err != nil {
		v.t.Fatal(err)
	}
	back := v.get(answer.URL.String())
	if back.location == "" {
		v.t.Fatalf("signing in = status %d: %s", back.status, back.body)
	}
	return v.get(back.location)
}

// form is what the form for an action sends as it is.
func (s seen) form(action string) url.Values {
	s.t.Helper()
	sent := s.fields(action)
	if sent == nil {
		s.t.Fatalf("status %d: there is no form for %s in %s", s.status, action, s.body)
	}
	return sent
}

// fields are those that the form for an action sends as it is, nil where there
// is no such form.
func (s seen) fields(action string) url.Values {
	for form := range s.root.Descendants() {
		if form.Data == "form" && attribute(form, "action") == action {
			return fields(form)
		}
	}
	return nil
}

// link is where the link with that text leads.
func (s seen) link(text string) string {
	s.t.Helper()
	for n := range s.root.Descendants() {
		if n.Data == "a" && textOf(n) == text {
			return attribute(n, "href")
		}
	}
	s.t.Fatalf("status %d: there is no link %q in %s", s.status, text, s.body)
	return ""
}

// text is that of the element with an id, "" where there is none.
func (s seen) text(id string) string {
	for n := range s.root.Descendants() {
		if n.Type == html.ElementNode && attribute(n, "id") == id {
			return textOf(n)
		}
	}
	return ""
}

// heading is that of the page.
func (s seen) heading() string {
	for n := range s.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "h1" {
			return textOf(n)
		}
	}
	return ""
}

// secrets are those of tokens.
var secrets = regexp.MustCompile(`[0-9A-Za-z]{52}JQQJ99[0-9A-Za-z]{26}`)

// said is all text of the page, for messages too: without secrets.
func (s seen) said() string {
	for n := range s.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "main" {
			return secrets.ReplaceAllString(textOf(n), "redacted")
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

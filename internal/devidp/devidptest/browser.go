// Package devidptest drives the pages of devidp as a person with a browser
// does, for tests of whatever signs in there.
package devidptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Browser keeps cookies, follows redirects and sends forms. Make one with
// [NewBrowser].
type Browser struct {
	client *http.Client
}

// Answer is the request by which a browser brings a client the answer to its
// authorization request.
type Answer struct {
	// URL is where the browser goes, with the answer in its query or fragment.
	URL *url.URL
	// Form is the answer in the response mode form_post, which is sent by POST. It
	// is nil in the other modes.
	Form url.Values
}

// Values returns the parameters of the answer, whichever way they come.
func (a Answer) Values() url.Values {
	if a.Form != nil {
		return a.Form
	}
	if a.URL.Fragment != "" {
		values, _ := url.ParseQuery(a.URL.EscapedFragment()) // what does not parse is missed by the caller
		return values
	}
	return a.URL.Query()
}

// NewBrowser makes a browser without cookies. A nil transport means
// [http.DefaultTransport].
func NewBrowser(transport http.RoundTripper) *Browser {
	jar, _ := cookiejar.New(nil) // never fails
	return &Browser{&http.Client{
		Transport: transport,
		Jar:       jar,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Host != via[0].URL.Host {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// SignIn opens the address of an authorization request, picks the user of that
// name if it is asked to, and returns the answer for the client without
// delivering it.
func (b *Browser) SignIn(ctx context.Context, address, username string) (Answer, error) {
	page, err := b.open(ctx, address)
	if err != nil {
		return Answer{}, err
	}
	if page.answer == nil {
		if page, err = b.pick(ctx, page, username); err != nil {
			return Answer{}, err
		}
	}
	return page.toClient()
}

// SignInRefused opens the address of an authorization request as
// [Browser.SignIn] does, but has the sign-in of that user refused: refusal is one
// of the words that package devidp lists. The answer is an error where the
// refusal comes at once, and else a code.
func (b *Browser) SignInRefused(ctx context.Context, address, username, refusal string) (Answer, error) {
	page, err := b.open(ctx, address)
	if err != nil {
		return Answer{}, err
	}
	if page, err = b.refuse(ctx, page, username, refusal); err != nil {
		return Answer{}, err
	}
	return page.toClient()
}

func (b *Browser) open(ctx context.Context, address string) (*page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("opening sign-in page: %w", err)
	}
	return b.load(r)
}

// toClient returns the answer that a page is in truth.
func (p *page) toClient() (Answer, error) {
	if p.answer == nil {
		return Answer{}, fmt.Errorf("signing in did not lead to the client, but to %q: %s", p.title(), p.text("text"))
	}
	return *p.answer, nil
}

// Open signs in as [Browser.SignIn] does and delivers the answer to the client,
// which must be listening.
func (b *Browser) Open(ctx context.Context, address, username string) error {
	answer, err := b.SignIn(ctx, address, username)
	if err != nil {
		return err
	}
	return b.Deliver(ctx, answer)
}

// Deliver sends an answer to the client.
func (b *Browser) Deliver(ctx context.Context, a Answer) error {
	method, body := http.MethodGet, ""
	if a.Form != nil {
		method, body = http.MethodPost, a.Form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, a.URL.String(), strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("delivering answer: %w", err)
	}
	if a.Form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return fmt.Errorf("delivering answer: %w", err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("delivering answer: the client said %s", resp.Status)
	}
	return nil
}

// ApproveDevice opens the verification address of a device with its user code
// and signs the device in.
func (b *Browser) ApproveDevice(ctx context.Context, address, userCode, username string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?"+url.Values{"user_code": {userCode}}.Encode(), nil)
	if err != nil {
		return fmt.Errorf("opening device page: %w", err)
	}
	page, err := b.load(r)
	if err != nil {
		return err
	}
	page, err = b.pick(ctx, page, username)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(page.title(), "You have signed in") {
		return fmt.Errorf("approving device led to %q: %s", page.title(), page.text("text"))
	}
	return nil
}

// pick presses the button of a user.
func (b *Browser) pick(ctx context.Context, p *page, username string) (*page, error) {
	if p.root == nil {
		return nil, fmt.Errorf("there is no page to pick a user on, but an answer for %s", p.answer.URL.Host)
	}
	var button *html.Node
	for n := range p.root.Descendants() {
		if attribute(n, "class") == "username" && n.FirstChild != nil && strings.EqualFold(n.FirstChild.Data, username) {
			for button = n; button != nil && button.Data != "button"; button = button.Parent {
			}
		}
	}
	if button == nil {
		return nil, fmt.Errorf("page %q offers no user %q: %s", p.title(), username, p.text("text"))
	}
	form := formOf(button)
	values := fields(form)
	values.Set(attribute(button, "name"), attribute(button, "value"))
	return b.send(ctx, p, form, values)
}

// refuse chooses a refusal and a user, and presses the button.
func (b *Browser) refuse(ctx context.Context, p *page, username, refusal string) (*page, error) {
	if p.root == nil {
		return nil, fmt.Errorf("there is no page to choose a refusal on, but an answer for %s", p.answer.URL.Host)
	}
	chosen := p.option("refuse", func(n *html.Node) bool { return attribute(n, "value") == refusal })
	user := p.option("pick", func(n *html.Node) bool { return strings.EqualFold(n.FirstChild.Data, username) })
	if chosen == nil || user == nil {
		return nil, fmt.Errorf("page %q offers no refusal %q of user %q: %s", p.title(), refusal, username, p.text("text"))
	}
	form := formOf(chosen)
	values := fields(form)
	values.Set("refuse", attribute(chosen, "value"))
	values.Set("pick", attribute(user, "value"))
	return b.send(ctx, p, form, values)
}

// send submits a form as a browser does.
func (b *Browser) send(ctx context.Context, p *page, form *html.Node, values url.Values) (*page, error) {
	action, err := p.url.Parse(attribute(form, "action"))
	if err != nil {
		return nil, fmt.Errorf("reading form: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, fmt.Errorf("sending form: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", action.Scheme+"://"+action.Host)
	return b.load(r)
}

// page is what a browser shows, or the answer that it is to deliver.
type page struct {
	url    *url.URL
	root   *html.Node
	answer *Answer
}

func (b *Browser) load(r *http.Request) (*page, error) {
	resp, err := b.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("loading page: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if location, err := resp.Location(); err == nil {
		return &page{answer: &Answer{URL: location}}, nil
	} else if !errors.Is(err, http.ErrNoLocation) {
		return nil, fmt.Errorf("reading redirect: %w", err)
	}
	root, err := html.Parse(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading page: %w", err)
	}
	p := &page{url: resp.Request.URL, root: root}
	for n := range root.Descendants() {
		if n.Data == "form" && hasAttribute(n, "data-submit") {
			action, err := url.Parse(attribute(n, "action"))
			if err != nil {
				return nil, fmt.Errorf("reading form: %w", err)
			}
			p.answer = &Answer{URL: action, Form: fields(n)}
		}
	}
	return p, nil
}

func (p *page) title() string {
	if p.root == nil {
		return ""
	}
	for n := range p.root.Descendants() {
		if n.Data == "title" && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

// option is the first option of a select that fits.
func (p *page) option(name string, fits func(*html.Node) bool) *html.Node {
	for list := range p.root.Descendants() {
		if list.Data != "select" || attribute(list, "name") != name {
			continue
		}
		for n := range list.Descendants() {
			if n.Data == "option" && n.FirstChild != nil && fits(n) {
				return n
			}
		}
	}
	return nil
}

// text is that of the first element of a class.
func (p *page) text(class string) string {
	if p.root == nil {
		return ""
	}
	for n := range p.root.Descendants() {
		if attribute(n, "class") == class && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

// formOf is the form that an element is in.
func formOf(n *html.Node) *html.Node {
	for n.Data != "form" {
		n = n.Parent
	}
	return n
}

// fields are the values of a form's inputs.
func fields(form *html.Node) url.Values {
	values := url.Values{}
	for n := range form.Descendants() {
		if n.Data == "input" {
			values.Set(attribute(n, "name"), attribute(n, "value"))
		}
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

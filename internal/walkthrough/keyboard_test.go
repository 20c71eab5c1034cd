package walkthrough_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestKeyboard signs in, creates a token and revokes it without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	b := open(t, s, look{})
	b.visit("/")
	b.at("Sign in")
	b.tabTo(b.the(button, "alice@contoso.example"))
	b.leave(func() { b.key(kb.Enter) })
	b.at("Tokens")

	b.tabTo(b.the(link, "Skip to the content"))
	b.picture("1-skip-link")
	b.key(kb.Enter)
	b.key(kb.Tab)
	b.isFocused(b.the(link, "New token"))
	b.leave(func() { b.key(kb.Enter) })

	b.at("New token")
	b.tabTo(b.the(textbox, "Name"))
	b.key("by hand")
	b.tabTo(b.the(radio, "Only contoso"))
	b.tabTo(b.the(radio, "30 days"))
	b.key(kb.ArrowLeft)
	b.isFocused(b.the(radio, "7 days"))
	b.tabTo(b.the(search, "Find a scope"))
	b.key("source")
	b.tabTo(b.the(checkbox, "vso.code "))
	b.key(" ")
	b.picture("2-form")
	b.tabTo(b.the(button, "Create token"))
	b.leave(func() { b.key(kb.Enter) })

	b.at("Your new token")
	secret := b.secret()
	s.accepts(t, secret, "vso.code")
	b.tabTo(b.the(button, "Copy the secret"))
	b.picture("3-created")
	b.tabTo(b.the(link, "This token"))
	b.leave(func() { b.key(kb.Enter) })
	b.at("by hand")
	b.tabTo(b.the(link, "Revoke"))
	b.leave(func() { b.key(kb.Enter) })
	b.tabTo(b.the(button, "Revoke it for good"))
	b.leave(func() { b.key(" ") })
	b.reads("“by hand” is revoked.")
	s.refuses(t, secret, "vso.code")

	account := b.the(menu, "Account of Alice")
	b.tabTo(account)
	b.key(kb.Enter)
	b.tabTo(b.the(link, "Account and sessions"))
	b.picture("4-menu")
	b.key(kb.Escape)
	b.isFocused(account)
	b.key(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift))
	b.isFocused(b.the(menu, "Organization contoso"))
	b.tabTo(account)
	b.key(kb.Enter)
	b.tabTo(b.the(button, "Sign out"))
	b.leave(func() { b.key(kb.Enter) })
	b.at("You are signed out")
}

// key presses keys.
func (b *browser) key(keys string, options ...chromedp.KeyOption) {
	b.Helper()
	b.do(chromedp.KeyEvent(keys, options...))
}

// maxTabs is more than any page has stops for the Tab key before what a person
// looks for.
const maxTabs = 80

// focused is what the focus is on: its words, where it is, and whether a person
// sees that it is there: by a ring around it, or around a choice and its label.
const focused = `(() => {
	const e = document.activeElement, box = e.getBoundingClientRect();
	const ringed = style => parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none";
	const ring = [e, ...(e.labels ?? [])].some(part => ringed(getComputedStyle(part)));
	const inside = box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
	return { name: (e.getAttribute("aria-label") ?? e.innerText ?? "").trim().slice(0, 60) || e.name || e.tagName, seen: e === document.body || ring && inside };
})()`

// tabTo presses Tab until the focus is on an element. Wherever it stops, a
// person sees it.
func (b *browser) tabTo(e *element) {
	b.Helper()
	e.shown()
	var stops []string
	for range maxTabs {
		b.key(kb.Tab)
		var at struct {
			Name string
			Seen bool
		}
		if err := json.Unmarshal(evaluate[[]byte](b, focused), &at); err != nil {
			b.Fatal(err)
		}
		if !at.Seen {
			b.Errorf("at %s the focus on %q is not to be seen", b.place(), at.Name)
		}
		if string(e.tell(`function() { return this === document.activeElement }`)) == "true" {
			return
		}
		stops = append(stops, at.Name)
	}
	b.fatal("the Tab key does not lead to %s, but to %q", e, stops)
}

// isFocused waits until the focus is on an element.
func (b *browser) isFocused(e *element) {
	b.Helper()
	b.until("the focus on "+e.String(), func(ctx context.Context) error {
		answer, err := e.ask(ctx, `function() { return this === document.activeElement }`)
		if err == nil && string(answer) != "true" {
			at, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 100)`))
			err = fmt.Errorf("it is on %s", at)
		}
		return err
	})
}

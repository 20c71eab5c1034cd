package walkthrough_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestAccount signs out of another browser, and then of this one.
func TestAccount(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	here, there := open(t, s, look{}), open(t, s, look{width: 360})
	here.signIn("alice")
	there.signIn("alice")

	here.the(menu, "Account of Alice").click()
	here.the(link, "Account and sessions").press()
	here.at("Account")
	here.rows(2)
	here.picture("1-account")
	here.the(button, "Sign out of Chrome").press()
	here.reads("You are signed out there.")
	here.rows(1)
	here.picture("2-signed-out-there")

	there.forget(s.IDP)
	there.reload()
	there.at("Sign in")
	there.pick("alice")
	there.at("Tokens")

	here.reload()
	here.rows(2)
	here.the(button, "Sign out everywhere else").press()
	here.reads("You are signed out of 1 other session.")
	here.the(button, "Look for new organizations").press()
	here.reads("You are a member of 2 organizations.")
}

// TestSignOut leaves nothing behind, here or at the provider.
func TestSignOut(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	s.create(t, "alice", api.PatTokenCreateRequest{DisplayName: "for alice alone", Scope: "vso.code"})
	b := open(t, s, look{})
	b.signIn("alice")
	b.the(link, "for alice alone").press()
	b.at("for alice alone")
	b.the(menu, "Account of Alice").click()
	b.the(button, "Sign out").press()
	b.at("You are signed out")
	b.picture("1-signed-out")
	for call(b, page.GetNavigationHistory, cdp.Empty{}).CurrentIndex > 0 {
		b.back()
		if strings.Contains(b.read(), "for alice alone") {
			b.Errorf("after the sign-out, going back to %s shows a token", b.place())
		}
	}
	b.visit("/contoso/tokens")
	b.at("Sign in")
	b.pick("bob")
	b.at("Tokens")
	b.the(menu, "Account of Bob").shown()
	b.the(link, "for alice alone").absent()
}

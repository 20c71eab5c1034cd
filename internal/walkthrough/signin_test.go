package walkthrough_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestSignIn signs in at the development provider and out again.
func TestSignIn(t *testing.T) {
	t.Parallel()
	b := open(t, patroltest.Start(t, patroltest.Options{}), look{})
	b.signIn("alice")
	if want, got := "Tokens", b.text("h1"); got != want {
		t.Errorf("after the sign-in the page is %q, want %q", got, want)
	}
	b.picture("tokens")
	b.checkAccess()
	b.do(chromedp.Click(`form[action="/sign-out"] button`), chromedp.WaitVisible(`a[href^="/sign-in"]`))
	b.picture("signed-out")
	b.checkAccess()
	b.visit("/contoso/tokens")
	if want, got := "Sign in", b.text("h1"); got != want {
		t.Errorf("signed out, the page of tokens shows %q, want the provider's %q", got, want)
	}
}

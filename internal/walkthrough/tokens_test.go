package walkthrough_test

import (
	"strings"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestTokens creates, finds, changes, rotates and revokes tokens, and asks
// after each step whether the token is still good.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	b := open(t, s, look{})
	b.signIn("alice")
	b.reads("No active tokens")
	b.picture("1-empty")

	b.the(link, "Create a token").press()
	b.at("New token")
	b.picture("2-new")
	b.the(textbox, "Name").fill("nightly build")
	b.the(radio, "On a day").choose()
	end := time.Now().AddDate(0, 0, 45).Format(time.DateOnly)
	b.the(day, "Day").fill(end)
	b.the(search, "Find a scope").fill("packages")
	b.the(checkbox, "vso.packaging ").choose()
	b.the(search, "Find a scope").fill("")
	b.the(checkbox, "vso.packaging_write ").shown()
	b.the(checkbox, "vso.wiki ").absent() // folded again
	b.chooseScope("Code", "vso.code")
	b.picture("3-new-filled-in")
	b.the(button, "Create token").press()

	b.at("Your new token")
	b.picture("4-created")
	secret := b.secret()
	s.accepts(t, secret, "vso.code")
	s.accepts(t, secret, "vso.packaging")
	s.refuses(t, secret, "vso.work")
	b.copies(secret)
	b.keepsNo(secret)

	b.visit("/contoso/tokens?tab=all")
	if want, got := 2, b.the(row, "").count(); want != got { // with the head
		t.Errorf("the list has %d rows, want %d", got, want)
	}
	b.the(search, "Search these tokens").fill("NIGHTLY")
	b.the(button, "Search").press()
	b.reads("1 token found among 1.")
	b.picture("5-found")
	b.the(link, "nightly build").press()
	b.at("nightly build")
	b.picture("6-token")

	b.the(link, "Edit").press()
	b.at("Edit nightly build")
	b.picture("7-edit")
	b.the(textbox, "Name").fill("weekly build")
	b.the(radio, "7 days from now").choose()
	b.the(search, "Find a scope").fill("vso.packaging")
	b.the(checkbox, "vso.packaging ").click()
	b.the(button, "Save").press()
	b.at("weekly build")
	b.reads("Saved: name, access and expiry.")
	b.picture("8-edited")
	s.accepts(t, secret, "vso.code")
	s.refuses(t, secret, "vso.packaging")

	b.the(link, "Regenerate").press()
	b.at("Regenerate weekly build")
	b.the(radio, "In 1 day").choose()
	b.picture("9-regenerate")
	b.the(button, "Regenerate").press()
	b.at("Your new token")
	b.picture("10-regenerated")
	second := b.secret()
	b.keepsNo(second)
	s.accepts(t, secret, "vso.code")
	s.accepts(t, second, "vso.code")
	old := s.named(t, "weekly build")[1]
	if left := time.Until(old.ValidTo.Time); left > 24*time.Hour || left < 23*time.Hour {
		t.Errorf("the old token is left %v to live, want a day", left)
	}

	b.visit("/contoso/tokens/" + s.named(t, "weekly build")[0].AuthorizationID + "/regenerate")
	b.the(radio, "Revoke it now").choose()
	b.the(button, "Regenerate").press()
	b.at("Your new token")
	third := b.secret()
	s.accepts(t, third, "vso.code")
	s.refuses(t, second, "vso.code")
	s.accepts(t, secret, "vso.code")

	b.the(link, "This token").press()
	b.at("weekly build")
	b.the(link, "Revoke").press()
	b.at("Revoke weekly build?")
	b.picture("11-revoke")
	b.the(link, "Keep it").press()
	b.at("weekly build")
	s.accepts(t, third, "vso.code")
	b.the(link, "Revoke").press()
	b.the(button, "Revoke it for good").press()
	b.reads("“weekly build” is revoked.")
	b.picture("12-revoked")
	s.refuses(t, third, "vso.code")
}

// chooseScope opens an area of the form of a token and ticks a scope in it.
func (b *browser) chooseScope(area, scope string) {
	b.Helper()
	within := b.the(fold, area+" ")
	if string(within.tell(`function() { return this.parentElement.open }`)) == "false" {
		within.click()
	}
	b.the(checkbox, scope+" ").choose()
}

// named are the tokens of alice with that name, the newest first.
func (s *site) named(t testing.TB, name string) (all []api.PatToken) {
	t.Helper()
	for _, token := range s.tokens(t, "alice") {
		if token.DisplayName == name {
			all = append(all, token)
		}
	}
	return all
}

// secret is what the page of a new token shows.
func (b *browser) secret() string {
	b.Helper()
	text := b.the("region", "the secret").text()
	secret := secrets.FindString(text)
	if secret == "" {
		b.fatal("there is no secret")
	}
	return secret
}

// copies fails where the button for it does not copy the secret.
func (b *browser) copies(secret string) {
	b.Helper()
	clipboard.Lock()
	defer clipboard.Unlock()
	for _, permission := range []string{"clipboard-read", "clipboard-write"} {
		ctx := b.ctx
		_, err := chromedp.CallBrowser(ctx, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{
			Permission: &cdpbrowser.PermissionDescriptor{Name: permission}, Setting: cdpbrowser.PermissionSettingGranted,
			BrowserContextID: chromedp.FromContext(ctx).BrowserContextID,
		})
		if err != nil {
			b.Fatalf("granting %s: %v", permission, err)
		}
	}
	b.the(button, "Copy the secret").click()
	b.reads("Copied")
	if evaluate[string](b, `navigator.clipboard.readText()`, chromedp.EvalAwaitPromise) != secret {
		b.Error("the button copied something else than the secret")
	}
}

// keepsNo fails where the secret is left anywhere, or made again, by what
// people do on the page that shows it.
func (b *browser) keepsNo(secret string) {
	b.Helper()
	gone := func(when string) {
		b.Helper()
		if strings.Contains(evaluate[string](b, `document.documentElement.outerHTML`), secret) {
			b.Errorf("%s the page %s has the secret", when, b.place())
		}
	}
	shown := b.path()
	b.the(link, "To your tokens").press()
	gone("afterwards")
	b.back()
	gone("after going back")
	b.picture("4-created-back")
	b.reload()
	b.at("The secret was shown before")
	gone("loaded again,")
	b.picture("4-created-again")
	b.back()
	gone("before it was sent,")
	b.visit(shown)
	gone("asked again,")
	for _, entry := range call(b, page.GetNavigationHistory, cdp.Empty{}).Entries {
		if strings.Contains(entry.URL+entry.UserTypedURL+entry.Title, secret) {
			b.Error("the history has the secret")
		}
	}
}

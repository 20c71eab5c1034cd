package walkthrough_test

import (
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestNoScript does everything without JavaScript, on a small phone.
func TestNoScript(t *testing.T) {
	t.Parallel()
	s := start(t, patroltest.Options{})
	b := open(t, s, look{noScript: true, width: 360})
	b.signIn("alice")
	b.the(link, "New token").press()
	b.the(textbox, "Name").fill("plain")
	b.the(radio, "90 days").choose()
	b.chooseScope("Packaging", "vso.packaging")
	b.picture("1-new")
	b.the(button, "Create token").press()
	b.at("Your new token")
	b.picture("2-created")
	secret := b.secret()
	s.accepts(t, secret, "vso.packaging")
	b.the(button, "Copy the secret").absent()
	b.keepsNo(secret)

	b.visit("/contoso/tokens")
	b.the(search, "Search these tokens").fill("pack")
	b.the(button, "Search").press()
	b.rows(1)
	b.the(link, "plain").press()
	b.the(link, "Edit").press()
	b.the(textbox, "Name").fill("plainer")
	b.the(button, "Save").press()
	b.reads("Saved: name.")
	b.picture("3-edited")
	b.the(link, "Regenerate").press()
	b.the(radio, "In 1 hour").choose()
	b.the(button, "Regenerate").press()
	b.at("Your new token")
	second := b.secret()
	s.accepts(t, secret, "vso.packaging")
	s.accepts(t, second, "vso.packaging")

	s.create(t, "alice", api.PatTokenCreateRequest{DisplayName: "another", Scope: "vso.code"})
	b.visit("/contoso/tokens")
	b.rows(3)
	b.the(checkbox, "Choose another").choose()
	for _, token := range s.named(t, "plainer") {
		b.ticks(token.AuthorizationID)
	}
	b.picture("4-list")
	b.the(button, "Revoke chosen…").press()
	b.the(button, "Revoke 3 tokens").press()
	b.reads("3 tokens were revoked.")
	s.refuses(t, secret, "vso.packaging")
	s.refuses(t, second, "vso.packaging")

	b.the(menu, "Account of Alice").click()
	b.the(link, "Account and sessions").press()
	b.at("Account")
	b.picture("5-account")
	b.the(button, "Sign out here").press()
	b.at("You are signed out")
	b.the(link, "Sign in again").press()
	b.at("Sign in")
}

// ticks chooses the token with that id in a list where names are not enough.
func (b *browser) ticks(id string) {
	b.Helper()
	if !evaluate[bool](b, `(() => { const box = document.querySelector('input[name=id][value="`+id+`"]'); box?.click(); return box?.checked ?? false; })()`) {
		b.fatal("the token %s cannot be chosen", id)
	}
}

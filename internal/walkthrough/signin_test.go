package walkthrough_test

import (
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestSignIn signs in at the development provider and out again.
func TestSignIn(t *testing.T) {
	t.Parallel()
	b := open(t, start(t, patroltest.Options{}), look{})
	b.visit("/")
	b.at("Sign in")
	b.picture("provider")
	b.checkAccess()
	b.pick("alice")
	b.at("Tokens")
	b.picture("tokens")
	b.checkAccess()
	b.the(menu, "Account of Alice").click()
	b.the(button, "Sign out").press()
	b.at("You are signed out")
	b.picture("signed-out")
	b.checkAccess()
	b.visit("/contoso/tokens")
	b.at("Sign in")
}

// signIn goes to the console and signs in as the user with that name before
// the "@".
func (b *browser) signIn(name string) {
	b.Helper()
	b.visit("/")
	b.pick(name)
	b.at("Tokens")
}

// pick picks a user at the provider.
func (b *browser) pick(name string) {
	b.Helper()
	b.the(button, name+"@contoso.example").press()
}

package walkthrough_test

import (
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestNoScript walks through the console without JavaScript.
func TestNoScript(t *testing.T) {
	t.Parallel()
	b := open(t, start(t, patroltest.Options{}), look{noScript: true})
	b.signIn("alice")
	b.picture("tokens")
	b.the(menu, "Account of Alice").click()
	b.the(button, "Sign out").press()
	b.at("You are signed out")
}

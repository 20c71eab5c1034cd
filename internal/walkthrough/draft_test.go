package walkthrough_test

import (
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestSessionEndsInAForm sends a form that was typed while the session ended:
// nothing is created, and nothing that was typed is lost.
func TestSessionEndsInAForm(t *testing.T) {
	t.Parallel()
	for _, l := range []struct {
		name string
		look look
		// knows: the provider still knows who sits there.
		knows bool
	}{{"signed in at the provider", look{}, true}, {"signed in nowhere", look{}, false}, {"without scripts", look{noScript: true}, false}} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, patroltest.Options{})
			b := open(t, s, l.look)
			b.signIn("alice")
			b.the(link, "New token").press()
			b.the(textbox, "Name").fill(hostile[0])
			b.the(radio, "All organizations").choose()
			b.the(radio, "On a day").choose()
			end := time.Now().AddDate(0, 0, 45).Format(time.DateOnly)
			b.the(day, "Day").fill(end)
			b.chooseScope("Code", "vso.code")

			elsewhere := open(t, s, look{})
			elsewhere.signIn("alice")
			elsewhere.visit("/account")
			elsewhere.the(button, "Sign out everywhere else").press()
			elsewhere.reads("You are signed out of 1 other session.")
			if !l.knows {
				b.forget(s.IDP)
			}

			b.the(button, "Create token").press()
			if !l.knows {
				b.at("Sign in")
				b.pick("alice")
			}
			b.at("New token")
			b.reads("No token was created.")
			b.picture("typed-before")
			if n := len(s.tokens(t, "alice")); n > 0 {
				t.Errorf("the form whose session had ended created %d tokens", n)
			}
			if got := b.the(textbox, "Name").value(); got != hostile[0] {
				t.Errorf("the name is %q after the sign-in, want %q", got, hostile[0])
			}
			if got := b.the(day, "Day").value(); got != end {
				t.Errorf("the day is %q after the sign-in, want %q", got, end)
			}
			for _, choice := range []*element{b.the(radio, "All organizations"), b.the(radio, "On a day"), b.the(checkbox, "vso.code ")} {
				if !choice.checked() {
					t.Errorf("%s is not chosen after the sign-in", choice)
				}
			}
			b.the(button, "Create token").press()
			b.at("Your new token")
			s.accepts(t, b.secret(), "vso.code")
			if n := len(s.tokens(t, "alice")); n != 1 {
				t.Errorf("there are %d tokens, want 1", n)
			}
		})
	}
}

// tokens are all that a user has.
func (s *site) tokens(t testing.TB, name string) (all []api.PatToken) {
	t.Helper()
	for token, err := range s.as(t, name, "contoso").List(t.Context(), client.ListOptions{}) {
		if err != nil {
			t.Fatalf("listing the tokens of %s: %v", name, err)
		}
		all = append(all, token)
	}
	return all
}

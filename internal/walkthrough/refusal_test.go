package walkthrough_test

import (
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestProviderRefuses meets each refusal that the development provider offers
// when somebody signs in, and goes on from there.
func TestProviderRefuses(t *testing.T) {
	t.Parallel()
	for i, test := range []struct {
		refusal, title, advice string
		// logged: it is for the operators to mend.
		logged bool
		// known: the provider knows the person all the same.
		known bool
	}{
		{"(65004)", "You are not signed in", "If you did not mean to cancel it, sign in again", false, false},
		{"(90094)", "An administrator has to approve this first", "Send the message below to the administrators", false, false},
		{"(65001)", "An administrator has to approve this first", "Send the message below to the administrators", false, false},
		{"(53003)", "A policy of your organization does not let you in", "Try a device that your organization manages", false, false},
		{"(50105)", "You are not among those who may use this", "Send the message below to the administrators", false, false},
		{"In place of a code: A transient error", "The sign-in service does not answer", "Try again in a minute.", true, false},
		{"(7000222)", "The console cannot sign anybody in", "they have to give it a new secret.", true, true},
		{"When the code is redeemed: A transient error", "The sign-in service does not answer", "Try again in a minute.", true, true},
	} {
		t.Run(test.refusal, func(t *testing.T) {
			t.Parallel()
			s := start(t, patroltest.Options{})
			b := open(t, s, look{dark: i%2 == 0, width: []int64{0, 360}[i/2%2], noScript: i%3 == 0})
			b.visit("/contoso/tokens?tab=all")
			b.refuse("alice", test.refusal)
			b.at(test.title)
			b.reads(test.advice)
			b.picture("refused")
			if logged := len(s.log.take()) > 0; logged != test.logged {
				t.Errorf("logged as an error: %v, want %v", logged, test.logged)
			}
			b.the(link, "Sign in again").press()
			if !test.known {
				b.at("Sign in")
				b.pick("alice")
			}
			b.isAt("/contoso/tokens?tab=all")
		})
	}
}

// TestProviderAsksForMore follows challenges of the provider, and comes back
// to the page that was asked for.
func TestProviderAsksForMore(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		refusal string
		// asks: the provider wants the person to sign in anew.
		asks bool
	}{
		{"When the code is redeemed: More proof is needed", true},
		{"At the first renewal: More proof is needed", true},
		{"At the first renewal: The refresh token is gone", false},
	} {
		t.Run(test.refusal, func(t *testing.T) {
			t.Parallel()
			b := open(t, start(t, patroltest.Options{AccessTokenLife: 30 * time.Second}), look{}) // too short to be used twice
			b.visit("/contoso/tokens?tab=all&q=x")
			b.refuse("alice", test.refusal)
			if test.asks {
				b.at("Sign in")
				b.picture("asked-for-more")
				b.pick("alice")
			}
			b.isAt("/contoso/tokens?tab=all&q=x")
			b.reads("No token matches")
		})
	}
}

// refuse has the provider refuse to sign a user in.
func (b *browser) refuse(name, refusal string) {
	b.Helper()
	b.at("Sign in")
	b.the(fold, "Have it refused instead").click()
	b.the(choice, "What goes wrong").pick(refusal)
	b.the(choice, "Who signs in").pick(name + "@contoso.example")
	b.the(button, "Have it refused").press()
}

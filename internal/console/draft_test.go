package console_test

import (
	"crypto/rand"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// forget loses the cookies of the browser, and so the session.
func (v *visitor) forget() {
	v.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.http.Jar = jar
}

// TestDraft: what was typed when the session had ended is there after the
// sign-in, once, and nothing is created by it.
func TestDraft(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	for _, name := range hostile {
		form := v.filledIn(name)
		form.Set("expiry", "custom")
		form.Set("date", "2027-06-30")
		v.forget()
		stopped := v.post(newTokenPath, form)
		if stopped.status != http.StatusOK || stopped.heading() != "One moment" {
			t.Fatalf("a form without a session = status %d %q, want a page that goes on to the sign-in", stopped.status, stopped.heading())
		}
		restored := v.finishSignIn(stopped.link("Go on"))
		if !strings.Contains(restored.said(), "No token was created.") {
			t.Errorf("after the sign-in the page does not say that no token was created: %s", restored.said())
		}
		got := restored.form(newTokenPath)
		if got.Get("once") == form.Get("once") {
			t.Error("the form has the word of the one before")
		}
		form.Set("once", got.Get("once"))
		if diff := cmp.Diff(form, got); diff != "" {
			t.Errorf("what was typed was not kept (-typed +kept):\n%s", diff)
		}
		if again := v.get(newTokenPath).form(newTokenPath); again.Get("name") != "" {
			t.Errorf("the draft of %q is there again", again.Get("name"))
		}
	}
	if made := v.tokens(api.FilterAll); len(made) > 0 {
		t.Errorf("%d tokens were created without their owner saying so", len(made))
	}
}

// TestDraftStaysAtItsPage: it is of one page, and sealed.
func TestDraftStaysAtItsPage(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	form := v.filledIn("of contoso")
	v.forget()
	v.post(newTokenPath, form)
	v.finishSignIn("/sign-in?to=/account") // in another tab
	if got := v.get("/fabrikam/tokens/new").form("/fabrikam/tokens/new").Get("name"); got != "" {
		t.Errorf("the form of another organization has the draft %q", got)
	}
	if got := v.get(newTokenPath).form(newTokenPath).Get("name"); got != "of contoso" {
		t.Errorf("the draft is %q, want what was typed", got)
	}
}

// TestLongDraft: what is too long to be kept is not lost unsaid.
func TestLongDraft(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	form := v.signIn(newTokenPath).form(newTokenPath)
	for range 300 { // which does not get shorter
		form.Add("scope", rand.Text())
	}
	v.forget()
	got := v.post(newTokenPath, form)
	if got.status != http.StatusUnauthorized || !strings.Contains(got.said(), "too long to be kept") {
		t.Errorf("status %d, want 401 and that it is too long to be kept: %s", got.status, got.said())
	}
	if !strings.HasPrefix(got.link("Sign in"), "/sign-in?") {
		t.Errorf("the page leads to %q, want the sign-in", got.link("Sign in"))
	}
}

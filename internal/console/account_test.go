package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestOtherSessions signs out of other browsers, and only of one's own.
func TestOtherSessions(t *testing.T) {
	t.Parallel()
	site := patroltest.Start(t, patroltest.Options{})
	here, there, elsewhere, bob := enter(t, site, "alice"), enter(t, site, "alice"), enter(t, site, "alice"), enter(t, site, "bob")

	account := here.get("/account")
	if want := "Unknown browser This browser"; account.status != http.StatusOK || !strings.Contains(account.said(), want) {
		t.Fatalf("the account is %d %q, want it to have %q", account.status, account.said(), want)
	}
	if got := strings.Count(account.body, `action="/account/sessions/end"`); got != 2 {
		t.Errorf("the account offers to end %d sessions, want the 2 others", got)
	}
	form := account.form("/account/sessions/end")

	if got := bob.follow(bob.post("/account/sessions/end", form)); !strings.Contains(got.said(), "had ended already") {
		t.Errorf("ending a session of another person tells %q", got.said())
	}
	alive := func() (n int) {
		for _, browser := range []*visitor{there, elsewhere} {
			if browser.get("/account").status == http.StatusOK {
				n++
			}
		}
		return n
	}
	if got := alive(); got != 2 {
		t.Errorf("of the 2 other sessions %d are alive after another person tried to end one", got)
	}
	if got := here.follow(here.post("/account/sessions/end", form)); !strings.Contains(got.said(), "You are signed out there.") {
		t.Errorf("after a session was ended the account tells %q", got.said())
	}
	if got := alive(); got != 1 {
		t.Errorf("of the 2 other sessions %d are alive after one was ended", got)
	}
	if got := here.follow(here.post("/account/sessions/end-others", nil)); !strings.Contains(got.said(), "signed out of 1 other session.") {
		t.Errorf("after the others were ended the account tells %q", got.said())
	}
	if got := alive(); got != 0 {
		t.Errorf("%d other sessions are alive after all were ended", got)
	}
	if got := here.get("/account").status; got != http.StatusOK {
		t.Errorf("the session that ended the others answers %d, want 200", got)
	}
	if got := bob.get("/account").status; got != http.StatusOK {
		t.Errorf("the session of another person answers %d, want 200", got)
	}
}

// TestSignOut ends the session on the server: its cookie is good for nothing
// any more.
func TestSignOut(t *testing.T) {
	t.Parallel()
	site := patroltest.Start(t, patroltest.Options{})
	alice := enter(t, site, "alice")
	kept := alice.cookies()
	out := alice.post("/sign-out", nil)
	if out.status != http.StatusOK || out.location != "" || !strings.Contains(out.body, `http-equiv="refresh"`) {
		t.Errorf("POST /sign-out = %d to %q, want a page of the console that goes on", out.status, out.location)
	}
	for _, cookie := range kept {
		got := newVisitor(t, site, "alice").get("/account", "Cookie", cookie.Name+"="+cookie.Value)
		if got.status != http.StatusSeeOther {
			t.Errorf("with the cookie %s from before the sign-out, the account answers %d, want a redirect", cookie.Name, got.status)
		}
	}
	if got := alice.get("/signed-out"); got.status != http.StatusOK || got.heading() != "You are signed out" {
		t.Errorf("GET /signed-out = %d %q", got.status, got.heading())
	}
}

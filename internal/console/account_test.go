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
	here, there, elsewhere, bob := signedIn(t, site, "alice"), signedIn(t, site, "alice"), signedIn(t, site, "alice"), signedIn(t, site, "bob")

	account := here.get("/account")
	if want := "Firefox on Linux This browser"; account.status != http.StatusOK || !strings.Contains(account.main(), want) {
		t.Fatalf("the account is %d %q, want it to have %q", account.status, account.main(), want)
	}
	if got := strings.Count(account.body, `action="/account/sessions/end"`); got != 2 {
		t.Errorf("the account offers to end %d sessions, want the 2 others", got)
	}
	form := account.form("/account/sessions/end")

	if got := bob.follow(bob.post("/account", "/account/sessions/end", form)); !strings.Contains(got.main(), "had ended already") {
		t.Errorf("ending a session of another person tells %q", got.main())
	}
	alive := func() (n int) {
		for _, browser := range []*person{there, elsewhere} {
			if browser.get("/account").status == http.StatusOK {
				n++
			}
		}
		return n
	}
	if got := alive(); got != 2 {
		t.Errorf("of the 2 other sessions %d are alive after another person tried to end one", got)
	}
	if got := here.follow(here.post("/account", "/account/sessions/end", form)); !strings.Contains(got.main(), "You are signed out there.") {
		t.Errorf("after a session was ended the account tells %q", got.main())
	}
	if got := alive(); got != 1 {
		t.Errorf("of the 2 other sessions %d are alive after one was ended", got)
	}
	if got := here.follow(here.post("/account", "/account/sessions/end-others", nil)); !strings.Contains(got.main(), "signed out of 1 other session.") {
		t.Errorf("after the others were ended the account tells %q", got.main())
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
	alice := signedIn(t, site, "alice")
	kept := alice.cookies()
	out := alice.post("/account", "/sign-out", nil)
	if out.status != http.StatusOK || out.header.Get("Location") != "" || !strings.Contains(out.body, `http-equiv="refresh"`) {
		t.Errorf("POST /sign-out = %d to %q, want a page of the console that goes on", out.status, out.header.Get("Location"))
	}
	thief := newPerson(t, site)
	for _, cookie := range kept {
		got := thief.fetch(http.MethodGet, thief.base+"/account", nil, "Cookie", cookie.Name+"="+cookie.Value)
		if got.status != http.StatusSeeOther {
			t.Errorf("with the cookie %s from before the sign-out, the account answers %d, want a redirect", cookie.Name, got.status)
		}
	}
	if got := alice.get("/signed-out"); got.status != http.StatusOK || got.heading() != "You are signed out" {
		t.Errorf("GET /signed-out = %d %q", got.status, got.heading())
	}
}

package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestRefusedSignIn has the provider refuse to sign somebody in, and reads what
// the console makes of it.
func TestRefusedSignIn(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	tests := []struct {
		refusal string
		status  int
		heading string
		says    []string
	}{
		{"65004", http.StatusForbidden, "You are not signed in", []string{"AADSTS65004", "User declined to consent"}},
		{"90094", http.StatusForbidden, "An administrator has to approve this first", []string{"AADSTS90094", "Please approve the console", "Application (client) ID: " + s.Clients.Console.ID}},
		{"65001", http.StatusForbidden, "An administrator has to approve this first", []string{"AADSTS65001"}},
		{"53003", http.StatusForbidden, "A policy of your organization does not let you in", []string{"AADSTS53003", "Conditional access"}},
		{"50105", http.StatusForbidden, "You are not among those who may use this", []string{"AADSTS50105", "Please assign me"}},
		{"90033", http.StatusServiceUnavailable, "The sign-in service does not answer", []string{"AADSTS90033"}},
		{"7000222", http.StatusInternalServerError, "The console cannot sign anybody in", []string{"AADSTS7000222", "client secret has expired", "the people who run this console"}},
		{"unavailable", http.StatusServiceUnavailable, "The sign-in service does not answer", []string{"AADSTS90033"}},
	}
	for _, tt := range tests {
		t.Run(tt.refusal, func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t, s, "alice")
			got := v.refused("/contoso/tokens?tab=all", tt.refusal)
			if got.status != tt.status || got.heading() != tt.heading {
				t.Errorf("the page of refusal %s = status %d %q, want %d %q", tt.refusal, got.status, got.heading(), tt.status, tt.heading)
			}
			for _, want := range append(tt.says, "Trace ID:", "Correlation ID:", "Time:", "In the words of the sign-in service") {
				if !strings.Contains(got.said(), want) {
					t.Errorf("the page of refusal %s does not say %q: %s", tt.refusal, want, got.said())
				}
			}
			to := url.QueryEscape("/contoso/tokens?tab=all")
			if links := got.links(); links["Sign in again"] != "/sign-in?to="+to || links["Use another account"] != "/sign-in?choose=1&to="+to {
				t.Errorf("the page of refusal %s leads on to %v", tt.refusal, links)
			}
			if strings.Contains(got.body, s.Clients.Console.Secret) {
				t.Error("the page has the client secret")
			}
		})
	}
}

// TestAskedForMore signs in once more where the provider asks for more proof,
// without a page between.
func TestAskedForMore(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	browser := devidptest.NewBrowser(v.server.HTTP.Transport)
	answer, err := browser.SignInRefused(t.Context(), v.toProvider("/account"), "alice@contoso.example", "50076")
	if err != nil {
		t.Fatal(err)
	}
	again := v.get(answer.URL.String())
	asked, err := url.Parse(again.location)
	if err != nil || again.status != http.StatusSeeOther || !strings.Contains(asked.Query().Get("claims"), `"c1"`) {
		t.Fatalf("asked for more proof the console answers %d to %q, want the provider with its claims", again.status, again.location)
	}
	if answer, err = browser.SignIn(t.Context(), again.location, "alice@contoso.example"); err != nil {
		t.Fatal(err)
	}
	if got := v.follow(v.get(answer.URL.String())); got.heading() != "Account" {
		t.Errorf("with more proof the sign-in leads to %q: %s", got.heading(), got.said())
	}
}

// TestSignInWhileRenewing: where the provider does not renew a sign-in, people
// are sent to it, and back to their page.
func TestSignInWhileRenewing(t *testing.T) {
	t.Parallel()
	// Each access token is renewed before it is used: it ends within a minute.
	s := patroltest.Start(t, patroltest.Options{AccessTokenLife: 50 * time.Second})
	for _, tt := range []struct{ refusal, claims string }{{"renewal", `"c1"`}, {"700082", ""}} {
		t.Run(tt.refusal, func(t *testing.T) {
			t.Parallel()
			v := newVisitor(t, s, "alice")
			const path = "/contoso/tokens/new?name=build"
			browser := devidptest.NewBrowser(v.server.HTTP.Transport)
			answer, err := browser.SignInRefused(t.Context(), v.toProvider(path), "alice@contoso.example", tt.refusal)
			if err != nil {
				t.Fatal(err)
			}
			first := v.get(answer.URL.String())
			again := v.follow(first)
			if first.location != path || again.status != http.StatusSeeOther || !strings.HasPrefix(again.location, "/sign-in?") {
				t.Fatalf("on the page the console answers %d to %q, want it to sign in again: %s", again.status, again.location, again.said())
			}
			if strings.Contains(again.location, "acrs") {
				t.Error("the claims are not sealed in the address")
			}
			begun := v.get(again.location)
			asked, err := url.Parse(begun.location)
			if err != nil || !strings.Contains(asked.Query().Get("claims"), tt.claims) || asked.Query().Get("login_hint") != "alice@contoso.example" {
				t.Fatalf("the console sends to %q, want the provider with the claims %s", begun.location, tt.claims)
			}
			if answer, err = browser.SignIn(t.Context(), begun.location, "alice@contoso.example"); err != nil {
				t.Fatal(err)
			}
			if got := v.get(answer.URL.String()); got.location != path {
				t.Errorf("the sign-in leads to %q, want the page where it was needed", got.location)
			}
		})
	}
}

// TestPlantedSession: a sign-in never takes up a cookie that the browser had.
func TestPlantedSession(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	thief := enter(t, s, "bob")
	var planted *http.Cookie
	for _, cookie := range thief.cookies() {
		if !strings.Contains(strings.TrimPrefix(cookie.Name, "patrol-"), "-") {
			planted = cookie
		}
	}
	if planted == nil {
		t.Fatal("there is no session cookie")
	}
	for _, value := range []string{planted.Value, strings.Repeat("A", len(planted.Value))} {
		victim := newVisitor(t, s, "alice")
		console, err := url.Parse(s.Console)
		if err != nil {
			t.Fatal(err)
		}
		victim.http.Jar.SetCookies(console, []*http.Cookie{{Name: planted.Name, Value: value, Path: "/"}})
		victim.finishSignIn("/sign-in?to=/account")
		for _, cookie := range victim.cookies() {
			if cookie.Name == planted.Name && cookie.Value == value {
				t.Errorf("after the sign-in the browser has the planted cookie %s still", cookie.Name)
			}
		}
		if got := victim.get("/account"); !strings.Contains(got.said(), "alice@contoso.example") {
			t.Errorf("after the sign-in the account is not alice's: %s", got.said())
		}
		if got := newVisitor(t, s, "").get("/account", "Cookie", planted.Name+"="+value); got.status != http.StatusSeeOther {
			t.Errorf("the planted cookie answers %d after the sign-in, want a redirect", got.status)
		}
	}
}

// TestSignInOfAnotherBrowser: nobody is signed in by an answer that another
// browser asked for.
func TestSignInOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	thief, victim := newVisitor(t, s, "bob"), newVisitor(t, s, "alice")
	answer, err := devidptest.NewBrowser(s.HTTP.Transport).SignIn(t.Context(), thief.toProvider("/account"), "bob@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	victim.toProvider("/account") // so that it has a cookie of its own
	if got := victim.get(answer.URL.String()); got.status != http.StatusBadRequest || got.heading() != "This sign-in is not valid any more" {
		t.Errorf("the answer of another browser = status %d %q, want 400", got.status, got.heading())
	}
	if got := victim.get("/account"); got.status != http.StatusSeeOther {
		t.Errorf("afterwards the account = status %d, want nobody to be signed in", got.status)
	}
	altered := *answer.URL
	query := altered.Query()
	query.Set("state", query.Get("state")[:20]+"x"+query.Get("state")[21:])
	altered.RawQuery = query.Encode()
	for _, address := range []string{altered.String(), s.Console + "getAToken", s.Console + "getAToken?state=&code=x", s.Console + "getAToken?error=access_denied&error_description=pay+here"} {
		got := thief.get(address)
		if got.status != http.StatusBadRequest || strings.Contains(got.body, "pay here") {
			t.Errorf("an answer that nobody asked for = status %d %q, want 400 and none of its words", got.status, got.heading())
		}
	}
	if got := thief.get(answer.URL.String()); got.location != "/account" {
		t.Errorf("in its own browser the answer leads to %q, want the page", got.location)
	}
}

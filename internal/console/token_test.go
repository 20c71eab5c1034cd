package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// mint creates a token of the visitor without the console, and returns it
// with the path of its page.
func (v *visitor) mint(name string, days int) (api.PatToken, string) {
	v.t.Helper()
	end := api.Time{Time: time.Now().Add(time.Duration(days) * 24 * time.Hour)}
	token, err := v.api().Create(v.t.Context(), api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code vso.packaging", ValidTo: &end})
	if err != nil {
		v.t.Fatal(err)
	}
	return token, "/contoso/tokens/" + token.AuthorizationID
}

// state is the state of a token of the visitor, and its end.
func (v *visitor) state(id string) (api.TokenState, time.Time) {
	v.t.Helper()
	token, err := v.api().Get(v.t.Context(), id)
	if err != nil {
		v.t.Fatal(err)
	}
	state, err := v.api().State(v.t.Context(), token)
	if err != nil {
		v.t.Fatal(err)
	}
	return state, token.ValidTo.Time
}

func TestToken(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	v := enter(t, s, "alice")
	for _, name := range hostile {
		_, path := v.mint(name, 30)
		page := v.get(path)
		if page.status != http.StatusOK || page.heading() != name {
			t.Errorf("the page of %q = status %d, heading %q", name, page.status, page.heading())
		}
		for _, want := range []string{"Active", "Never", "vso.code", "in 30 days"} {
			if !strings.Contains(page.said(), want) {
				t.Errorf("the page of %q does not say %q: %s", name, want, page.said())
			}
		}
	}
	_, path := v.mint("build", 30)
	want := map[string]string{
		"Edit": path + "/edit", "Regenerate": path + "/regenerate", "Revoke": path + "/revoke",
		"Create one like it": "/contoso/tokens/new?like=" + strings.TrimPrefix(path, "/contoso/tokens/"),
	}
	if diff := cmp.Diff(want, actions(v.get(path))); diff != "" {
		t.Errorf("the actions of an active token differ (-want +got):\n%s", diff)
	}
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "x", "%3Cscript%3E"} {
		for _, page := range []string{"", "/edit", "/regenerate", "/revoke"} {
			if got := v.get("/contoso/tokens/" + id + page); got.status != http.StatusNotFound {
				t.Errorf("GET tokens/%s%s = status %d, want 404", id, page, got.status)
			}
		}
	}
	if got := enter(t, s, "bob").get(path); got.status != http.StatusNotFound {
		t.Errorf("the page of another person's token = status %d, want 404", got.status)
	}
}

// actions are the links of a page to what can be done with a token.
func actions(page seen) map[string]string {
	all := map[string]string{}
	for text, address := range page.links() {
		switch text {
		case "Edit", "Regenerate", "Revoke", "Create one like it":
			all[text] = address
		}
	}
	return all
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	v := enter(t, patroltest.Start(t, patroltest.Options{}), "alice")
	token, path := v.mint("build", 30)
	if got := v.get(path + "/revoke"); got.status != http.StatusOK || !strings.Contains(got.said(), "stops working at once") {
		t.Errorf("the question = status %d: %s", got.status, got.said())
	}
	if state, _ := v.state(token.AuthorizationID); state != api.StateActive {
		t.Errorf("after the question the token is %s, want active", state)
	}
	for range 2 { // to revoke what is revoked is fine
		got := v.follow(v.post(path+"/revoke", nil))
		if got.status != http.StatusOK || !strings.Contains(got.said(), "is revoked") {
			t.Errorf("after revoking = status %d: %s", got.status, got.said())
		}
	}
	if state, _ := v.state(token.AuthorizationID); state != api.StateRevoked {
		t.Errorf("after revoking the token is %s, want revoked", state)
	}
	want := map[string]string{"Create one like it": "/contoso/tokens/new?like=" + token.AuthorizationID}
	if diff := cmp.Diff(want, actions(v.get(path))); diff != "" {
		t.Errorf("the actions of a revoked token differ (-want +got):\n%s", diff)
	}
	for _, page := range []string{"/edit", "/regenerate", "/revoke"} {
		if got := v.get(path + page); got.status != http.StatusConflict || got.heading() != "This token is revoked" {
			t.Errorf("GET %s of a revoked token = status %d %q, want 409 and why", page, got.status, got.heading())
		}
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	v := enter(t, patroltest.Start(t, patroltest.Options{}), "alice")
	tests := []struct {
		name   string
		change url.Values
		status int
		says   string
		want   [3]string // name, scope, days from now to the end
	}{
		{"nothing", url.Values{}, 303, "Nothing was changed", [3]string{"build", "vso.code vso.packaging", "20"}},
		{"the name", url.Values{"name": {`<img src=x onerror=alert(1)>`}}, 303, "Saved: name.", [3]string{`<img src=x onerror=alert(1)>`, "vso.code vso.packaging", "20"}},
		{"the scopes", url.Values{"scope": {"vso.build"}}, 303, "Saved: access.", [3]string{"build", "vso.build", "20"}},
		{"the expiry", url.Values{"expiry": {"60"}}, 303, "Saved: expiry. It expires on", [3]string{"build", "vso.code vso.packaging", "60"}},
		{"all", url.Values{"name": {"b"}, "access": {"full"}, "expiry": {"7"}, "reach": {"all"}}, 303, "Saved: name, access, organization and expiry.", [3]string{"b", "app_token", "7"}},

		{"no name", url.Values{"name": {" "}}, 422, "Say what the token is for.", [3]string{"build", "vso.code vso.packaging", "20"}},
		{"a name too long", url.Values{"name": {strings.Repeat("a", 256)}}, 422, "needs another look", [3]string{"build", "vso.code vso.packaging", "20"}},
		{"no scope", url.Values{"scope": nil}, 422, "Choose at least one scope.", [3]string{"build", "vso.code vso.packaging", "20"}},
		{"no such scope", url.Values{"scope": {"vso.nothing"}}, 422, "needs another look", [3]string{"build", "vso.code vso.packaging", "20"}},
		{"a day that is over", url.Values{"expiry": {"custom"}, "date": {"2020-01-01"}}, 422, "This day is over.", [3]string{"build", "vso.code vso.packaging", "20"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token, path := v.mint("build", 20)
			form := v.get(path + "/edit").form(path + "/edit")
			for name, values := range tt.change {
				form[name] = values
				if values == nil {
					form.Del(name)
				}
			}
			got := v.post(path+"/edit", form)
			said := got.said()
			if got.status == http.StatusSeeOther {
				said = v.follow(got).said()
			}
			if got.status != tt.status || !strings.Contains(said, tt.says) {
				t.Errorf("saving = status %d: %s, want %d and %q", got.status, said, tt.status, tt.says)
			}
			if got.status == http.StatusUnprocessableEntity {
				again := got.form(path + "/edit")
				if diff := cmp.Diff(form, again); diff != "" {
					t.Errorf("the refused form does not repeat what was typed (-want +got):\n%s", diff)
				}
			}
			now, err := v.api().Get(t.Context(), token.AuthorizationID)
			if err != nil {
				t.Fatal(err)
			}
			days := time.Until(now.ValidTo.Time).Round(24*time.Hour).Hours() / 24
			if diff := cmp.Diff(tt.want, [3]string{now.DisplayName, now.Scope, strings.TrimSuffix(time.Duration(days).String(), "ns")}); diff != "" {
				t.Errorf("the token differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEditMeanwhile: what another request did meanwhile is not overwritten.
func TestEditMeanwhile(t *testing.T) {
	t.Parallel()
	v := enter(t, patroltest.Start(t, patroltest.Options{}), "alice")
	token, path := v.mint("build", 20)
	form := v.get(path + "/edit").form(path + "/edit")
	form.Set("name", "mine")
	theirs := "theirs"
	if _, err := v.api().Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: token.AuthorizationID, DisplayName: &theirs}); err != nil {
		t.Fatal(err)
	}
	got := v.post(path+"/edit", form)
	if got.status != http.StatusConflict || !strings.Contains(got.said(), "was changed meanwhile") || got.form(path+"/edit").Get("name") != "mine" {
		t.Errorf("saving what was changed meanwhile = status %d: %s", got.status, got.said())
	}
	if saved := v.follow(v.post(path+"/edit", got.form(path+"/edit"))); saved.heading() != "mine" {
		t.Errorf("saving it all the same leads to %q: %s", saved.heading(), saved.said())
	}
	form = v.get(path + "/edit").form(path + "/edit")
	if err := v.api().Revoke(t.Context(), token.AuthorizationID); err != nil {
		t.Fatal(err)
	}
	if got := v.post(path+"/edit", form); got.status != http.StatusConflict || got.heading() != "This token is revoked" {
		t.Errorf("saving what was revoked meanwhile = status %d %q", got.status, got.heading())
	}
}

func TestRegenerate(t *testing.T) {
	t.Parallel()
	v := enter(t, patroltest.Start(t, patroltest.Options{}), "alice")
	tests := []struct {
		old   string
		state api.TokenState
		lasts time.Duration
		says  string
	}{
		{"now", api.StateRevoked, 20 * 24 * time.Hour, "The old token is revoked."},
		{"1h", api.StateActive, time.Hour, "The old token works until"},
		{"7d", api.StateActive, 7 * 24 * time.Hour, "The old token works until"},
		{"stay", api.StateActive, 20 * 24 * time.Hour, "The old token works until"},
	}
	for _, tt := range tests {
		t.Run(tt.old, func(t *testing.T) {
			old, path := v.mint("build "+tt.old, 20)
			form := v.get(path + "/regenerate").form(path + "/regenerate")
			if form.Get("old") != "now" || form.Get("expiry") != "custom" {
				t.Errorf("the form suggests %q for the old token and %q for the new one, want now, and a day as far away", form.Get("old"), form.Get("expiry"))
			}
			form.Set("old", tt.old)
			sent := v.post(path+"/regenerate", form)
			created := v.follow(sent)
			secret := created.text("secret")
			if created.status != http.StatusCreated || len(secret) != 84 || secret == *old.Token || !strings.Contains(created.said(), tt.says) {
				t.Fatalf("the page of the new token = status %d, a secret of %d characters: %s", created.status, len(secret), created.said())
			}
			state, end := v.state(old.AuthorizationID)
			if lasts := time.Until(end); state != tt.state || lasts > tt.lasts || lasts < tt.lasts-time.Minute {
				t.Errorf("the old token is %s for %v, want %s for %v", state, lasts, tt.state, tt.lasts)
			}
			id := strings.Split(sent.location, "/")[3]
			fresh, err := v.api().Get(t.Context(), id)
			if err != nil || fresh.DisplayName != old.DisplayName || fresh.Scope != old.Scope || id == old.AuthorizationID {
				t.Errorf("the new token is %v, %v, want one like %v", fresh, err, old)
			}
			before := len(v.tokens(api.FilterAll))
			if again := v.follow(v.post(path+"/regenerate", form)); again.heading() != "You sent this form before" {
				t.Errorf("sending the form again = status %d %q", again.status, again.heading())
			}
			if after := len(v.tokens(api.FilterAll)); after != before {
				t.Errorf("sending the form again made %d tokens of %d", after, before)
			}
		})
	}
}

// TestRegenerateWhileSignedOut: the log does not call a token alive that was
// revoked while its owner signed out.
func TestRegenerateWhileSignedOut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	path := strings.TrimSuffix(s.create("old"), "/created") + "/regenerate"
	form := s.get(path).form(path)
	s.meddled(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodDelete {
			s.post("/sign-out", nil)
		}
		return false
	})
	s.post(path, form)
	if revoked := s.tokens(api.FilterRevoked); len(revoked) != 1 {
		t.Errorf("%d tokens are revoked, want 1", len(revoked))
	}
	if log := s.log.String(); strings.Contains(log, "was not ended") || !strings.Contains(log, "was ended") {
		t.Errorf("the log says of the old token: %s", log)
	}
}

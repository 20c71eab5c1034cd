package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestLogoutHints signs alice in, and has a client sign people out.
func TestLogoutHints(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	idToken := func(username, password string) string {
		token, _ := s.token(t, with(passwordForm(), "username", username, "password", password)).JSON["id_token"].(string)
		return token
	}
	hers, anothers := idToken(alice.Username, alice.Password), idToken(carol.Username, carol.Password)
	s.clock.advance(3 * time.Hour) // the ID tokens have expired
	const web, loopback = "https://app.contoso.example/signed-out", "http://localhost:40000/signed-out"
	for _, test := range []struct {
		name  string
		query []string
		after string
		want  string // where the browser goes
		ended bool
	}{
		{"no hint", nil, web, web, true},
		{"user name", []string{"logout_hint", "ALICE@contoso.example"}, web, web, true},
		{"object id", []string{"logout_hint", alice.ObjectID}, web, web, true},
		{"another user", []string{"logout_hint", carol.Username}, web, web, false},
		{"unknown user", []string{"logout_hint", "mallory"}, web, web, true},
		{"client", []string{"client_id", confidentialID}, web, web, true},
		{"client of another site", []string{"client_id", publicID}, web, "", true},
		{"client of this machine", []string{"client_id", publicID}, loopback, loopback, true},
		{"ID token", []string{"id_token_hint", hers}, loopback, loopback, true},
		{"ID token and its client", []string{"id_token_hint", hers, "client_id", publicID}, loopback, loopback, true},
		{"ID token of another user", []string{"id_token_hint", anothers}, loopback, loopback, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ended := s.logout(t, test.query, test.after)
			if location := got.Header.Get("Location"); location != test.want {
				t.Errorf("Location = %q, want %q", location, test.want)
			}
			if ended != test.ended {
				t.Errorf("session ended = %v, want %v", ended, test.ended)
			}
		})
	}
	access, _ := s.token(t, passwordForm()).JSON["access_token"].(string)
	for name, query := range map[string][]string{
		"unknown client":            {"client_id", "nobody"},
		"noise":                     {"id_token_hint", "x.y.z"},
		"access token":              {"id_token_hint", access},
		"changed ID token":          {"id_token_hint", hers[:len(hers)-4] + "AAAA"},
		"ID token and other client": {"id_token_hint", hers, "client_id", confidentialID},
	} {
		t.Run(name, func(t *testing.T) {
			got, ended := s.logout(t, query, web)
			if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" || !ended {
				t.Errorf("answer = %d to %q, session ended %v; want 400, nowhere, and the session ended", got.StatusCode, got.Header.Get("Location"), ended)
			}
		})
	}
}

// logout signs out in a browser where alice is signed in, and reports whether her
// session was ended.
func (s *site) logout(t *testing.T, query []string, after string) (response, bool) {
	t.Helper()
	ctx := pageContext(t, s.get(t, s.authorizeURL(authorizeForm())))
	session := s.post(t, "/"+tenant+"/login", url.Values{"ctx": {ctx}, "pick": {alice.ObjectID}}).Cookies()[0]
	values := with(url.Values{"post_logout_redirect_uri": {after}}, query...)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.authority()+"/oauth2/v2.0/logout?"+values.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(session)
	got := s.do(t, r)
	return got, strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0")
}

package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
)

// hostileToken is what a terminal would act on, were it printed as it is.
func hostileToken() api.PatToken {
	secret := "\x1b]52;c;cm0gLXJm\x07"
	return api.PatToken{
		DisplayName: "ci\x1b[2J", Scope: "vso.code", AuthorizationID: "id\x1b]0;owned\x07\u202e", Token: &secret,
		ValidFrom: api.Time{Time: time.Now()}, ValidTo: api.Time{Time: time.Now().Add(day)},
	}
}

// hostileUsage is a last use that a terminal would act on.
func hostileUsage(token api.PatToken) api.TokenUsage {
	const text = "\x1b]0;owned\x07\u202e\nid\tmine"
	return api.TokenUsage{AuthorizationID: token.AuthorizationID, State: text, LastUsed: &token.ValidFrom, Address: text, Client: text, Scope: text}
}

// newHostileService answers each call with the token, and returns the ids of
// those that are revoked in the end.
func newHostileService(t *testing.T, token api.PatToken) (address string, revoked func() []string) {
	t.Helper()
	var ids []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any = api.PatTokenResult{PatToken: &token, PatTokenError: api.ErrorNone}
		id := r.URL.Query().Get("authorizationId")
		switch {
		case r.Method == http.MethodDelete:
			ids = append(ids, id)
			w.WriteHeader(http.StatusNoContent)
			return
		case strings.HasSuffix(r.URL.Path, "/usage"):
			answer = api.Collect([]api.TokenUsage{hostileUsage(token)})
		case r.Method == http.MethodGet && id == "":
			answer = api.PagedPatTokens{PatTokens: []api.PatToken{token}}
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []string {
		s.Close() // which waits for the handlers
		return ids
	}
}

// TestHostileService greps what a person sees for what a terminal acts on.
func TestHostileService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := hostileToken().DisplayName
	for _, test := range []struct {
		name string
		args []string
		code int
		// revoked is how many tokens are revoked.
		revoked int
		want    string
	}{
		{"create", []string{"create", "--name", "ci", "--scope", "vso.code", "--output", dir + "/created"}, exitOK, 0, `(id\u001b]0;owned\u0007\u202e)`},
		{"create on a terminal", []string{"create", "--name", "ci", "--scope", "vso.code"}, exitFailed, 1, "write it to a file with --output; the token is revoked again"},
		{"create as JSON", []string{"create", "--name", "ci", "--scope", "vso.code", "--json"}, exitOK, 0, "created ci"},
		{"rotate", []string{"rotate", name, "--output", dir + "/rotated"}, exitOK, 1, `revoked id\u001b]0;owned\u0007\u202e`},
		{"rotate on a terminal", []string{"rotate", name}, exitFailed, 1, "write it to a file with --output"},
		{"revoke", []string{"revoke", "--yes", name}, exitOK, 1, `revoked id\u001b]0;owned\u0007\u202e`},
		{"revoke after a question", []string{"revoke", name}, exitOK, 1, `id\u001b]0;owned\u0007\u202e  ci\u001b[2J`},
		{"list", []string{"list"}, exitOK, 0, ""},
		{"show", []string{"show", name}, exitOK, 0, ""},
		{"show as JSON", []string{"show", name, "--json"}, exitOK, 0, ""},
		{"completion", []string{"__complete", "revoke", ""}, exitOK, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address, revoked := newHostileService(t, hostileToken())
			u := newUser(t, nil)
			u.terminal, u.answers = 100, "yes\n"
			u.env["PATROL_TOKEN"], u.env["PATROL_SERVER"], u.env["PATROL_ORGANIZATION"] = "token", address, "contoso"
			r := u.patrol(t, test.args...)
			if r.code != test.code || !strings.Contains(r.notes, test.want) {
				t.Errorf("patrol = %d %q, want %d and %q", r.code, r.notes, test.code, test.want)
			}
			for _, text := range []string{r.out, r.notes} {
				if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && hostile(c) }); i >= 0 {
					t.Errorf("patrol printed %q", text[i:])
				}
			}
			if test.name == "completion" && strings.Contains(r.out, "id") {
				t.Errorf("patrol completes %q, want no such id", r.out)
			}
			got := revoked()
			if len(got) != test.revoked || slices.ContainsFunc(got, func(id string) bool { return id != hostileToken().AuthorizationID }) {
				t.Errorf("revoked are %q, want %d", got, test.revoked)
			}
		})
	}
}

package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// newTokenService lists the test tokens, and lets usage answer when they were
// last used.
func newTokenService(t *testing.T, usage http.HandlerFunc) *user {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens := testTokens()
		var answer any
		switch {
		case strings.HasSuffix(r.URL.Path, "/_apis/patrol/usage"):
			usage(w, r)
			return
		case r.URL.Query().Get("displayFilterOption") == string(api.FilterRevoked):
			answer = api.PagedPatTokens{PatTokens: []api.PatToken{}}
		case r.URL.Query().Has("authorizationId"):
			answer = api.PatTokenResult{PatToken: &tokens[0], PatTokenError: api.ErrorNone}
		default:
			answer = api.PagedPatTokens{PatTokens: tokens[:2]}
		}
		writeJSON(t, w, http.StatusOK, answer)
	}))
	t.Cleanup(s.Close)
	u := newUser(t, nil)
	u.now = func() time.Time { return testNow }
	u.env["PATROL_TOKEN"], u.env["PATROL_SERVER"], u.env["PATROL_ORGANIZATION"] = "token", s.URL, "contoso"
	return u
}

func writeJSON(t *testing.T, w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		t.Error(err)
	}
}

// TestLastUsesOrNot: whatever becomes of the uses, the tokens are shown.
func TestLastUsesOrNot(t *testing.T) {
	t.Parallel()
	const first, second = "00000000-0000-8000-8000-000000000001", "00000000-0000-8000-8000-000000000002"
	used := func(w http.ResponseWriter, r *http.Request) {
		usages := []api.TokenUsage{}
		if strings.HasPrefix(r.URL.Query().Get("authorizationIds"), first) {
			usages = append(usages, api.TokenUsage{AuthorizationID: first, LastUsed: &api.Time{Time: testNow.Add(-time.Hour)}, Address: "192.0.2.7", Client: "git", Scope: "vso.code"})
		}
		writeJSON(t, w, http.StatusOK, api.Collect(usages))
	}
	fails := func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(t, w, http.StatusInternalServerError, api.Error{Message: "disk\n\x1b[2Jon fire"})
	}
	lacks := func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
	signIn := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://id.example/_signin", http.StatusFound)
	}
	const (
		note   = "note: when tokens were last used is not known now: disk [2Jon fire (status 500)\n"
		usage  = `{"lastUsed":"2026-11-23T11:00:00Z","address":"192.0.2.7","client":"git","scope":"vso.code"}`
		unused = `{"lastUsed":null,"address":"","client":"","scope":""}`
	)
	for _, test := range []struct {
		name  string
		usage http.HandlerFunc
		notes string
		// list are the last fields of the two lines, show the last lines.
		list []string
		show string
		// inJSON are the members "usage" of the two tokens.
		inJSON []string
	}{
		{
			"used", used, "",
			[]string{"2026-11-23T11:00:00Z", "never"},
			"organizations\to\nlast used\t2026-11-23T11:00:00Z\nused from\t192.0.2.7\nused by\tgit\nused for\tvso.code\n",
			[]string{usage, unused},
		},
		{"no such call", lacks, "", []string{"o", "o"}, "organizations\to\n", []string{"", ""}},
		{"sign-in page", signIn, "", []string{"o", "o"}, "organizations\to\n", []string{"", ""}},
		{"failure", fails, note, []string{"o", "o"}, "organizations\to\n", []string{"", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			u := newTokenService(t, test.usage)
			list, show := u.must(t, "list"), u.must(t, "show", first)
			var last []string
			for line := range strings.Lines(list.out) {
				fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
				last = append(last, fields[len(fields)-1])
			}
			if diff := cmp.Diff(test.list, last); diff != "" {
				t.Errorf("last fields of list (-want +got):\n%s", diff)
			}
			if !strings.HasSuffix(show.out, test.show) {
				t.Errorf("show prints %q, want it to end in %q", show.out, test.show)
			}
			listJSON, showJSON := u.must(t, "list", "--json"), u.must(t, "show", first, "--json")
			var tokens []json.RawMessage
			if err := json.Unmarshal([]byte(listJSON.out), &tokens); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.inJSON, []string{usageIn(t, tokens[0]), usageIn(t, tokens[1])}); diff != "" {
				t.Errorf("usage in JSON (-want +got):\n%s", diff)
			}
			if got := usageIn(t, []byte(showJSON.out)); got != test.inJSON[0] {
				t.Errorf("usage in JSON = %s, want %s", got, test.inJSON[0])
			}
			for _, r := range []result{list, show, listJSON, showJSON} {
				if r.notes != test.notes {
					t.Errorf("notes are %q, want %q", r.notes, test.notes)
				}
			}
		})
	}
}

// TestStatesAreTold: the service's word about a token counts, whether the user
// lists its like or not.
func TestStatesAreTold(t *testing.T) {
	t.Parallel()
	const first = "00000000-0000-8000-8000-000000000001"
	u := newTokenService(t, func(w http.ResponseWriter, r *http.Request) {
		usages := []api.TokenUsage{}
		for id := range strings.SplitSeq(r.URL.Query().Get("authorizationIds"), ",") {
			state := api.StateActive
			if id == first {
				state = api.StateRevoked
			}
			usages = append(usages, api.TokenUsage{AuthorizationID: id, State: state})
		}
		writeJSON(t, w, http.StatusOK, api.Collect(usages))
	})
	if got := u.must(t, "show", first).out; !strings.Contains(got, "\nstatus\trevoked\n") {
		t.Errorf("show prints %q, want the token revoked", got)
	}
	if got := u.must(t, "show", first, "--json").out; !strings.Contains(got, `"state": "revoked"`) {
		t.Errorf("show --json prints %q, want the token revoked", got)
	}
	if got := u.must(t, "list", "--status", "all").out; strings.Count(got, "\trevoked\t") != 1 || strings.Count(got, "\tactive\t") != 1 {
		t.Errorf("list prints %q, want the first token revoked and the other active", got)
	}
}

// usageIn is the member of a token as --json prints it, without white space.
func usageIn(t *testing.T, token []byte) string {
	t.Helper()
	var members struct {
		Name  string          `json:"displayName"`
		Usage json.RawMessage `json:"usage"`
	}
	if err := json.Unmarshal(token, &members); err != nil || members.Name == "" {
		t.Fatalf("%s: %v, want a token", token, err)
	}
	return strings.NewReplacer(" ", "", "\n", "").Replace(string(members.Usage))
}

// TestInterruptedWhileAskingForUses: an interrupt is no reason for a note.
func TestInterruptedWhileAskingForUses(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	u := newTokenService(t, func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	})
	if got, want := u.patrolUntil(ctx, t, "list"), (result{exitInterrupted, "", "patrol: interrupted\n"}); got != want {
		t.Errorf("patrol list = %+v, want %+v", got, want)
	}
}

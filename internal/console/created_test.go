package console_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/session"
)

// TestSecretIsShownOnce: to the first who opens the page, and not to those who
// only look ahead, or whom another site sends.
func TestSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	site := patroltest.Start(t, patroltest.Options{})
	v, bob := newVisitor(t, site, "alice"), newVisitor(t, site, "bob")
	v.signIn(newTokenPath)
	bob.signIn(newTokenPath)
	at := v.create("once")
	for name, headers := range map[string][]string{
		"prefetch":   {"Sec-Purpose", "prefetch"},
		"prerender":  {"Sec-Purpose", "prefetch;prerender"},
		"older":      {"Purpose", "prefetch"},
		"cross-site": {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"same-site":  {"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
		"frame":      {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"},
		"script":     {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"},
	} {
		got := v.get(at, headers...)
		if got.status != http.StatusForbidden || got.text("secret") != "" || got.link("Show the secret") != at {
			t.Errorf("%s: status %d, want 403 and a link to the page: %s", name, got.status, got.said())
		}
	}
	if got := v.do(http.MethodHead, at, nil); got.status != http.StatusForbidden {
		t.Errorf("HEAD = status %d, want 403", got.status)
	}
	if got := bob.get(at); got.status != http.StatusNotFound {
		t.Errorf("to another person it is status %d, want 404", got.status)
	}
	if got := v.get(strings.Replace(at, "contoso", "fabrikam", 1)); got.status != http.StatusNotFound {
		t.Errorf("in another organization it is status %d, want 404", got.status)
	}
	shown := v.get(at, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	if got := len(shown.text("secret")); shown.status != http.StatusCreated || got != 84 {
		t.Errorf("the page = status %d, a secret of %d characters, want 84: %s", shown.status, got, shown.said())
	}
	if got := strings.Count(shown.body, shown.text("secret")); got != 1 {
		t.Errorf("the secret stands %d times in the page, want once", got)
	}
	if got := shown.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	if !strings.Contains(shown.body, "data-secret") {
		t.Error("the secret is not marked for the script that takes it away")
	}
	again := v.get(at)
	if again.status != http.StatusGone || strings.Contains(again.body, shown.text("secret")) {
		t.Errorf("the page again = status %d, want 410 without the secret: %s", again.status, again.said())
	}
	if got, want := again.link("Regenerate"), strings.TrimSuffix(at, "created")+"regenerate"; got != want {
		t.Errorf("the page again leads to %q, want %q", got, want)
	}
}

// TestSecretIsShownToOne: of many who open the page at once.
func TestSecretIsShownToOne(t *testing.T) {
	t.Parallel()
	v := newVisitor(t, patroltest.Start(t, patroltest.Options{}), "alice")
	v.signIn(newTokenPath)
	at := v.create("once")
	answers := make([]seen, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			got, err := v.try(http.MethodGet, at, nil)
			if err != nil {
				t.Error(err)
			}
			answers[i] = got
		})
	}
	wg.Wait()
	shown := 0
	for _, got := range answers {
		switch got.status {
		case http.StatusCreated:
			shown++
		case http.StatusGone:
		default:
			t.Errorf("one of the answers is status %d: %s", got.status, got.said())
		}
	}
	if shown != 1 {
		t.Errorf("%d of %d who opened the page at once got the secret, want 1", shown, len(answers))
	}
}

// TestSecretIsDropped: a secret that nobody opens does not wait for long, and
// only the last few wait.
func TestSecretIsDropped(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	at := s.create("late")
	s.wait(11 * time.Minute)
	if got := s.get(at); got.status != http.StatusGone || got.text("secret") != "" {
		t.Errorf("after eleven minutes the page = status %d, want 410: %s", got.status, got.said())
	}
	var all []string
	for range 5 {
		all = append(all, s.create("many"))
	}
	for i, at := range all {
		want := http.StatusCreated
		if i == 0 {
			want = http.StatusGone
		}
		if got := s.get(at); got.status != want {
			t.Errorf("the page of token %d of five = status %d, want %d", i+1, got.status, want)
		}
	}
}

// TestSecretIsNowhereElse: neither in a log, nor in an address, nor in a file.
func TestSecretIsNowhereElse(t *testing.T) {
	t.Parallel()
	log := &safeBuffer{}
	site := patroltest.Start(t, patroltest.Options{Log: log})
	v := newVisitor(t, site, "alice")
	v.signIn(newTokenPath)
	at, waiting := v.create("shown"), v.create("waiting")
	shown := v.get(at)
	secret := shown.text("secret")
	if v.get(at); len(secret) != 84 {
		t.Fatalf("the secret has %d characters: %s", len(secret), shown.said())
	}
	for name, values := range shown.header {
		if strings.Contains(strings.Join(values, " "), secret) {
			t.Errorf("the secret is in the header %s", name)
		}
	}
	site.Stop()
	find := func(where, text string) {
		for _, part := range []string{secret, secret[:40], secret[44:]} {
			if strings.Contains(text, part) {
				t.Errorf("the secret is in %s", where)
			}
		}
	}
	find("the log", log.String())
	find("an address", at+waiting)
	files := 0
	err := filepath.WalkDir(site.Data, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		find(path, string(text))
		files++
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("read %d files: %v", files, err)
	}
}

// TestTokenIsDiscarded: where the session ends while a token is created nobody
// gets its secret, so that it is revoked again.
func TestTokenIsDiscarded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fails bool // to revoke
		state api.DisplayFilterOption
		want  string
	}{
		"revoked":     {false, api.FilterRevoked, "so it was revoked again"},
		"not revoked": {true, api.FilterActive, "to revoke it again failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			form := s.filledIn("lost")
			s.meddled(func(w http.ResponseWriter, r *http.Request, pass http.Handler) bool {
				switch r.Method {
				case http.MethodPost:
					records, err := s.sessions.Of(r.Context(), "alice")
					if err != nil {
						t.Error(err)
					}
					var ids []session.ID
					for _, record := range records {
						ids = append(ids, record.ID)
					}
					if _, err := s.sessions.End(r.Context(), "alice", ids...); err != nil {
						t.Error(err)
					}
				case http.MethodDelete:
					if test.fails {
						answer(w, http.StatusForbidden, api.Error{Message: "not now", TypeKey: "InvalidAccessException"})
						return true
					}
				}
				return false
			})
			got := s.post(newTokenPath, form)
			if got.status != http.StatusServiceUnavailable || !strings.Contains(got.said(), test.want) {
				t.Errorf("status %d, want 503 and %q: %s", got.status, test.want, got.said())
			}
			if made := s.tokens(test.state); len(made) != 1 {
				t.Errorf("%d tokens are %s, want 1", len(made), test.state)
			}
		})
	}
}

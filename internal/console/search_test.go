package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
)

func TestMatching(t *testing.T) {
	t.Parallel()
	tokens := []api.PatToken{
		{DisplayName: "Build AGENT", Scope: "vso.build vso.code", AuthorizationID: "0A-1"},
		{DisplayName: "Straße", Scope: "app_token", AuthorizationID: "0a-2"},
	}
	for text, want := range map[string]int{
		"agent": 1, "AGENT": 1, "vso.CODE": 1, "vso.build vso": 1, "0a-": 2, "STRASSE": 0, "straße": 1, "x": 0, "_": 1,
	} {
		if got := len(matching(tokens, text)); got != want {
			t.Errorf("matching %q = %d tokens, want %d", text, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		// page is how long each page takes.
		page      time.Duration
		calls     int64
		rows      int
		says      string
		goesOn    string
		wantEmpty bool
	}{
		{"all of it", "tab=all&q=needle", 0, 6, 4, "4 tokens found among 450.", "", false},
		{"nothing there", "tab=all&q=thimble", 0, 5, 0, "0 tokens found among 450.", "", true},
		{"slow", "tab=all&q=needle", time.Second, 3, 2, "2 tokens found among 200.", "page=200", false},
		{"slow, and then on", "tab=all&q=needle&page=200", time.Second, 3, 2, "2 tokens found among 200.", "page=400", false},
		{"slow, and nothing so far", "tab=all&q=thimble", time.Second, 2, 0, "0 tokens found among 200.", "page=200", false},
		{"enough", "tab=all&q=hay", 0, 4, 198, "198 tokens found among 200.", "page=200", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			imitation := &tokenAPI{}
			for i := range 450 {
				name := "hay"
				if i%100 == 50 {
					name = fmt.Sprintf("Needle %d", i)
				}
				imitation.add(name, "vso.code", 30*day, api.StateActive)
			}
			now := noon
			imitation.called = func() { now = now.Add(tt.page) }
			c := newConsole(t, imitation)
			c.Now = func() time.Time { return now }
			body := listed(t, c, tt.query)
			if got := imitation.calls.Load(); got != tt.calls {
				t.Errorf("%d calls of the API, want %d", got, tt.calls)
			}
			if got := strings.Count(body, `<tr id="t-`); got != tt.rows {
				t.Errorf("%d rows, want %d", got, tt.rows)
			}
			if !strings.Contains(body, tt.says) {
				t.Errorf("the page does not say %q", tt.says)
			}
			if got := strings.Contains(body, "Go on searching"); got != (tt.goesOn != "") || !strings.Contains(body, tt.goesOn) {
				t.Errorf("the page goes on: %t, want it at %q", got, tt.goesOn)
			}
			if got := strings.Contains(body, "No token matches"); got != tt.wantEmpty {
				t.Errorf("the page says that nothing matches: %t, want %t", got, tt.wantEmpty)
			}
		})
	}
}

// TestStalePage: a page that is not there any more is no error, but the first.
func TestStalePage(t *testing.T) {
	t.Parallel()
	imitation := &tokenAPI{}
	imitation.add("first", "vso.code", day, api.StateActive)
	w, err := alice(newConsole(t, imitation), httptest.NewRequest(http.MethodGet, "/contoso/tokens?page=stale", http.NoBody), (*visit).listTokens)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"That page of the list is not there any more.", ">first<"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}

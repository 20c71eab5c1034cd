package console

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// form is what a browser sends of a form.
func form(path string, values url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func TestRevokeSeveral(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		chosen []int // 9 is an id of no token
		sure   bool
		broken map[int]int
		status int
		// says are parts of the page, or of the notice where it redirects.
		says    []string
		revoked []int
	}{
		{"none", nil, true, nil, http.StatusSeeOther, []string{"No token was chosen, so none was revoked."}, nil},
		{"asked first", []int{0, 2}, false, nil, http.StatusOK, []string{"Revoke these 2 tokens?", "<bdi>a</bdi>", "<bdi>c</bdi>", "expires <time ", `name="sure"`}, nil},
		{"asked of one", []int{1, 1}, false, nil, http.StatusOK, []string{"Revoke this token?", "<bdi>b</bdi>"}, nil},
		{"asked with one gone", []int{1, 9}, false, nil, http.StatusOK, []string{"Revoke this token?", "<bdi>b</bdi>"}, nil},
		{"all", []int{0, 1, 2}, true, nil, http.StatusSeeOther, []string{"3 tokens were revoked. They do not work any more."}, []int{0, 1, 2}},
		{"one", []int{1}, true, nil, http.StatusSeeOther, []string{"1 token was revoked. It does not work any more."}, []int{1}},
		{
			"some",
			[]int{0, 1, 2},
			true,
			map[int]int{1: 403},
			http.StatusOK,
			[]string{"Not all tokens were revoked", "1 of 3 needs another", "<b>b</b></bdi>: <bdi>It was not revoked: the imitation fails", "These 2 were revoked", "<li><bdi>a</bdi></li>", "<li><bdi>c</bdi></li>", "Try it again"},
			[]int{0, 2},
		},
		{
			"some, perhaps",
			[]int{0, 1},
			true,
			map[int]int{0: 500},
			http.StatusOK,
			[]string{"<b>a</b></bdi>: <bdi>The service did not confirm it: this token may be revoked, or may still work.", "This one was revoked"},
			[]int{1},
		},
		{
			"none of them",
			[]int{0, 1},
			true,
			map[int]int{0: 404, 1: 400},
			http.StatusOK,
			[]string{"No token is known to be revoked", "There is no such token any more.", "2 of 2 need another", "Try it again"},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			imitation := &tokenAPI{broken: map[string]int{}}
			for _, name := range []string{"a", "b", "c"} {
				imitation.add(name, "vso.code", 30*day, api.StateActive)
			}
			id := func(i int) string { return "00000000-0000-8000-8000-00000000000" + string(rune('0'+i)) }
			values := url.Values{"back": {"/contoso/tokens?sort=name"}}
			for _, i := range tt.chosen {
				values.Add("id", id(i))
			}
			for i, status := range tt.broken {
				imitation.broken[id(i)] = status
			}
			if tt.sure {
				values.Set("sure", "yes")
			}
			w, err := alice(newConsole(t, locked(imitation)), form("/contoso/tokens/revoke", values), (*visit).revokeSeveral)
			if err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			body := w.Body.String()
			if tt.status == http.StatusSeeOther {
				if got := w.Header().Get("Location"); got != "/contoso/tokens?sort=name" {
					t.Errorf("back to %q, want the list that they were chosen from", got)
				}
				body = told(t, w)
			}
			for _, want := range tt.says {
				if !strings.Contains(body, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			var revoked []int
			for i, token := range imitation.tokens {
				if imitation.states[token.AuthorizationID] == api.StateRevoked {
					revoked = append(revoked, i)
				}
			}
			if diff := cmp.Diff(tt.revoked, revoked); diff != "" {
				t.Errorf("revoked (-want +got):\n%s", diff)
			}
		})
	}
}

// locked lets a handler answer one request at a time.
func locked(h http.Handler) http.Handler {
	turn := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		h.ServeHTTP(w, r)
	})
}

// told is the notice that an answer leaves for the next page.
func told(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/contoso/tokens", http.NoBody)
	for _, cookie := range w.Result().Cookies() {
		r.AddCookie(cookie)
	}
	var notice string
	_, err := alice(newConsole(t, &tokenAPI{}), r, func(v *visit) error {
		notice = v.takeNotice()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return notice
}

func TestRevokeTooMany(t *testing.T) {
	t.Parallel()
	imitation := &tokenAPI{}
	values := url.Values{"sure": {"yes"}}
	for range maxRevoked + 1 {
		values.Add("id", imitation.add("x", "vso.code", day, api.StateActive).AuthorizationID)
	}
	if _, err := alice(newConsole(t, imitation), form("/contoso/tokens/revoke", values), (*visit).revokeSeveral); !errors.Is(err, errTooMany) {
		t.Errorf("revoking %d tokens = %v, want %v", maxRevoked+1, err, errTooMany)
	}
	if n := imitation.calls.Load(); n != 0 {
		t.Errorf("%d calls of the API, want none", n)
	}
}

// TestRevokeBack: the way back stays in the list of this organization.
func TestRevokeBack(t *testing.T) {
	t.Parallel()
	c := newConsole(t, &tokenAPI{})
	for back, want := range map[string]string{
		"/contoso/tokens?tab=all": "/contoso/tokens?tab=all", "/contoso/tokens": "/contoso/tokens",
		"": "/contoso/tokens", "//evil.example": "/contoso/tokens", "https://evil.example/contoso/tokens": "/contoso/tokens",
		"/contoso/tokens/../../sign-out": "/contoso/tokens", "/contoso/tokens\\@evil": "/contoso/tokens", "/fabrikam/tokens": "/contoso/tokens",
	} {
		w, err := alice(c, form("/contoso/tokens/revoke", url.Values{"back": {back}}), (*visit).revokeSeveral)
		if got := w.Header().Get("Location"); err != nil || got != want {
			t.Errorf("back to %q = %q, %v, want %q", back, got, err, want)
		}
	}
}

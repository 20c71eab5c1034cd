package console_test

import (
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/patrolhq/patrol/internal/console"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/session"
	"github.com/patrolhq/patrol/internal/store"
)

// refusing is a way to the API on which somebody answers in its place.
type refusing struct {
	http.RoundTripper
	instead atomic.Pointer[func(*http.Request) *http.Response]
}

// RoundTrip has the API answer unless something is to be answered instead.
func (r *refusing) RoundTrip(call *http.Request) (*http.Response, error) {
	if instead := r.instead.Load(); instead != nil {
		if answer := (*instead)(call); answer != nil {
			answer.Request = call
			return answer, nil
		}
	}
	return r.RoundTripper.RoundTrip(call)
}

// answer answers all calls from now on; nil lets the API answer.
func (r *refusing) answer(instead func(*http.Request) *http.Response) {
	if instead == nil {
		r.instead.Store(nil)
		return
	}
	r.instead.Store(&instead)
}

// answering is an answer with a status, a JSON body, and headers.
func answering(status int, body string, headers ...string) func(*http.Request) *http.Response {
	return func(*http.Request) *http.Response {
		header := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(headers); i += 2 {
			header.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
	}
}

// apart is a visitor of a console on its own, whose API can be made to refuse.
func apart(t *testing.T, name string) (*visitor, *refusing) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	s := patroltest.Start(t, patroltest.Options{RegisterRedirects: []string{address + "/getAToken"}})
	api := &refusing{RoundTripper: s.HTTP.Transport}
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "sessions.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := session.NewKeys(session.Key{ID: 'A', Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := signin.New(signin.Config{
		Kind: signin.KindOIDC, Authority: s.Authority + "/v2.0", Scopes: []string{s.Audience + "/.default"},
		ClientID: s.Clients.Console.ID, Secret: s.Clients.Console.Secret, RedirectURI: address + "/getAToken",
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler, err = console.New(console.Config{
		PublicURL: address, API: s.API, HTTP: &http.Client{Transport: api}, Provider: provider,
		Sessions: &session.Manager{Store: db, Keys: keys}, Sealer: &session.Sealer{Keys: keys},
		ClientAddress: func(r *http.Request) string { host, _, _ := net.SplitHostPort(r.RemoteAddr); return host },
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	aside := *s
	aside.Console = address + "/"
	v := enter(t, &aside, name)
	return v, api
}

// TestChallengedByAPI: the claims that the API asks for go to the provider, and
// the visitor comes back to the page. Where that does not help, a page says so.
func TestChallengedByAPI(t *testing.T) {
	t.Parallel()
	v, api := apart(t, "alice")
	const claims = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
	challenge := `Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	api.answer(answering(http.StatusUnauthorized, `{}`, "WWW-Authenticate", challenge))
	const path = "/contoso/tokens?tab=expired"
	again := v.get(path)
	if again.status != http.StatusSeeOther || !strings.HasPrefix(again.location, "/sign-in?again=") || strings.Contains(again.location, "acrs") {
		t.Fatalf("challenged, the page = status %d to %q, want a sign-in with sealed claims", again.status, again.location)
	}
	begun := v.get(again.location)
	asked, err := url.Parse(begun.location)
	if err != nil || asked.Query().Get("claims") != claims {
		t.Fatalf("the sign-in leads to %q, want the provider with the claims", begun.location)
	}
	if got := newVisitor(t, v.server, "bob").get(again.location); strings.Contains(got.location, "acrs") {
		t.Error("the sealed claims are taken from another browser")
	}
	api.answer(nil)
	answer, err := devidptest.NewBrowser(v.server.HTTP.Transport).SignIn(t.Context(), begun.location, "alice@contoso.example")
	if err != nil {
		t.Fatal(err)
	}
	back := v.get(answer.URL.String())
	if back.location != path {
		t.Errorf("the sign-in leads to %q, want the page", back.location)
	}
	if got := v.follow(back); got.status != http.StatusOK {
		t.Errorf("the page = status %d %q, want it", got.status, got.heading())
	}
	api.answer(answering(http.StatusUnauthorized, `{}`))
	if got := v.get(path); got.status != http.StatusForbidden || got.heading() != "The service does not accept your sign-in" {
		t.Errorf("refused again at once, the page = status %d %q to %q, want one that explains it", got.status, got.heading(), got.location)
	}
}

// TestRefusingAPI shows what becomes of a change where the API does not do as
// it should, and sends the form again as the page offers it.
func TestRefusingAPI(t *testing.T) {
	t.Parallel()
	v, api := apart(t, "alice")
	token, path := v.mint("build", 20)
	form := v.get(path + "/edit").form(path + "/edit")
	form.Set("name", "deploy")
	changes := func(answer func(*http.Request) *http.Response) func(*http.Request) *http.Response {
		return func(r *http.Request) *http.Response {
			if r.Method == http.MethodPut || r.Method == http.MethodDelete || r.Method == http.MethodPost {
				return answer(r)
			}
			return nil
		}
	}
	tests := []struct {
		name    string
		answer  func(*http.Request) *http.Response
		status  int
		heading string
	}{
		{"failing", answering(http.StatusInternalServerError, `{"message":"<i>broken</i>"}`), 503, "The service is not available"},
		{"throttled", answering(http.StatusTooManyRequests, `{}`, "Retry-After", "3600"), 429, "Too much at once"},
		{"forbidden", answering(http.StatusForbidden, `{"message":"not <i>you</i>"}`), 403, "You may not do this"},
		{"an answer of something else", answering(http.StatusOK, `<html>`), 502, "The service did not answer as it should"},
		{"refused at a field", answering(http.StatusOK, `{"patToken":null,"patTokenError":"invalidDisplayName"}`), 422, "Edit build"},
		{"refused by a policy", answering(http.StatusOK, `{"patToken":null,"patTokenError":"patLifespanPolicyViolation"}`), 422, "Edit build"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api.answer(changes(tt.answer))
			got := v.post(path+"/edit", form)
			if got.status != tt.status || got.heading() != tt.heading || strings.Contains(got.body, "<i>") {
				t.Errorf("saving = status %d %q: %s, want %d %q", got.status, got.heading(), got.body, tt.status, tt.heading)
			}
			if tt.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != "3600" {
				t.Errorf("Retry-After = %q, want 3600", got.header.Get("Retry-After"))
			}
		})
	}
	api.answer(changes(answering(http.StatusInternalServerError, `{}`)))
	again := v.post(path+"/edit", form).form(path + "/edit")
	api.answer(nil)
	if got := v.follow(v.post(path+"/edit", again)); got.heading() != "deploy" {
		t.Errorf("the form that was sent again leads to %q: %s", got.heading(), got.said())
	}

	api.answer(func(r *http.Request) *http.Response {
		if r.Method == http.MethodDelete {
			return answering(http.StatusInternalServerError, `{}`)(r)
		}
		return nil
	})
	regenerate := v.get(path + "/regenerate").form(path + "/regenerate")
	created := v.follow(v.post(path+"/regenerate", regenerate))
	links := created.links()
	if created.status != http.StatusCreated || created.text("secret") == "" || links["Revoke the old token"] != path+"/revoke" {
		t.Errorf("where the old token was not revoked, the page of the new one = status %d, links %v: %s", created.status, links, created.said())
	}
	if state, _ := v.state(token.AuthorizationID); state != "active" {
		t.Errorf("the old token is %s, want active", state)
	}
	regenerate = v.get(path + "/regenerate").form(path + "/regenerate")
	api.answer(changes(answering(http.StatusInternalServerError, `{}`)))
	before := len(v.tokens("all"))
	if got := v.post(path+"/regenerate", regenerate); got.status < 500 || strings.Contains(got.body, `action="`+path+`/regenerate"`) {
		t.Errorf("where it is not known whether a token was made, the page = status %d %q and offers to send the form again", got.status, got.heading())
	}
	if after := len(v.tokens("all")); after != before {
		t.Errorf("there are %d tokens, want %d", after, before)
	}
}

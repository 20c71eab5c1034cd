package devidp_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

var contextField = regexp.MustCompile(`name="ctx" value="([^"]+)"`)

// pageContext is the sealed field of a sign-in page.
func pageContext(t *testing.T, page response) string {
	t.Helper()
	match := contextField.FindStringSubmatch(page.Text)
	if match == nil {
		t.Fatalf("answer = %v, want a sign-in page", page)
	}
	return match[1]
}

func TestSignInByPassword(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	page := s.get(t, s.authorizeURL(with(authorizeForm(), "state", oddState, "login_hint", "ALICE@contoso.example")))
	if !strings.Contains(page.Text, `value="`+alice.ObjectID+`" class="hinted" autofocus`) {
		t.Error("the page does not preselect the hinted user")
	}
	form := url.Values{"ctx": {pageContext(t, page)}, "username": {alice.Username}, "password": {"wrong"}}
	again := s.post(t, "/"+tenant+"/login", form)
	if again.StatusCode != http.StatusUnauthorized || !strings.Contains(again.Text, "account or password is incorrect") {
		t.Errorf("wrong password = %d, want 401 and the page again", again.StatusCode)
	}
	got := s.post(t, "/"+tenant+"/login", with(form, "ctx", pageContext(t, again), "password", alice.Password))
	location, err := got.Location()
	if err != nil || got.StatusCode != http.StatusSeeOther {
		t.Fatalf("answer = %d %v, want 303 to the client", got.StatusCode, err)
	}
	if location.Query().Get("state") != oddState || location.Query().Get("code") == "" {
		t.Errorf("Location = %v, want code and state", location)
	}
	for name, bad := range map[string]url.Values{
		"nobody": with(form, "username", "nobody"), "empty": with(form, "username", "", "password", ""),
	} {
		if got := s.post(t, "/"+tenant+"/login", bad); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s = %d, want 401", name, got.StatusCode)
		}
	}
}

func TestSignInForm(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	pick := url.Values{"ctx": {pageContext(t, s.get(t, s.authorizeURL(authorizeForm())))}, "pick": {alice.ObjectID}}

	for _, header := range []http.Header{
		{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
	} {
		r := s.newPost(t, "/"+tenant+"/login", pick)
		for name, values := range header {
			r.Header[name] = values
		}
		if got := s.do(t, r); got.StatusCode != http.StatusForbidden {
			t.Errorf("post with %v = %d, want 403", header, got.StatusCode)
		}
	}
	for host, want := range map[string]int{
		"evil.example": 403, "evil.example:8081": 403, "localhost.evil.example": 403, "": 303, "localhost:8081": 303, "[::1]:8081": 303,
	} {
		r := s.newPost(t, "/"+tenant+"/login", pick)
		r.Host = host
		if got := s.do(t, r); got.StatusCode != want {
			t.Errorf("post to host %q = %d, want %d", host, got.StatusCode, want)
		}
	}
	unknown := url.Values{"ctx": pick["ctx"], "pick": {"nobody"}}
	if got := s.post(t, "/"+tenant+"/login", unknown); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("picking nobody = %d, want 401", got.StatusCode)
	}
	cancel := url.Values{"ctx": pick["ctx"], "cancel": {"1"}}
	location, err := s.post(t, "/"+tenant+"/login", cancel).Location()
	if err != nil || location.Query().Get("error") != "access_denied" {
		t.Errorf("cancelling led to %v (%v), want access_denied", location, err)
	}
	if got := s.post(t, "/"+tenant+"/login", url.Values{"pick": {alice.ObjectID}}); got.StatusCode != http.StatusBadRequest {
		t.Errorf("post without context = %d, want 400", got.StatusCode)
	}
	s.clock.advance(61 * time.Minute)
	if got := s.post(t, "/"+tenant+"/login", pick); got.StatusCode != http.StatusBadRequest || !strings.Contains(got.Text, "expired") {
		t.Errorf("post of an old page = %d, want 400", got.StatusCode)
	}
}

func TestSingleSignOn(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*site{"http": startPlain(t), "https": startTLS(t)} {
		t.Run(name, func(t *testing.T) {
			browser := s.browser()
			silent := func(pairs ...string) string {
				answer, err := browser.SignIn(t.Context(), s.authorizeURL(with(with(authorizeForm(), "prompt", "none"), pairs...)), alice.Username)
				if err != nil {
					t.Fatal(err)
				}
				if code := answer.Values().Get("code"); code != "" {
					return "code"
				}
				return answer.Values().Get("error")
			}
			check := func(what, got, want string) {
				t.Helper()
				if got != want {
					t.Errorf("%s = %q, want %q", what, got, want)
				}
			}
			check("silent before sign-in", silent(), "login_required")
			signIn(t, browser, s.authorizeURL(authorizeForm()))
			check("silent", silent(), "code")
			check("silent for another client", silent("client_id", otherPublicID), "code")
			check("silent with hint", silent("login_hint", alice.Username), "code")
			check("silent with another's hint", silent("login_hint", carol.Username), "login_required")
			check("silent with max_age", silent("max_age", "3600"), "code")
			s.clock.advance(2 * time.Hour)
			check("silent with max_age later", silent("max_age", "3600"), "login_required")
			for _, prompt := range []string{"login", "select_account"} {
				answer, err := browser.SignIn(t.Context(), s.authorizeURL(with(authorizeForm(), "prompt", prompt)), "nobody")
				if err == nil {
					t.Errorf("prompt %s answered %v, want the page", prompt, answer)
				}
			}
			s.clock.advance(25 * time.Hour)
			check("silent a day later", silent(), "login_required")

			signIn(t, browser, s.authorizeURL(authorizeForm()))
			check("silent after another sign-in", silent(), "code")
			checkLogoutEndsSession(t, s, browser)
			check("silent after logout", silent(), "login_required")
		})
	}
}

func checkLogoutEndsSession(t *testing.T, s *site, browser *devidptest.Browser) {
	t.Helper()
	address := s.authority() + "/oauth2/v2.0/logout?post_logout_redirect_uri=" + url.QueryEscape("https://app.contoso.example/")
	answer, err := browser.SignIn(t.Context(), address, "nobody")
	if err != nil || answer.URL.Host != "app.contoso.example" {
		t.Errorf("logout led to %v (%v), want the application", answer.URL, err)
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		site *site
		want http.Cookie
	}{
		{startPlain(t), http.Cookie{Name: "devidp-sso-6f1c2b8e", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}},
		{startTLS(t), http.Cookie{Name: "__Host-devidp-sso-6f1c2b8e", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: true}},
	} {
		t.Run(test.want.Name, func(t *testing.T) {
			s := test.site
			ctx := pageContext(t, s.get(t, s.authorizeURL(authorizeForm())))
			got := s.post(t, "/"+tenant+"/login", url.Values{"ctx": {ctx}, "pick": {alice.ObjectID}}).Cookies()
			if len(got) != 1 {
				t.Fatalf("cookies = %v, want one", got)
			}
			cookie := *got[0]
			cookie.Value, cookie.Raw = "", ""
			if diff := cmp.Diff(test.want, cookie); diff != "" {
				t.Errorf("cookie differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestForgedSession holds that only a sealed session of a known user counts.
func TestForgedSession(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	other := startPlain(t, func(cfg *devidp.Config) { cfg.Users = []devidp.User{carol} })
	ctx := pageContext(t, s.get(t, s.authorizeURL(authorizeForm())))
	value := s.post(t, "/"+tenant+"/login", url.Values{"ctx": {ctx}, "pick": {alice.ObjectID}}).Cookies()[0].Value
	for name, test := range map[string]struct {
		site   *site
		cookie string
		want   string
	}{
		"good":          {s, value, "code"},
		"changed":       {s, value[:20] + "A" + value[21:], "error"},
		"other purpose": {s, ctx, "error"},
		"noise":         {s, "x", "error"},
		"removed user":  {other, value, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.site.authorizeURL(with(authorizeForm(), "prompt", "none")), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.AddCookie(&http.Cookie{Name: "devidp-sso-6f1c2b8e", Value: test.cookie})
			location, err := test.site.do(t, r).Location()
			if err != nil || location.Query().Get(test.want) == "" {
				t.Errorf("answer = %v (%v), want %s", location, err, test.want)
			}
		})
	}
}

// TestAuthorizeErrors are errors that go back to the client, in its mode and with
// its state.
func TestAuthorizeErrors(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name  string
		pairs []string
		oauth string
		code  string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request", "AADSTS900144"},
		{"implicit", []string{"response_type", "token"}, "unsupported_response_type", "AADSTS700054"},
		{"hybrid", []string{"response_type", "code id_token"}, "unsupported_response_type", "AADSTS700054"},
		{"no scope", []string{"scope", ""}, "invalid_request", "AADSTS900144"},
		{"bad scope", []string{"scope", devidp.DefaultAudience + "/everything"}, "invalid_scope", "AADSTS70011"},
		{"bad prompt", []string{"prompt", "dance"}, "invalid_request", "AADSTS90023"},
		{"bad max_age", []string{"max_age", "-1"}, "invalid_request", "AADSTS9002313"},
		{"method without challenge", []string{"code_challenge_method", "S256"}, "invalid_request", "AADSTS900144"},
		{"unknown method", []string{"code_challenge", strings.Repeat("c", 43), "code_challenge_method", "S512"}, "invalid_request", "AADSTS9002313"},
		{"short challenge", []string{"code_challenge", "c"}, "invalid_request", "AADSTS501491"},
		{"silent", []string{"prompt", "none"}, "login_required", "AADSTS50058"},
	} {
		for _, mode := range []string{"query", "fragment", "form_post"} {
			t.Run(test.name+" "+mode, func(t *testing.T) {
				request := with(with(authorizeForm(), "state", oddState, "response_mode", mode), test.pairs...)
				answer, err := s.browser().SignIn(t.Context(), s.authorizeURL(request), "nobody")
				if err != nil {
					t.Fatal(err)
				}
				got := answer.Values()
				if got.Get("error") != test.oauth || !strings.HasPrefix(got.Get("error_description"), test.code+": ") || got.Get("state") != oddState {
					t.Errorf("answer = %v, want %s, %s and the state", got, test.oauth, test.code)
				}
				if isForm, hasFragment := answer.Form != nil, answer.URL.Fragment != ""; isForm != (mode == "form_post") || hasFragment != (mode == "fragment") {
					t.Errorf("answer came to %v with form %v, want mode %s", answer.URL, isForm, mode)
				}
			})
		}
	}
}

// TestAuthorizePages are errors that stay here, because it is not known whom the
// redirect URI belongs to.
func TestAuthorizePages(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name  string
		pairs []string
		code  string
	}{
		{"no client", []string{"client_id", ""}, "AADSTS900144"},
		{"unknown client", []string{"client_id", "x"}, "AADSTS700016"},
		{"no redirect", []string{"redirect_uri", ""}, "AADSTS900144"},
		{"foreign redirect", []string{"redirect_uri", "https://evil.example/"}, "AADSTS50011"},
		{"bad mode", []string{"response_mode", "web_message"}, "AADSTS9002313"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := s.get(t, s.authorizeURL(with(authorizeForm(), test.pairs...)))
			if got.StatusCode != 400 || !strings.Contains(got.Text, test.code) || got.Header.Get("Location") != "" {
				t.Errorf("answer = %d with %s %v, want a page with %s", got.StatusCode, got.Header.Get("Location"), strings.Contains(got.Text, test.code), test.code)
			}
		})
	}
	twice := s.authorizeURL(authorizeForm()) + "&redirect_uri=https://evil.example/"
	if got := s.get(t, twice); got.StatusCode != 400 || !strings.Contains(got.Text, "AADSTS9000411") {
		t.Errorf("two redirect URIs = %d, want a page with AADSTS9000411", got.StatusCode)
	}
	if got := s.post(t, "/"+domain+"/oauth2/v2.0/authorize", authorizeForm()); got.StatusCode != 200 {
		t.Errorf("authorize by POST = %d, want the sign-in page", got.StatusCode)
	}
}

// TestPageHeaders holds the headers of a page, all of them.
func TestPageHeaders(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	page := s.get(t, s.authorizeURL(authorizeForm()))
	got := page.Header.Clone()
	got.Del("Date")
	got.Del("Content-Length")
	want := http.Header{
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'self'; img-src data:; script-src 'self'; base-uri 'none'; frame-ancestors 'none'"},
		"Content-Type":            {"text/html; charset=utf-8"},
		"Referrer-Policy":         {"same-origin"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers differ (-want +got):\n%s", diff)
	}
	sheet := regexp.MustCompile(`href="(/assets/[^"]+\.css)"`).FindStringSubmatch(page.Text)
	if sheet == nil {
		t.Fatal("the page has no style sheet")
	}
	asset := s.get(t, s.URL+sheet[1])
	if asset.StatusCode != 200 || asset.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style sheet = %d %s, want it", asset.StatusCode, asset.Header.Get("Content-Type"))
	}
	if got := s.get(t, s.URL+"/assets/devidp.css"); got.StatusCode != 404 {
		t.Errorf("style sheet without its version = %d, want 404", got.StatusCode)
	}
}

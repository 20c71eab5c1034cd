package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/patrolhq/patrol/internal/devidp"
)

const publicRedirect = "http://localhost:45678/callback"

// authorizeForm is an authorization request of the public client.
func authorizeForm() url.Values {
	return url.Values{
		"client_id": {publicID}, "response_type": {"code"}, "redirect_uri": {publicRedirect},
		"scope": {adoScope + " openid offline_access"},
	}
}

// codeFor signs alice in and returns the form that redeems her code.
func (s *site) codeFor(t *testing.T, request url.Values) url.Values {
	t.Helper()
	answer := signIn(t, s.browser(), s.authorizeURL(request))
	if answer.Get("code") == "" {
		t.Fatalf("answer = %v, want a code", answer)
	}
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {request.Get("client_id")},
		"redirect_uri": {request.Get("redirect_uri")}, "code": {answer.Get("code")},
	}
}

func (s *site) checkTokens(t *testing.T, form url.Values) response {
	t.Helper()
	got := s.token(t, form)
	if got.StatusCode != http.StatusOK {
		t.Fatalf("answer = %v, want tokens", got)
	}
	return got
}

func TestCodeIsSingleUse(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	form := s.codeFor(t, authorizeForm())
	s.checkTokens(t, form)
	checkRefused(t, s.token(t, form), 400, "invalid_grant", 54005)
}

// TestCodeRace holds that of many redemptions at once one succeeds.
func TestCodeRace(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	form := s.codeFor(t, authorizeForm())
	statuses := make(chan int, 16)
	var group sync.WaitGroup
	for range cap(statuses) {
		group.Go(func() {
			resp, err := s.HTTP.Do(s.newPost(t, "/"+tenant+"/oauth2/v2.0/token", form))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
			statuses <- resp.StatusCode
		})
	}
	group.Wait()
	close(statuses)
	count := make(map[int]int)
	for status := range statuses {
		count[status]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 400: 15}, count); diff != "" {
		t.Errorf("answers differ (-want +got):\n%s", diff)
	}
}

// TestCodeSurvivesAttempts has others try to redeem a code, which must neither
// succeed nor use it up.
func TestCodeSurvivesAttempts(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	request := with(authorizeForm(), "client_id", confidentialID, "redirect_uri", "https://app.contoso.example/signed-in")
	form := with(s.codeFor(t, request), "client_secret", secret)
	clone := func(pairs ...string) url.Values {
		copied, _ := url.ParseQuery(form.Encode())
		return with(copied, pairs...)
	}
	checkRefused(t, s.token(t, clone("client_secret", "wrong")), 401, "invalid_client", 7000215)
	checkRefused(t, s.token(t, clone("client_secret", "")), 401, "invalid_client", 7000218)
	checkRefused(t, s.token(t, clone("client_id", publicID, "client_secret", "")), 400, "invalid_grant", 70000)
	checkRefused(t, s.token(t, clone("redirect_uri", "https://app.contoso.example/other")), 400, "invalid_grant", 500112)
	checkRefused(t, s.token(t, clone("redirect_uri", "")), 400, "invalid_request", 900144)
	checkRefused(t, s.token(t, clone("code_verifier", strings.Repeat("v", 43))), 400, "invalid_grant", 50148)
	checkRefused(t, s.token(t, clone("scope", "/nothing")), 400, "invalid_scope", 70011)
	s.checkTokens(t, form)
}

func TestCodeExpires(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	form := s.codeFor(t, authorizeForm())
	s.clock.advance(11 * time.Minute)
	checkRefused(t, s.token(t, form), 400, "invalid_grant", 70008)
}

// TestCodeBeforeRestart holds that a provider that cannot know whether a code was
// redeemed refuses it.
func TestCodeBeforeRestart(t *testing.T) {
	t.Parallel()
	before := startPlain(t)
	form := before.codeFor(t, authorizeForm())
	after := startPlain(t)
	checkRefused(t, after.token(t, form), 400, "invalid_grant", 70008)
}

func TestPKCE(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	verifier := oauth2.GenerateVerifier()
	challenge := oauth2.S256ChallengeFromVerifier(verifier)
	for _, test := range []struct {
		name              string
		challenge, method string
		verifier          *string
		number            int
	}{
		{"S256", challenge, "S256", &verifier, 0},
		{"plain", verifier, "plain", &verifier, 0},
		{"plain by default", verifier, "", &verifier, 0},
		{"none", "", "", nil, 0},
		{"none, empty verifier", "", "", new(""), 0},
		{"no verifier", challenge, "S256", nil, 50148},
		{"empty verifier", challenge, "S256", new(""), 50148},
		{"wrong verifier", challenge, "S256", new(oauth2.GenerateVerifier()), 501481},
		{"challenge as verifier", challenge, "S256", &challenge, 501481},
		{"hashed although plain", challenge, "plain", &verifier, 501481},
		{"challenge taken out", "", "", &verifier, 50148},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := with(authorizeForm(), "code_challenge", test.challenge, "code_challenge_method", test.method)
			form := s.codeFor(t, request)
			if test.verifier != nil {
				form.Set("code_verifier", *test.verifier)
			}
			if test.number == 0 {
				s.checkTokens(t, form)
				return
			}
			checkRefused(t, s.token(t, form), 400, "invalid_grant", test.number)
		})
	}
}

func TestRefreshTokens(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	first := s.token(t, passwordForm()).JSON["refresh_token"].(string)
	refresh := func(token string, pairs ...string) url.Values {
		return with(url.Values{"grant_type": {"refresh_token"}, "client_id": {publicID}, "refresh_token": {token}}, pairs...)
	}

	checkRefused(t, s.token(t, refresh(first, "client_id", otherPublicID)), 400, "invalid_grant", 70000)
	checkRefused(t, s.token(t, refresh(first, "client_id", confidentialID, "client_secret", secret)), 400, "invalid_grant", 70000)

	got := s.checkTokens(t, refresh(first)).JSON
	if claims := readClaims(t, got["access_token"].(string)); claims["aud"] != devidp.DefaultAudience {
		t.Errorf("aud = %v, want that of the first token", claims["aud"])
	}
	if id := readClaims(t, got["id_token"].(string)); id["nonce"] != nil {
		t.Errorf("nonce = %v, want none after a refresh", id["nonce"])
	}
	second := got["refresh_token"].(string)
	other := s.checkTokens(t, refresh(second, "scope", "https://other.example/.default")).JSON
	if claims := readClaims(t, other["access_token"].(string)); claims["aud"] != "https://other.example" {
		t.Errorf("aud = %v, want that of the other resource", claims["aud"])
	}

	s.checkTokens(t, refresh(first)) // in the grace
	s.clock.advance(61 * time.Second)
	checkRefused(t, s.token(t, refresh(first)), 400, "invalid_grant", 70000)

	third := other["refresh_token"].(string)
	s.clock.advance(89 * 24 * time.Hour)
	fourth := s.checkTokens(t, refresh(third)).JSON["refresh_token"].(string)
	s.clock.advance(89 * 24 * time.Hour)
	fifth := s.checkTokens(t, refresh(fourth)).JSON["refresh_token"].(string)
	s.clock.advance(91 * 24 * time.Hour)
	checkRefused(t, s.token(t, refresh(fifth)), 400, "invalid_grant", 700082)
}

func TestRefreshAfterRestart(t *testing.T) {
	t.Parallel()
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {publicID}}
	form.Set("refresh_token", startPlain(t).token(t, passwordForm()).JSON["refresh_token"].(string))

	startPlain(t).checkTokens(t, form)
	checkRefused(t, startPlain(t, func(cfg *devidp.Config) { cfg.Users = cfg.Users[1:] }).token(t, form), 400, "invalid_grant", 50034)
	checkRefused(t, startPlain(t, func(cfg *devidp.Config) { cfg.Clients = cfg.Clients[1:] }).token(t, form), 400, "unauthorized_client", 700016)
	checkRefused(t, startPlain(t, func(cfg *devidp.Config) { cfg.SealKey = []byte(strings.Repeat("x", 32)) }).token(t, form), 400, "invalid_grant", 9002313)
}

// TestTamperedSeals changes each part of what the provider sealed, and uses it
// for what it is not.
func TestTamperedSeals(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	code := s.codeFor(t, authorizeForm())
	refresh := url.Values{
		"grant_type": {"refresh_token"}, "client_id": {publicID},
		"refresh_token": {s.token(t, passwordForm()).JSON["refresh_token"].(string)},
	}
	device := url.Values{
		"grant_type": {"device_code"}, "client_id": {publicID},
		"device_code": {s.startDevice(t).JSON["device_code"].(string)},
	}
	for name, form := range map[string]url.Values{"code": code, "refresh_token": refresh, "device_code": device} {
		sealed := form.Get(name)
		for i := 0; i < len(sealed); i += 7 {
			flipped := []byte(sealed)
			flipped[i] ^= 1
			checkRefused(t, s.token(t, with(form, name, string(flipped))), 400, "invalid_grant", 9002313)
		}
		for _, other := range []string{sealed[:len(sealed)-1], sealed + "A", sealed + "=", "", sealed + "\n"} {
			if other != "" {
				checkRefused(t, s.token(t, with(form, name, other)), 400, "invalid_grant", 9002313)
			}
		}
		form.Set(name, sealed)
	}
	crossed := with(refresh, "refresh_token", code.Get("code"))
	checkRefused(t, s.token(t, crossed), 400, "invalid_grant", 9002313)
	s.checkTokens(t, code)
}

func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		client, redirect string
		allowed          bool
	}{
		{publicID, "http://localhost", true},
		{publicID, "http://localhost:1234", true},
		{publicID, "http://LOCALHOST:1234/any/path?x=y", true},
		{publicID, "http://127.0.0.1:9/", true},
		{publicID, "http://[::1]:9/cb", true},
		{publicID, "https://localhost:9/cb", true},
		{publicID, "http://localhost.evil.example/", false},
		{publicID, "http://evil.example/", false},
		{publicID, "http://localhost@evil.example/", false},
		{publicID, "http://localhost:1@evil.example/", false},
		{publicID, "http://evil.example#localhost", false},
		{publicID, "http://evil.example\\@localhost/", false},
		{publicID, "http://localhost/#fragment", false},
		{publicID, "http://localhost\n/", false},
		{publicID, "http://0.0.0.0/", false},
		{publicID, "//localhost/", false},
		{publicID, "localhost", false},
		{publicID, "javascript:alert(1)//localhost", false},
		{publicID, "data:text/html,x", false},
		{publicID, "ftp://localhost/", false},
		{confidentialID, "http://localhost:5000/getAToken", true},
		{confidentialID, "http://localhost:5999/getAToken", true},
		{confidentialID, "http://localhost/getAToken", true},
		{confidentialID, "https://app.contoso.example/signed-in", true},
		{confidentialID, "http://127.0.0.1:5000/getAToken", false},
		{confidentialID, "https://localhost:5000/getAToken", false},
		{confidentialID, "http://localhost:5000/getAToken/../other", false},
		{confidentialID, "http://localhost:5000/other", false},
		{confidentialID, "http://localhost:5001/getAToken/", false},
		{confidentialID, "http://localhost:5000/getAToken?x=y", false},
		{confidentialID, "https://app.contoso.example/signed-in/", false},
		{confidentialID, "https://app.contoso.example/signed-in?x=y", false},
		{confidentialID, "https://app.contoso.example:444/signed-in", false},
		{confidentialID, "https://APP.contoso.example/signed-in", false},
		{confidentialID, "https://app.contoso.example.evil.example/signed-in", false},
	} {
		t.Run(test.redirect, func(t *testing.T) {
			got := s.get(t, s.authorizeURL(with(authorizeForm(), "client_id", test.client, "redirect_uri", test.redirect)))
			refused := got.StatusCode == http.StatusBadRequest && strings.Contains(got.Text, "AADSTS50011")
			if test.allowed != (got.StatusCode == http.StatusOK) || test.allowed == refused {
				t.Errorf("answer = %d, want allowed %v", got.StatusCode, test.allowed)
			}
			if got.Header.Get("Location") != "" {
				t.Errorf("Location = %q, want none", got.Header.Get("Location"))
			}
		})
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	onlyWeb := startPlain(t, func(cfg *devidp.Config) { cfg.Clients = cfg.Clients[2:] })
	for _, test := range []struct {
		site  *site
		after string
		want  string
	}{
		{s, "", ""},
		{s, "https://app.contoso.example/bye?x=y", "https://app.contoso.example/bye?x=y&state=a+b%26c"},
		{s, "http://localhost:5000/", "http://localhost:5000/?state=a+b%26c"},
		{s, "http://127.0.0.1:1/", "http://127.0.0.1:1/?state=a+b%26c"},
		{s, "https://evil.example/", ""},
		{s, "https://app.contoso.example@evil.example/", ""},
		{s, "https://app.contoso.example.evil.example/", ""},
		{s, "https://app.contoso.example:444/", ""},
		{s, "http://app.contoso.example/", ""},
		{s, "//evil.example", ""},
		{s, "/\\evil.example", ""},
		{s, "https:evil.example", ""},
		{s, "javascript:alert(1)", ""},
		{onlyWeb, "http://localhost:7/x", "http://localhost:7/x?state=a+b%26c"},
		{onlyWeb, "http://127.0.0.1:7/x", ""},
	} {
		t.Run(test.after, func(t *testing.T) {
			query := with(url.Values{"state": {"a b&c"}}, "post_logout_redirect_uri", test.after)
			got := test.site.get(t, test.site.authority()+"/oauth2/v2.0/logout?"+query.Encode())
			if location := got.Header.Get("Location"); location != test.want {
				t.Errorf("Location = %q, want %q", location, test.want)
			}
			if test.want == "" && (got.StatusCode != 200 || !strings.Contains(got.Text, "You signed out")) {
				t.Errorf("answer = %d, want a page that says so", got.StatusCode)
			}
			if cookie := got.Header.Get("Set-Cookie"); !strings.Contains(cookie, "Max-Age=0") {
				t.Errorf("Set-Cookie = %q, want the session gone", cookie)
			}
		})
	}
}

// TestInjection sends markup wherever a page or a header shows it.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	const markup = `"><script>alert(1)</script><x y='`
	hostile := []response{
		s.get(t, s.authorizeURL(with(authorizeForm(), "login_hint", markup, "state", markup))),
		s.get(t, s.authorizeURL(with(authorizeForm(), "client_id", markup))),
		s.get(t, s.authorizeURL(with(authorizeForm(), "redirect_uri", markup))),
		s.get(t, s.authorizeURL(with(authorizeForm(), "response_mode", markup))),
		s.get(t, s.authorizeURL(with(authorizeForm(), "response_mode", "form_post", "prompt", "none", "state", markup))),
		s.get(t, s.authorizeURL(with(authorizeForm(), "response_mode", "form_post", "prompt", markup))),
		s.get(t, s.authority()+"/oauth2/deviceauth?"+url.Values{"user_code": {markup}}.Encode()),
		s.get(t, s.URL+"/"+url.PathEscape(`"><script>alert(1)<`)+"/oauth2/v2.0/authorize"),
		s.post(t, "/"+tenant+"/login", url.Values{"ctx": {markup}}),
	}
	for i, got := range hostile {
		if got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("page %d has type %q, want a page", i, got.Header.Get("Content-Type"))
		}
		if strings.Contains(got.Text, "<script>alert") || strings.Contains(got.Text, "<x y") {
			t.Errorf("page %d contains the markup:\n%s", i, got.Text)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "form-action") {
			t.Errorf("page %d has the policy %q, want a strict one without form-action", i, policy)
		}
	}
	page := hostile[0].Text
	if !strings.Contains(page, "Public &lt;i&gt;app") || !strings.Contains(page, "Carol &lt;b&gt;") {
		t.Error("the page does not show the client's and the users' names as they are")
	}
	got := s.get(t, s.authorizeURL(with(authorizeForm(), "prompt", "none", "state", "a\r\nSet-Cookie: x=y")))
	if got.Header.Get("Set-Cookie") != "" || got.StatusCode != http.StatusFound {
		t.Errorf("answer = %d with cookie %q, want a redirect without", got.StatusCode, got.Header.Get("Set-Cookie"))
	}
}

func TestOversizedRequests(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	large := strings.Repeat("x", 300<<10)
	for _, path := range []string{"/oauth2/v2.0/token", "/oauth2/v2.0/devicecode", "/oauth2/v2.0/authorize", "/login", "/oauth2/v2.0/logout"} {
		if got := s.post(t, "/"+tenant+path, url.Values{"client_id": {publicID}, "state": {large}}); got.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s = %d, want 413", path, got.StatusCode)
		}
	}
	if got := s.get(t, s.authorizeURL(with(authorizeForm(), "state", large))); got.StatusCode != http.StatusRequestURITooLong {
		t.Errorf("GET authorize = %d, want 414", got.StatusCode)
	}
	state := strings.Repeat(`<"&`, 7000) // the longest state of the worst kind that is accepted
	answer := signIn(t, s.browser(), s.authorizeURL(with(authorizeForm(), "state", state)))
	if answer.Get("state") != state {
		t.Error("a long state did not survive")
	}
}

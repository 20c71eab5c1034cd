package devidp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

// challenge is what the refusals that ask for more proof send.
const challenge = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`

func signInRefused(t *testing.T, browser *devidptest.Browser, address, refusal string) url.Values {
	t.Helper()
	answer, err := browser.SignInRefused(t.Context(), address, alice.Username, refusal)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Values()
}

// redeemForm redeems a code of the public client.
func redeemForm(code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {publicID}, "redirect_uri": {publicRedirect}, "code": {code},
	}
}

func refreshForm(token any) url.Values {
	text, _ := token.(string)
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {publicID}, "refresh_token": {text}}
}

func TestRefusalInPlaceOfCode(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for refusal, oauth := range map[string]string{
		"65004": "access_denied", "90094": "access_denied", "65001": "consent_required", "53003": "access_denied",
		"50105": "interaction_required", "90033": "temporarily_unavailable",
	} {
		for _, mode := range []string{"query", "fragment", "form_post"} {
			t.Run(refusal+" "+mode, func(t *testing.T) {
				browser := s.browser()
				got := signInRefused(t, browser, s.authorizeURL(with(authorizeForm(), "state", oddState, "response_mode", mode)), refusal)
				description := got.Get("error_description")
				if got.Get("error") != oauth || !strings.HasPrefix(description, "AADSTS"+refusal+": ") || got.Get("state") != oddState || got.Get("code") != "" {
					t.Errorf("answer = %v, want %s with AADSTS%s and the state", got, oauth, refusal)
				}
				for _, part := range []string{" Trace ID: ", " Correlation ID: ", " Timestamp: "} {
					if !strings.Contains(description, part) {
						t.Errorf("description = %q, want %q in it", description, part)
					}
				}
				silent, err := browser.SignIn(t.Context(), s.authorizeURL(with(authorizeForm(), "prompt", "none")), "nobody")
				if err != nil || silent.Values().Get("error") != "login_required" {
					t.Errorf("silent sign-in = %v (%v), want nobody signed in", silent.Values(), err)
				}
			})
		}
	}
}

func TestRefusalOfCode(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		refusal string
		status  int
		oauth   string
		number  int
		more    map[string]any
	}{
		{"7000222", 401, "invalid_client", 7000222, map[string]any{}},
		{"unavailable", 503, "temporarily_unavailable", 90033, map[string]any{}},
		{"50076", 400, "invalid_grant", 50076, map[string]any{"suberror": "basic_action", "claims": challenge}},
	} {
		t.Run(test.refusal, func(t *testing.T) {
			code := signInRefused(t, s.browser(), s.authorizeURL(authorizeForm()), test.refusal).Get("code")
			checkRefused(t, s.token(t, with(redeemForm(code), "client_id", otherPublicID)), 400, "invalid_grant", 70000)
			for range 2 { // a refused code is not used up
				got := s.token(t, redeemForm(code))
				checkRefused(t, got, test.status, test.oauth, test.number)
				if diff := cmp.Diff(test.more, pick(got.JSON, "suberror", "claims")); diff != "" {
					t.Errorf("suberror and claims differ (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestRefusalOfRenewal(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		refusal string
		number  int
		more    map[string]any
	}{
		{"700082", 700082, map[string]any{}},
		{"renewal", 50076, map[string]any{"suberror": "basic_action", "claims": challenge}},
	} {
		t.Run(test.refusal, func(t *testing.T) {
			code := signInRefused(t, s.browser(), s.authorizeURL(authorizeForm()), test.refusal).Get("code")
			tokens := s.checkTokens(t, redeemForm(code)).JSON
			for range 2 {
				got := s.token(t, refreshForm(tokens["refresh_token"]))
				checkRefused(t, got, 400, "invalid_grant", test.number)
				if diff := cmp.Diff(test.more, pick(got.JSON, "suberror", "claims")); diff != "" {
					t.Errorf("suberror and claims differ (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// pick returns the members of those names that are there.
func pick(object map[string]any, names ...string) map[string]any {
	picked := make(map[string]any)
	for _, name := range names {
		if value, ok := object[name]; ok {
			picked[name] = value
		}
	}
	return picked
}

// TestStepUp holds that a challenge comes at every sign-in until one answers it,
// and that the tokens say so from then on.
func TestStepUp(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, refusal := range []string{"50076", "renewal"} {
		t.Run(refusal, func(t *testing.T) {
			browser := s.browser()
			refused := func(code string) response {
				if refusal == "50076" {
					return s.token(t, redeemForm(code))
				}
				return s.token(t, refreshForm(s.checkTokens(t, redeemForm(code)).JSON["refresh_token"]))
			}
			first := signInRefused(t, browser, s.authorizeURL(authorizeForm()), refusal).Get("code")
			checkRefused(t, refused(first), 400, "invalid_grant", 50076)
			again := signIn(t, browser, s.authorizeURL(with(authorizeForm(), "prompt", "none"))).Get("code")
			got := refused(again)
			checkRefused(t, got, 400, "invalid_grant", 50076)

			claims, _ := got.JSON["claims"].(string)
			stepUp := with(authorizeForm(), "claims", claims)
			silent := signIn(t, browser, s.authorizeURL(with(stepUp, "prompt", "none")))
			if silent.Get("error") != "interaction_required" || !strings.HasPrefix(silent.Get("error_description"), "AADSTS50076: ") {
				t.Errorf("silent step-up = %v, want interaction_required", silent)
			}
			code := signIn(t, browser, s.authorizeURL(with(stepUp, "prompt", ""))).Get("code")
			tokens := s.checkTokens(t, with(redeemForm(code), "claims", claims)).JSON
			checkContexts(t, tokens, []any{"c1"})
			renewed := s.checkTokens(t, with(refreshForm(tokens["refresh_token"]), "claims", claims)).JSON
			checkContexts(t, renewed, []any{"c1"})
			checkContexts(t, s.checkTokens(t, refreshForm(renewed["refresh_token"])).JSON, []any{"c1"})
			if silent := signIn(t, browser, s.authorizeURL(with(stepUp, "prompt", "none"))); silent.Get("code") == "" {
				t.Errorf("silent sign-in after the step-up = %v, want a code", silent)
			}
		})
	}
}

func checkContexts(t *testing.T, tokens map[string]any, want []any) {
	t.Helper()
	access, _ := tokens["access_token"].(string)
	if diff := cmp.Diff(want, readClaims(t, access)["acrs"]); diff != "" {
		t.Errorf("acrs differs (-want +got):\n%s", diff)
	}
}

// TestClaimsParameter reads what clients ask for besides a challenge.
func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	for _, test := range []struct {
		name, claims string
		want         any // "acrs", or the error
	}{
		{"capabilities", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`, nil},
		{"nothing", `{}`, nil},
		{"null", `{"access_token":null,"id_token":{"acrs":null}}`, nil},
		{"voluntary", `{"access_token":{"acrs":{"value":"c1"}}}`, nil},
		{"both", `{"access_token":{"xms_cc":{"values":["CP1"]},"acrs":{"essential":true,"value":"c1"}}}`, []any{"c1"}},
		{"several", `{"access_token":{"acrs":{"essential":true,"values":["c25","c2","c25"],"value":"c99"}}}`, []any{"c2", "c25", "c99"}},
		{"unknown", `{"access_token":{"acrs":{"essential":true,"value":"c100"}}}`, "AADSTS9002313"},
		{"no JSON", `c1`, "AADSTS9002313"},
		{"no object", `["c1"]`, "AADSTS9002313"},
		{"wrong type", `{"access_token":{"acrs":{"essential":true,"value":1}}}`, "AADSTS9002313"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer, err := s.browser().SignIn(t.Context(), s.authorizeURL(with(authorizeForm(), "claims", test.claims)), alice.Username)
			if err != nil {
				t.Fatal(err)
			}
			got := answer.Values()
			if refused, ok := test.want.(string); ok {
				if !strings.HasPrefix(got.Get("error_description"), refused+": ") {
					t.Errorf("answer = %v, want %s", got, refused)
				}
				return
			}
			access, _ := s.checkTokens(t, redeemForm(got.Get("code"))).JSON["access_token"].(string)
			if diff := cmp.Diff(test.want, readClaims(t, access)["acrs"]); diff != "" {
				t.Errorf("acrs differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnmetClaims has a client ask at the token endpoint for what the sign-in did
// not meet.
func TestUnmetClaims(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	code := s.codeFor(t, authorizeForm())
	got := s.token(t, with(code, "claims", challenge))
	checkRefused(t, got, 400, "invalid_grant", 50076)
	if got.JSON["claims"] != challenge {
		t.Errorf("claims = %v, want what was asked", got.JSON["claims"])
	}
	checkRefused(t, s.token(t, with(code, "claims", "noise")), 400, "invalid_request", 9002313)
	tokens := s.checkTokens(t, with(code, "claims", "")).JSON
	checkRefused(t, s.token(t, with(refreshForm(tokens["refresh_token"]), "claims", challenge)), 400, "invalid_grant", 50076)
	s.checkTokens(t, refreshForm(tokens["refresh_token"]))
}

// TestRefusalElsewhere holds that what was chosen on one node is refused on
// another one, and after a restart.
func TestRefusalElsewhere(t *testing.T) {
	t.Parallel()
	second, first := startPlain(t), startPlain(t)
	code := signInRefused(t, first.browser(), first.authorizeURL(authorizeForm()), "7000222").Get("code")
	checkRefused(t, second.token(t, redeemForm(code)), 401, "invalid_client", 7000222)

	code = signInRefused(t, first.browser(), first.authorizeURL(authorizeForm()), "renewal").Get("code")
	tokens := second.checkTokens(t, redeemForm(code)).JSON
	checkRefused(t, startPlain(t).token(t, refreshForm(tokens["refresh_token"])), 400, "invalid_grant", 50076)
}

// TestRefusalForm sends the form without its page's help.
func TestRefusalForm(t *testing.T) {
	t.Parallel()
	s := startPlain(t)
	ctx := pageContext(t, s.get(t, s.authorizeURL(authorizeForm())))
	login := func(pairs ...string) response {
		return s.post(t, "/"+tenant+"/login", with(url.Values{"ctx": {ctx}}, pairs...))
	}

	location, err := login("refuse", "53003").Location()
	if err != nil || location.Query().Get("error") != "access_denied" {
		t.Errorf("refusal of nobody led to %v (%v), want access_denied", location, err)
	}
	location, err = login("refuse", "700082", "username", alice.Username, "password", alice.Password).Location()
	if err != nil || location.Query().Get("code") == "" {
		t.Errorf("refusal after a password led to %v (%v), want a code", location, err)
	}
	if got := login("refuse", "7000222"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("refusal of nobody's code = %d, want the page again", got.StatusCode)
	}
	if got := login("refuse", "1", "pick", alice.ObjectID); got.StatusCode != http.StatusBadRequest {
		t.Errorf("unknown refusal = %d, want 400", got.StatusCode)
	}
	page := s.get(t, s.authority()+"/oauth2/deviceauth?user_code="+s.startDevice(t).JSON["user_code"].(string))
	if strings.Contains(page.Text, "<details") {
		t.Error("the page of a device offers refusals, want none")
	}
	ctx = pageContext(t, page)
	if got := login("refuse", "53003"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("refusal of a device = %d, want 400", got.StatusCode)
	}

	nobody := startPlain(t, func(cfg *devidp.Config) { cfg.Users = nil })
	page = nobody.get(t, nobody.authorizeURL(authorizeForm()))
	if strings.Contains(page.Text, `id="pick"`) || !strings.Contains(page.Text, `id="refuse"`) {
		t.Error("the page without users offers one, want only the refusals")
	}
}

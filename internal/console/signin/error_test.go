package signin_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patrolhq/patrol/internal/console/signin"
)

func certificates(c ...*x509.Certificate) []*x509.Certificate { return c }

// checkNoSecret looks into all that an error says, however it is printed.
func checkNoSecret(t *testing.T, e *signin.Error, secrets ...string) {
	t.Helper()
	texts := []string{e.Code, e.Suberror, e.Description, e.TraceID, e.CorrelationID, e.Claims}
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		texts = append(texts, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
	}
	for _, text := range texts {
		for _, s := range secrets {
			if contains(text, s) {
				t.Errorf("the error has a secret in it: %.200q", text)
			}
		}
	}
}

// checkPlain holds what Error promises of each of its texts.
func checkPlain(t *testing.T, e *signin.Error) {
	t.Helper()
	for name, text := range map[string]string{
		"Code": e.Code, "Suberror": e.Suberror, "Description": e.Description, "TraceID": e.TraceID, "CorrelationID": e.CorrelationID,
	} {
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > 300 || strings.TrimSpace(text) != text {
			t.Errorf("%s = %q, want a short text", name, text)
		}
		if i := strings.IndexFunc(text, func(r rune) bool {
			return !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune("<>&\"`", r)
		}); i >= 0 {
			t.Errorf("%s = %q has %q in it", name, text, text[i:])
		}
	}
}

// atRedirect is the error of an answer that brings no code.
func atRedirect(t *testing.T, answer url.Values) *signin.Error {
	t.Helper()
	p := newProvider(t, signin.Config{
		Kind: signin.KindOIDC, Authority: "https://unasked.invalid", ClientID: clientID, Secret: secret, RedirectURI: redirect,
		HTTP: &http.Client{Transport: unasked{}},
	})
	_, _, err := p.Finish(t.Context(), newAttempt(), answer)
	e, ok := errors.AsType[*signin.Error](err)
	if !ok {
		t.Fatalf("Finish = %v, want an *Error", err)
	}
	return e
}

// unasked is a network that is not there.
type unasked struct{}

var errUnasked = errors.New("nothing is asked over this network")

func (unasked) RoundTrip(*http.Request) (*http.Response, error) { return nil, errUnasked }

// TestReasons has every number that was met, with the word that comes with it.
func TestReasons(t *testing.T) {
	t.Parallel()
	for want, refusals := range map[signin.Reason][]string{
		signin.ReasonCancelled: {"access_denied 65004", "access_denied"},
		signin.ReasonAdminApproval: {
			"invalid_grant 65001", "consent_required 65001", "interaction_required 65001", "access_denied 90094", "invalid_request 90095",
			"invalid_grant 90008", "access_denied 90093", "invalid_client 650052", "invalid_client 7000229", "access_denied 900941", "consent_required",
		},
		signin.ReasonConditionalAccess: {
			"access_denied 53003", "invalid_grant 53003", "interaction_required 53000", "interaction_required 53001", "invalid_grant 53002",
			"interaction_required 50097", "interaction_required 53009", "invalid_grant 530003", "access_denied 530032", "access_denied 530035",
			"invalid_grant 50131", "access_denied 500021", "access_denied 500213", "interaction_required 53011", "unmet_authentication_requirements",
		},
		signin.ReasonAssignment: {"access_denied 50105", "invalid_grant 50105", "invalid_grant 501051"},
		signin.ReasonCredential: {
			"invalid_client 7000222", "invalid_client 7000215", "invalid_client 700027", "invalid_client 700024", "invalid_request 7000218",
			"invalid_client 700030", "invalid_client 50012", "invalid_client 7000213", "invalid_client 70002", "invalid_client 700023", "invalid_client",
		},
		signin.ReasonRedirect: {"invalid_request 50011", "invalid_grant 500112", "invalid_request 500113", "invalid_request 9002327", "redirect_uri_mismatch"},
		signin.ReasonInteraction: {
			"invalid_grant 50076", "interaction_required 50079", "interaction_required 50078", "invalid_grant 50074", "interaction_required 50158",
			"invalid_grant 50173", "invalid_grant 700082", "invalid_grant 70008", "invalid_grant 70043", "invalid_grant 70044", "invalid_grant 54005",
			"interaction_required 16000", "login_required 50058", "interaction_required 50072", "invalid_grant 700084",
			"login_required", "interaction_required", "account_selection_required", "invalid_grant", "invalid_grant 888888888",
		},
		signin.ReasonForged: {"invalid_grant 501481", "invalid_grant 50148"},
		signin.ReasonUnreachable: {
			"server_error 90033", "temporarily_unavailable 90036", "temporarily_unavailable 90006", "invalid_request 90024", "server_error", "temporarily_unavailable",
		},
		signin.ReasonOther: {
			"invalid_grant 50020", "invalid_grant 50034", "invalid_request 50128", "invalid_request 900023", "invalid_request 90002",
			"invalid_resource 501461", "unauthorized_client 700016", "invalid_scope 700023", "unauthorized_client", "invalid_request", "invalid_scope", "what_is_this",
		},
	} {
		for _, text := range refusals {
			word, number, numbered := strings.Cut(text, " ")
			answer := url.Values{"error": {word}}
			code := word
			if numbered {
				code = "AADSTS" + number
				answer.Set("error_description", code+": So it is.\r\nTrace ID: 0000aaaa-11bb-cccc-dd22-eeeeee333333\r\n"+
					"Correlation ID: aaaa0000-bb11-2222-33cc-444444dddddd\r\nTimestamp: 2026-01-09 02:02:12Z")
			}
			e := atRedirect(t, answer)
			if e.Reason != want || e.Code != code {
				t.Errorf("%s: reason %d and code %s, want %d and %s", text, e.Reason, e.Code, want, code)
			}
			if numbered && (e.Description != "So it is." || e.TraceID != "0000aaaa-11bb-cccc-dd22-eeeeee333333" || e.CorrelationID != "aaaa0000-bb11-2222-33cc-444444dddddd") {
				t.Errorf("%s: %+v, want the sentence and the ids", text, e)
			}
		}
	}
}

// TestRefusals reads whole answers of the token endpoint, when signing in and
// when renewing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const challenge = `{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}`
	for _, test := range []struct {
		name   string
		status int
		body   map[string]any
		want   signin.Error
		renews signin.Reason
	}{
		{
			"challenge", 400,
			map[string]any{
				"error": "interaction_required", "suberror": "basic_action", "error_codes": []int{50076}, "claims": challenge,
				"error_description": "AADSTS50076: You must use multi-factor authentication.\r\nTrace ID: x", "trace_id": "0000aaaa-11bb-cccc-dd22-eeeeee333333",
				"correlation_id": "aaaa0000-bb11-2222-33cc-444444dddddd",
			},
			signin.Error{
				Reason: signin.ReasonInteraction, Code: "AADSTS50076", Suberror: "basic_action", Description: "You must use multi-factor authentication.",
				TraceID: "0000aaaa-11bb-cccc-dd22-eeeeee333333", CorrelationID: "aaaa0000-bb11-2222-33cc-444444dddddd", Claims: challenge,
			},
			signin.ReasonInteraction,
		},
		{
			"blocked", 400,
			map[string]any{"error": "invalid_grant", "error_codes": []int{53003}, "claims": challenge},
			signin.Error{Reason: signin.ReasonConditionalAccess, Code: "AADSTS53003", Claims: challenge},
			signin.ReasonInteraction,
		},
		{
			"not assigned any more", 400,
			map[string]any{"error": "invalid_grant", "error_codes": []int{50105}},
			signin.Error{Reason: signin.ReasonAssignment, Code: "AADSTS50105"},
			signin.ReasonInteraction,
		},
		{
			"expired secret", 401,
			map[string]any{"error": "invalid_client", "error_codes": []int{7000222}},
			signin.Error{Reason: signin.ReasonCredential, Code: "AADSTS7000222"},
			signin.ReasonCredential,
		},
		{
			"the second number is known", 400,
			map[string]any{"error": "invalid_grant", "error_codes": []int{70002, 70008}},
			signin.Error{Reason: signin.ReasonInteraction, Code: "AADSTS70008"},
			signin.ReasonInteraction,
		},
		{
			"numbers that are none", 400,
			map[string]any{"error": "invalid_scope", "error_codes": []int{-1, 0}},
			signin.Error{Reason: signin.ReasonOther, Code: "invalid_scope"},
			signin.ReasonOther,
		},
		{
			"message only", 400,
			map[string]any{"error": "invalid_grant", "suberror": "message_only"},
			signin.Error{Reason: signin.ReasonConditionalAccess, Code: "invalid_grant", Suberror: "message_only"},
			signin.ReasonInteraction,
		},
		{
			"claims that are none", 400,
			map[string]any{"error": "interaction_required", "claims": `["a"]`},
			signin.Error{Reason: signin.ReasonInteraction, Code: "interaction_required"},
			signin.ReasonInteraction,
		},
		{
			"claims too long", 400,
			map[string]any{"error": "interaction_required", "claims": `{"a":"` + strings.Repeat("a", 5000) + `"}`},
			signin.Error{Reason: signin.ReasonInteraction, Code: "interaction_required"},
			signin.ReasonInteraction,
		},
		{
			"hostile", 400,
			map[string]any{
				"error": "<script>", "suberror": "a b", "trace_id": "<b>", "correlation_id": strings.Repeat("0", 37),
				"error_description": "pay\u202egnp.exe <img src=x onerror=alert(1)>\x00\r\nSet-Cookie: a=\"b\"&amp;\u200b end",
			},
			signin.Error{Reason: signin.ReasonOther, Description: "paygnp.exe img src=x onerror=alert(1) Set-Cookie: a= b amp; end"},
			signin.ReasonOther,
		},
	} {
		for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
			t.Run(kind+" "+test.name, func(t *testing.T) {
				t.Parallel()
				a := newAttempt()
				i := imitate(t, nil)
				i.token = func(w http.ResponseWriter, _ *http.Request) {
					writeJSON(w, http.StatusOK, tokens(sign(t, rsaKey(t), i.idClaims(a))))
				}
				_, credentials, err := i.finish(t, kind, a)
				if err != nil {
					t.Fatal(err)
				}
				i.token = func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, test.status, test.body) }
				_, _, err = i.finish(t, kind, a)
				e := refused(t, err, test.want.Reason)
				if diff := cmp.Diff(&test.want, e, cmpopts.IgnoreFields(signin.Error{}, "Err")); diff != "" {
					t.Errorf("error (-want +got):\n%s", diff)
				}
				checkPlain(t, e)
				_, err = newProvider(t, i.config(kind)).Renew(t.Context(), credentials)
				refused(t, err, test.renews)
			})
		}
	}
}

// TestProviderIsDown: it may start later, stop, and change nothing for who
// knows it already.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			i := imitate(t, nil)
			i.down.Store(true)
			now := &clock{}
			c := i.config(kind)
			c.Now = now.now
			p := newProvider(t, c)
			_, err := p.Begin(t.Context(), newAttempt())
			refused(t, err, signin.ReasonUnreachable)
			_, _, err = p.Finish(t.Context(), newAttempt(), url.Values{"code": {"c"}})
			refused(t, err, signin.ReasonUnreachable)

			i.down.Store(false)
			if _, err := p.Begin(t.Context(), newAttempt()); err != nil {
				t.Errorf("Begin after it started = %v, want an address", err)
			}
			i.down.Store(true)
			for range 3 {
				now.advance(25 * time.Hour)
				if _, err := p.Begin(t.Context(), newAttempt()); err != nil {
					t.Errorf("Begin after it stopped = %v, want the address that is known", err)
				}
			}
		})
	}
}

// TestUnreachable: no answer at all is told from any other.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		p := newProvider(t, signin.Config{
			Kind: kind, Authority: "https://127.0.0.1:1/" + tenant, ClientID: clientID, Secret: secret, Scopes: []string{scope}, RedirectURI: redirect,
		})
		_, err := p.Begin(t.Context(), newAttempt())
		e := refused(t, err, signin.ReasonUnreachable)
		if want := "beginning to sign in: asking 127.0.0.1:1: dial tcp 127.0.0.1:1: "; !strings.HasPrefix(e.Error(), want) {
			t.Errorf("%s: Begin = %q, want %q and why", kind, e, want)
		}
	}
	i := imitate(t, nil)
	c := i.config(signin.KindOIDC)
	c.HTTP = &http.Client{} // does not know the certificate
	_, err := newProvider(t, c).Begin(t.Context(), newAttempt())
	if e := refused(t, err, signin.ReasonUnreachable); !strings.Contains(e.Error(), "certificate") {
		t.Errorf("Begin = %q, want the certificate named", e)
	}
	if got := newProvider(t, c).SignOutURL(t.Context(), after, signin.Credentials{}); got != "" {
		t.Errorf("SignOutURL = %q, want none", got)
	}
}

// TestUnknownTenant: what the authority says instead of its document is told.
func TestUnknownTenant(t *testing.T) {
	t.Parallel()
	url, transport := serve(t, "https", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_tenant", "error_codes": []int{90002}, "error_description": "AADSTS90002: Tenant 'x' not found."})
	}))
	for _, kind := range []string{signin.KindOIDC, signin.KindEntra} {
		p := newProvider(t, signin.Config{
			Kind: kind, Authority: url + "/x", ClientID: clientID, Secret: secret, Scopes: []string{scope}, RedirectURI: redirect, HTTP: &http.Client{Transport: transport},
		})
		_, err := p.Begin(t.Context(), newAttempt())
		if e := refused(t, err, signin.ReasonOther); e.Code != "AADSTS90002" || e.Description != "Tenant 'x' not found." {
			t.Errorf("%s: Begin = %+v, want AADSTS90002", kind, e)
		}
	}
}

// FuzzAnswer looks for a redirect whose error is not plain.
func FuzzAnswer(f *testing.F) {
	f.Add("error=access_denied&error_description=AADSTS65004%3a+User+declined+to+consent.%0d%0aTrace+ID%3a+0000aaaa-11bb-cccc-dd22-eeeeee333333")
	f.Add("error=access_denied&error_subcode=cancel&state=s")
	f.Add("error=%3Cscript%3E&error_description=%E2%80%AE%E2%81%A6<b>&claims=%7B%7D")
	f.Add("error=a&error_description=AADSTS999999999999999999:%00%ff%fe")
	f.Add("error=&code=&code=")
	f.Add("code=c&error=e&error=f")
	f.Fuzz(func(t *testing.T, query string) {
		answer, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		e := atRedirect(t, answer)
		checkPlain(t, e)
		if e.Reason < signin.ReasonOther || e.Reason > signin.ReasonUnreachable {
			t.Errorf("reason = %d, want one of those there are", e.Reason)
		}
		if len(e.Claims) > 2048 || strings.ContainsAny(e.Error(), "\r\n") {
			t.Errorf("error = %q, want it bounded and on one line", e)
		}
	})
}

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	const (
		jsonType = "application/json; charset=utf-8"
		html     = "text/html; charset=utf-8"
		plain    = "text/plain; charset=utf-8"
	)
	tests := []struct {
		name   string
		status int
		file   string
		header []string
		want   client.Error
		text   string // of the error, where it is worth a look
	}{
		{
			"policy", 200, "refused_policy.json", nil,
			client.Error{Kind: client.KindPolicy, Code: "fullScopePatPolicyViolation", Message: "a policy restricts tokens with full access; name the scopes that you need"},
			"a policy restricts tokens with full access; name the scopes that you need (fullScopePatPolicyViolation)",
		},
		{
			"policy as a number", 200, "refused_number.json", nil,
			client.Error{Kind: client.KindPolicy, Code: "fullScopePatPolicyViolation", Message: "a policy restricts tokens with full access; name the scopes that you need"},
			"",
		},
		{
			"refusal with a sentence", 200, "refused_7.2.json", nil,
			client.Error{Kind: client.KindRefusal, Code: "invalidScope", Message: "Scope vso.nonsense does not exist."},
			"Scope vso.nonsense does not exist. (invalidScope)",
		},
		{
			"refusal of the future", 200, "refused_unknown.json", nil,
			client.Error{Kind: client.KindRefusal, Code: "somethingNew", Message: "the service refused the request"},
			"",
		},
		{
			"refusal that is not found", 200, "not_found_200.json", nil,
			client.Error{Kind: client.KindNotFound, Code: "tokenNotFound", Message: "You have no such token."},
			"",
		},
		{
			"sign-in page", 203, "sign_in.html",
			[]string{"Content-Type", html},
			client.Error{Kind: client.KindAuthentication, Message: "the service answered with a sign-in page: it did not accept the access token; sign in again"},
			"",
		},
		{
			"203 in JSON", 203, "get.json", nil,
			client.Error{Kind: client.KindAuthentication, Message: "the service answered with a sign-in page: it did not accept the access token; sign in again"},
			"",
		},
		{
			"sign-in page with 200", 200, "sign_in.html",
			[]string{"Content-Type", html},
			client.Error{Kind: client.KindAuthentication, Message: "the service answered with a sign-in page: it did not accept the access token; sign in again"},
			"",
		},
		{
			"redirect to sign in", 302, "object_moved.html",
			[]string{"Content-Type", html, "Location", "https://spsprodeus.example/_signin?realm=x"},
			client.Error{Kind: client.KindAuthentication, Message: "the service redirects to a sign-in page: it did not accept the access token; sign in again"},
			"",
		},
		{
			"moved", 301, "object_moved.html",
			[]string{"Location", "https://patrol.example:8443/a?b=c"},
			client.Error{Kind: client.KindProtocol, Message: "the service redirects to https://patrol.example:8443, and redirects are not followed; set the base URL to where it is served"},
			"",
		},
		{
			"not modified", 304, "empty.txt", nil,
			client.Error{Kind: client.KindProtocol, Message: "the service redirects, and redirects are not followed; check the base URL"},
			"",
		},
		{
			"unauthorized with BOM", 401, "unauthorized_bom.json",
			[]string{"ActivityId", "7d4b2f0e"},
			client.Error{Kind: client.KindAuthentication, Code: "InvalidIdentityException", Message: "TF400813: The user 'alice' is not authorized to access this resource.", ActivityID: "7d4b2f0e"},
			"TF400813: The user 'alice' is not authorized to access this resource. (InvalidIdentityException, activity 7d4b2f0e)",
		},
		{
			"unauthorized in plain text", 401, "expired.txt",
			[]string{"Content-Type", plain},
			client.Error{Kind: client.KindAuthentication, Message: "Access Denied: The Personal Access Token used has expired."},
			"Access Denied: The Personal Access Token used has expired. (status 401)",
		},
		{
			"unauthorized with a header only", 401, "empty.txt",
			[]string{"X-TFS-ServiceError", "TF400813%3A%20The%20user%20is%20unknown."},
			client.Error{Kind: client.KindAuthentication, Message: "TF400813: The user is unknown."},
			"",
		},
		{
			"unauthorized without a word", 401, "empty.txt",
			[]string{"X-TFS-ServiceError", ""},
			client.Error{Kind: client.KindAuthentication, Message: "the service did not accept the access token; sign in again, and check that it has the scopes that the call needs"},
			"",
		},
		{
			"forbidden", 403, "service_principal.json", nil,
			client.Error{Kind: client.KindForbidden, Code: "InvalidAccessException", Message: "Service principals are not allowed to perform this action."},
			"",
		},
		{
			"unknown page", 404, "not_found.html",
			[]string{"Content-Type", html},
			client.Error{Kind: client.KindNotFound, Message: "not found; check the base URL, the organization and the token's id"},
			"",
		},
		{
			"model binding", 400, "model_binding.json", nil,
			client.Error{Kind: client.KindRequest, Message: "The request is invalid."},
			"",
		},
		{
			"version", 400, "version.json", nil,
			client.Error{Kind: client.KindRequest, Code: "VssVersionOutOfRangeException", Message: "The requested REST API version of 9.9 is out of range for this server. The latest REST API version this server supports is 7.2."},
			"",
		},
		{
			"internal", 500, "internal.json",
			[]string{"ActivityId", "7d4b2f0e-3c0c-4b8a-9c55-8a3b0f3f9f11"},
			client.Error{Kind: client.KindUnavailable, Code: "Exception", Message: "TF400898: An Internal Error Occurred. Activity Id: 7d4b2f0e-3c0c-4b8a-9c55-8a3b0f3f9f11.", ActivityID: "7d4b2f0e-3c0c-4b8a-9c55-8a3b0f3f9f11"},
			"TF400898: An Internal Error Occurred. Activity Id: 7d4b2f0e-3c0c-4b8a-9c55-8a3b0f3f9f11. (Exception)",
		},
		{
			"unavailable", 503, "empty.txt",
			[]string{"Content-Type", html, "Retry-After", "7"},
			client.Error{Kind: client.KindUnavailable, Message: "the service failed; try again later", RetryAfter: 7 * time.Second},
			"",
		},
		{
			"throttled for ever", 429, "empty.txt",
			[]string{"Retry-After", "99999999999"},
			client.Error{Kind: client.KindThrottled, Message: "too many requests; wait and try again", RetryAfter: 24 * time.Hour},
			"",
		},
		{
			"throttled in the past", 429, "empty.txt",
			[]string{"Retry-After", "-5"},
			client.Error{Kind: client.KindThrottled, Message: "too many requests; wait and try again"},
			"",
		},
		{
			"strange status", 777, "empty.txt", nil,
			client.Error{Kind: client.KindProtocol, Message: "the service answered with a status that this API does not use"},
			"",
		},
		{
			"empty", 200, "empty.txt", nil,
			client.Error{Kind: client.KindProtocol, Message: "the answer is empty"},
			"",
		},
		{
			"truncated", 200, "create_truncated.json", nil,
			client.Error{Kind: client.KindProtocol, Message: "the answer is JSON that this API does not send"},
			"",
		},
		{
			"a list", 200, "list.json", nil,
			client.Error{Kind: client.KindProtocol, Message: "the answer has neither a token nor a refusal"},
			"",
		},
		{
			"another page", 200, "not_found.html",
			[]string{"Content-Type", html},
			client.Error{Kind: client.KindProtocol, Message: "the answer is not JSON; check that the base URL is that of Patrol or of Azure DevOps"},
			"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.want.Status = tt.status
			header := append([]string{"Content-Type", jsonType}, tt.header...)
			_, err := newClient(always(tt.status, testdata(t, tt.file), header...)).Get(t.Context(), tokenID)
			got := asError(t, err)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if tt.text != "" && got.Error() != tt.text {
				t.Errorf("text = %q, want %q", got.Error(), tt.text)
			}
		})
	}
}

// TestEveryCodeHasASentence: no known refusal is left to the general words, and
// the policies are told from the rest.
func TestEveryCodeHasASentence(t *testing.T) {
	t.Parallel()
	kinds := map[client.Kind][]string{
		client.KindPolicy: {
			"globalPatPolicyViolation", "globalPATCreationBlocked", "fullScopePatPolicyViolation",
			"patLifespanPolicyViolation", "disablePatCreationPolicyViolation", "sshPolicyDisabled",
		},
		client.KindNotFound: {"tokenNotFound", "authorizationNotFound", "hostAuthorizationNotFound"},
		client.KindRefusal: {
			"displayNameRequired", "invalidDisplayName", "invalidValidTo", "invalidScope", "invalidAuthorizationId",
			"invalidToken", "failedToUpdateAccessToken", "expiredPatCannotBeExtended", "accessDenied",
			"invalidUserType", "failedToReadTenantPolicy", "failedToReadOrgPolicy",
		},
	}
	for kind, codes := range kinds {
		for _, code := range codes {
			_, err := newClient(always(200, `{"patToken":null,"patTokenError":"`+code+`"}`)).Get(t.Context(), tokenID)
			e := asError(t, err)
			if e.Kind != kind || e.Code != code || e.Message == "the service refused the request" {
				t.Errorf("%s = %v of kind %s, want kind %s and a sentence of its own", code, e, e.Kind, kind)
			}
		}
	}
}

func TestListThatIsNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"continuationToken":""}`, `{"count":0,"value":[]}`, `{"patTokens":{}}`, `[]`, `null`} {
		if _, err := newClient(always(200, body)).Page(t.Context(), client.ListOptions{}, ""); client.KindOf(err) != client.KindProtocol {
			t.Errorf("Page of %s = %v, want an error of kind protocol", body, err)
		}
	}
}

func TestDiscoveryThatIsNone(t *testing.T) {
	t.Parallel()
	c := newClient(always(200, `{}`))
	if _, err := c.ConnectionData(t.Context()); client.KindOf(err) != client.KindProtocol {
		t.Errorf("ConnectionData = %v, want an error of kind protocol", err)
	}
	if _, err := c.Scopes(t.Context()); client.KindOf(err) != client.KindProtocol {
		t.Errorf("Scopes = %v, want an error of kind protocol", err)
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	echo := `{"message":"the token ` + accessToken + ` is \u001b[31mnot\nfit","typeKey":"` + accessToken + `"}`
	broken := `{"patToken":{"validTo":"` + secret + `","token":{"value":"` + secret + `"}},"patTokenError":"none"}`
	tests := []struct {
		name string
		via  *transport
	}{
		{"echo", always(401, echo, "ActivityId", accessToken)},
		{"echo in a header", always(401, "", "X-TFS-ServiceError", "bad%20"+accessToken)},
		{"echo in a refusal", always(200, `{"patTokenError":"`+accessToken+`","patTokenErrorMessage":"`+accessToken+`"}`)},
		{"secret in the wrong place", always(200, broken)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(tt.via).Create(t.Context(), api.PatTokenCreateRequest{})
			text := fmt.Sprintf("%v %+v", err, *asError(t, err))
			if strings.Contains(text, accessToken) || strings.Contains(text, secret) || strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("error has a secret or a control character: %q", text)
			}
		})
	}
}

func TestMessageIsCut(t *testing.T) {
	t.Parallel()
	_, err := newClient(always(400, `{"message":"`+strings.Repeat("ä", 5000)+`"}`)).Get(t.Context(), tokenID)
	if got := len([]rune(asError(t, err).Message)); got != 601 {
		t.Errorf("message has %d runes, want 601", got)
	}
}

// TestUncertainCreation: whatever leaves open whether the token exists says so.
func TestUncertainCreation(t *testing.T) {
	t.Parallel()
	broken := func(err error) *transport {
		return &transport{answer: func(int, *http.Request) (*http.Response, error) { return nil, err }}
	}
	tests := []struct {
		name string
		via  *transport
		kind client.Kind
		want bool
	}{
		{"never connected", broken(errUnreached), client.KindTransport, false},
		{"broken connection", broken(errBroken), client.KindTransport, true},
		{"timeout", broken(context.DeadlineExceeded), client.KindTransport, true},
		{"500", always(500, ""), client.KindUnavailable, true},
		{"502", always(502, ""), client.KindUnavailable, true},
		{"503", always(503, ""), client.KindUnavailable, true},
		{"504", always(504, ""), client.KindUnavailable, true},
		{"429", always(429, ""), client.KindThrottled, false},
		{"400", always(400, ""), client.KindRequest, false},
		{"401", always(401, ""), client.KindAuthentication, false},
		{"203", always(203, ""), client.KindAuthentication, false},
		{"307", always(307, ""), client.KindProtocol, false},
		{"refusal", always(200, testdata(t, "refused_policy.json")), client.KindPolicy, false},
		{"empty", always(200, ""), client.KindProtocol, true},
		{"not JSON", always(200, "OK", "Content-Type", "text/plain"), client.KindProtocol, true},
		{"cut before the secret", always(200, `{"patToken":{"authorizationId":"`+tokenID+`","token":"synth`), client.KindProtocol, true},
		{"no secret", always(200, testdata(t, "get.json")), client.KindProtocol, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := newClient(tt.via).Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "nightly"})
			e := asError(t, err)
			if e.Kind != tt.kind || e.Uncertain != tt.want {
				t.Errorf("Create = %v, kind %s, uncertain %t; want kind %s, uncertain %t", e, e.Kind, e.Uncertain, tt.kind, tt.want)
			}
			if advice := strings.Contains(e.Message, `look for "nightly"`); advice != tt.want {
				t.Errorf("message = %q, want advice: %t", e.Message, tt.want)
			}
		})
	}
}

func TestCreationWithoutItsSecretNamesTheToken(t *testing.T) {
	t.Parallel()
	got, err := newClient(always(200, testdata(t, "get.json"))).Create(t.Context(), api.PatTokenCreateRequest{})
	if !strings.Contains(err.Error(), tokenID) {
		t.Errorf("Create = %v, want the id in it", err)
	}
	if diff := cmp.Diff(recorded(t), got); diff != "" {
		t.Errorf("token (-want +got):\n%s", diff)
	}
}

// TestSecretInAnswerOfWrongType: what is certainly the secret is not thrown
// away for its content type.
func TestSecretInAnswerOfWrongType(t *testing.T) {
	t.Parallel()
	got, err := newClient(always(201, "\ufeff"+testdata(t, "create.json"), "Content-Type", "text/plain")).Create(t.Context(), api.PatTokenCreateRequest{})
	want := recorded(t)
	want.Token = new(secret)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Create = %v (-want +got):\n%s", err, diff)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	inner := &client.Error{Kind: client.KindThrottled}
	tests := []struct {
		err  error
		want client.Kind
	}{
		{nil, ""},
		{errors.New("other"), ""},
		{inner, client.KindThrottled},
		{fmt.Errorf("a: %w, b: %w", errors.New("other"), inner), client.KindThrottled},
	}
	for _, tt := range tests {
		if got := client.KindOf(tt.err); got != tt.want {
			t.Errorf("KindOf(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
	if diff := cmp.Diff(context.Canceled, errors.Unwrap(&client.Error{Err: context.Canceled}), cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}
}

// FuzzAnswer: whatever comes back, a call ends in a result or in an Error.
func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"create.json", "create_odd_types.json", "create_truncated.json", "get_bom.json", "list.json", "list_more.json", "connection_data.json", "scopes.json", "model_binding.json", "internal.json", "refused_7.2.json", "unauthorized_bom.json"} {
		f.Add(200, "application/json", "1", testdata(f, name))
		f.Add(400, "application/json; api-version=7.2-preview.1", "", testdata(f, name))
	}
	f.Add(203, "text/html", "", testdata(f, "sign_in.html"))
	f.Add(302, "text/html", "Fri, 31 Dec 9999 23:59:59 GMT", testdata(f, "object_moved.html"))
	f.Add(401, "text/plain; =", "-1", testdata(f, "expired.txt"))
	f.Add(204, "", "", "")
	f.Fuzz(func(t *testing.T, status int, media, retryAfter, body string) {
		c := newClient(always(status, body, "Content-Type", media, "Retry-After", retryAfter, "ActivityId", media, "X-TFS-ServiceError", retryAfter))
		check := func(name string, err error, ok bool) {
			if err == nil {
				if !ok {
					t.Errorf("%s has neither result nor error", name)
				}
				return
			}
			e := asError(t, err)
			if e.Kind == "" || e.Message == "" || e.RetryAfter < 0 || strings.ContainsAny(e.Error(), "\x1b\n\x00") {
				t.Errorf("%s = %#v, want a kind, and a message that can be printed", name, e)
			}
		}
		ctx := t.Context()
		created, err := c.Create(ctx, api.PatTokenCreateRequest{DisplayName: "x"})
		check("Create", err, created.Token != nil && *created.Token != "")
		_, err = c.Get(ctx, tokenID)
		check("Get", err, true)
		_, err = c.Update(ctx, api.PatTokenUpdateRequest{AuthorizationID: tokenID})
		check("Update", err, true)
		check("Revoke", c.Revoke(ctx, tokenID), status >= 200 && status <= 299 && status != 203)
		pages := 0
		for _, err := range c.List(ctx, client.ListOptions{}) {
			check("List", err, true)
			if pages++; pages > 1<<20 {
				t.Fatal("List does not end")
			}
		}
		data, err := c.ConnectionData(ctx)
		check("ConnectionData", err, data.AuthenticatedUser.ID != "")
		scopes, err := c.Scopes(ctx)
		check("Scopes", err, len(scopes) > 0)
		_, err = c.Usage(ctx, tokenID)
		check("Usage", err, true)
		_, err = c.Organizations(ctx)
		check("Organizations", err, true)
		signIn, err := client.SignIn(ctx, c.HTTP, c.BaseURL)
		check("SignIn", err, signIn.Kind != "")
	})
}

package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/console/signin"
)

// knownProvider is a provider that is only asked what it knows the console as.
type knownProvider struct{ signin.Provider }

func (knownProvider) Application() signin.Application {
	return signin.Application{ID: "client-id", RedirectURI: "https://console.example/getAToken", ConsentURL: "https://login.example/adminconsent"}
}

// visitTo is a request to a page for those who are signed in.
func visitTo(method, address string) *visit {
	c := &Console{Config: Config{
		PublicURL: "https://console.example", Provider: knownProvider{}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) },
	}}
	return &visit{Request: httptest.NewRequest(method, address, nil), console: c, route: route{path: address, access: signedIn}}
}

// TestDescribeEveryReason: each reason has a page of its own words.
func TestDescribeEveryReason(t *testing.T) {
	t.Parallel()
	type page struct {
		Status              int
		Title, Whom, Opened string
	}
	tests := map[signin.Reason]page{
		signin.ReasonOther:             {502, "You could not be signed in", administrators, "I could not sign in"},
		signin.ReasonCancelled:         {403, "You are not signed in", administrators, "I could not sign in"},
		signin.ReasonAdminApproval:     {403, "An administrator has to approve this first", administrators, "Please approve"},
		signin.ReasonConditionalAccess: {403, "A policy of your organization does not let you in", administrators, "Conditional access"},
		signin.ReasonAssignment:        {403, "You are not among those who may use this", administrators, "Please assign me"},
		signin.ReasonCredential:        {500, "The console cannot sign anybody in", operators, "The console"},
		signin.ReasonRedirect:          {500, "The console cannot sign anybody in", operators, "The console"},
		signin.ReasonInteraction:       {403, "The sign-in service asks for more", administrators, "I cannot finish"},
		signin.ReasonForged:            {400, "This sign-in is not valid", operators, "Signing in"},
		signin.ReasonUnreachable:       {503, "The sign-in service does not answer", operators, "The console"},
		signin.ReasonUnreachable + 100: {502, "You could not be signed in", administrators, "I could not sign in"},
	}
	for reason := signin.ReasonOther; reason <= signin.ReasonUnreachable; reason++ {
		if _, ok := turnedAwayFor[reason]; !ok {
			t.Errorf("nothing is told for reason %d", reason)
		}
	}
	for reason, want := range tests {
		p := visitTo(http.MethodGet, "/sign-in").describeSignIn(&signin.Error{
			Reason: reason, Code: "AADSTS1", Suberror: "finer", Description: "In their words.", TraceID: "trace", CorrelationID: "correlation",
		})
		message := p.Said.Message.Text
		got := page{p.Status, p.Title, p.Said.Whom, message[:len(want.Opened)]}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what is told for reason %d differs (-want +got):\n%s", reason, diff)
		}
		if p.Text == "" || p.Advice == "" || p.Said.Words != "In their words." {
			t.Errorf("for reason %d the page tells %+v, want what happened, what to do, and what the provider said", reason, p)
		}
		lines := []string{"Application (client) ID: client-id", "Error: AADSTS1", "Detail: finer", "Trace ID: trace", "Correlation ID: correlation", "Time: 2026-11-24T12:00:00Z", p.Reference}
		for _, line := range lines {
			if !strings.Contains(message, line) {
				t.Errorf("the message for reason %d does not have %q:\n%s", reason, line, message)
			}
		}
		for line, of := range map[string]signin.Reason{"https://login.example/adminconsent": signin.ReasonAdminApproval, "https://console.example/getAToken": signin.ReasonRedirect} {
			if strings.Contains(message, line) != (reason == of) {
				t.Errorf("the message for reason %d: that it has %q is %t:\n%s", reason, line, reason != of, message)
			}
		}
	}
	unreachable := &signin.Error{Reason: signin.ReasonUnreachable}
	if p := visitTo(http.MethodGet, "/account").describeSignIn(unreachable); p.Retry != "/account" || p.OtherAccount != "" {
		t.Errorf("in the middle of a visit an unreachable provider leads on to %q and %q, want the page again", p.Retry, p.OtherAccount)
	}
	changing := visitTo(http.MethodPost, "/account/organizations")
	changing.PostForm = url.Values{"name": {"build"}}
	if p := changing.describeSignIn(unreachable); p.Retry != "" || p.Resend == nil {
		t.Errorf("in the middle of a change an unreachable provider leads on to %q and the form %v, want the form again", p.Retry, p.Resend)
	}
	if p := visitTo(http.MethodGet, "/sign-in").describeSignIn(&signin.Error{Reason: signin.ReasonOther}); p.Text != unexplained {
		t.Errorf("where the provider said nothing, the text is %q", p.Text)
	}
	if p := visitTo(http.MethodGet, "/sign-in").describeSignIn(&signin.Error{Reason: signin.ReasonCredential, Code: "AADSTS7000222"}); !strings.Contains(p.Text, "expired") {
		t.Errorf("an expired secret tells %q", p.Text)
	}
}

// TestDescribeEveryKind: each kind of error of the API has a page, and after a
// change the page says whether it can have happened.
func TestDescribeEveryKind(t *testing.T) {
	t.Parallel()
	type page struct {
		Status       int
		Title        string
		Retry        string
		Resend, Wait bool
	}
	const here = "/contoso/tokens/1/edit"
	tests := []struct {
		name   string
		method string
		err    client.Error
		want   page
		says   string
	}{
		{"refusal", "POST", client.Error{Kind: client.KindRefusal, Message: "the token needs a valid name"}, page{422, "The service refused this", "", false, false}, "The token needs a valid name."},
		{"policy", "POST", client.Error{Kind: client.KindPolicy, Message: "a policy"}, page{403, "A policy does not allow this", "", false, false}, "A policy."},
		{"not accepted", "GET", client.Error{Kind: client.KindAuthentication, Status: 401}, page{403, "The service does not accept your sign-in", "/sign-in?to=%2Fcontoso%2Ftokens%2F1%2Fedit", false, false}, "even after you signed in anew"},
		{"no access token in time", "GET", client.Error{Kind: client.KindAuthentication, Err: context.DeadlineExceeded}, page{503, "This took too long", here, false, false}, "not your fault"},
		{"forbidden", "GET", client.Error{Kind: client.KindForbidden, Status: 403, Message: "you may not"}, page{403, "You may not do this", "", false, false}, "You may not."},
		{"not found", "GET", client.Error{Kind: client.KindNotFound, Status: 404}, page{404, "There is nothing here", "", false, false}, ""},
		{"unsupported", "GET", client.Error{Kind: client.KindUnsupported}, page{501, "The service cannot do this", "", false, false}, ""},
		{"throttled", "GET", client.Error{Kind: client.KindThrottled, Status: 429, RetryAfter: 90 * time.Second}, page{429, "Too much at once", here, false, true}, "Wait 90 seconds"},
		{"throttled for long", "POST", client.Error{Kind: client.KindThrottled, Status: 429, RetryAfter: 5*time.Minute + time.Second}, page{429, "Too much at once", "", true, true}, "Wait 6 minutes"},
		{"throttled for a while", "POST", client.Error{Kind: client.KindThrottled, Status: 429}, page{429, "Too much at once", "", true, true}, "did nothing for this one"},
		{"unavailable", "GET", client.Error{Kind: client.KindUnavailable, Status: 503, RetryAfter: time.Second}, page{503, "The service is not available", here, false, true}, ""},
		{"unavailable for a change", "POST", client.Error{Kind: client.KindUnavailable, Status: 500}, page{503, "The service is not available", "", true, false}, "may have been done or not"},
		{"uncertain", "POST", client.Error{Kind: client.KindUnavailable, Status: 502, Uncertain: true}, page{503, "The service is not available", "", false, false}, "may have been made all the same"},
		{"unreachable", "GET", client.Error{Kind: client.KindTransport, Err: errors.New("connection refused")}, page{502, "The service cannot be reached", here, false, false}, ""},
		{"too slow", "POST", client.Error{Kind: client.KindTransport, Err: context.DeadlineExceeded}, page{504, "The service did not answer in time", "", true, false}, "Sending it again does no harm"},
		{"another answer", "GET", client.Error{Kind: client.KindProtocol, Status: 200}, page{502, "The service did not answer as it should", here, false, false}, "configuration may be wrong"},
		{"a bad request", "GET", client.Error{Kind: client.KindRequest, Status: 400}, page{502, "The service did not answer as it should", here, false, false}, ""},
		{"anything new", "GET", client.Error{Kind: "new"}, page{502, "The service did not answer as it should", here, false, false}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := visitTo(tt.method, here)
			v.PostForm = url.Values{"name": {"build"}}
			p := v.describe(&tt.err)
			if diff := cmp.Diff(tt.want, page{p.Status, p.Title, p.Retry, p.Resend != nil, p.Wait > 0}); diff != "" {
				t.Errorf("the page differs (-want +got):\n%s", diff)
			}
			if said := p.Text + " " + p.Advice; !strings.Contains(said, tt.says) {
				t.Errorf("the page says %q, want %q in it", said, tt.says)
			}
		})
	}
}

func TestDescribeOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
	}{
		{errNoPage, 404},
		{&http.MaxBytesError{Limit: 1}, 413},
		{context.DeadlineExceeded, 503},
		{errors.New("secret detail"), 500},
	}
	for _, tt := range tests {
		p := visitTo(http.MethodGet, "/account").describe(tt.err)
		if p.Status != tt.status || strings.Contains(p.Text+p.Advice, "detail") {
			t.Errorf("describe(%v) = status %d: %s %s, want %d and no detail", tt.err, p.Status, p.Text, p.Advice, tt.status)
		}
		if (p.Reference != "") != (tt.status >= 500) {
			t.Errorf("describe(%v) has the reference %q", tt.err, p.Reference)
		}
	}
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	tests := []struct{ path, want string }{
		{"/contoso/tokens?tab=all&q=a%20b", "/contoso/tokens?tab=all&q=a%20b"},
		{"/account#sessions", "/account#sessions"},
		{"/%2F/evil.example", "/"},
		{"/%2e%2e/%2fevil.example", "/"},
		{"/@evil.example", "/@evil.example"},
		{"", "/"},
		{"account", "/"},
		{"//evil.example", "/"},
		{"///evil.example", "/"},
		{"/\\evil.example", "/"},
		{"\\\\evil.example", "/"},
		{"/\t/evil.example", "/"},
		{"/\n/evil.example", "/"},
		{" //evil.example", "/"},
		{"https://evil.example/", "/"},
		{"https:evil.example", "/"},
		{"javascript:alert(1)", "/"},
		{"data:text/html,x", "/"},
		{"?to=//evil.example", "/"},
		{"/..//evil.example", "/"},
		{"/.//evil.example", "/"},
		{"/%zz", "/"},
		{"/a\x00b", "/"},
		{"/sign-in?to=/sign-in", "/"},
		{"/sign-out", "/"},
		{"/" + strings.Repeat("a", maxReturnPath), "/"},
	}
	for _, tt := range tests {
		got := localPath(tt.path)
		if got != tt.want {
			t.Errorf("localPath(%q) = %q, want %q", tt.path, got, tt.want)
		}
		base, err := url.Parse("https://console.example/getAToken")
		if err != nil {
			t.Fatal(err)
		}
		if to, err := base.Parse(got); err != nil || to.Host != "console.example" || to.Scheme != "https" {
			t.Errorf("localPath(%q) leads to %v, %v", tt.path, to, err)
		}
	}
}

func TestBrowserOf(t *testing.T) {
	t.Parallel()
	tests := []struct{ agent, want string }{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari on macOS"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"},
		{"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"},
		{"curl/8.5.0", "curl"},
		{"Mozilla/5.0 (Windows NT 10.0)", "A browser on Windows"},
		{"", "Unknown browser"},
		{"<script>", "Unknown browser"},
	}
	for _, tt := range tests {
		if got := browserOf(tt.agent); got != tt.want {
			t.Errorf("browserOf(%q) = %q, want %q", tt.agent, got, tt.want)
		}
	}
}

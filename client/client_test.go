package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

const (
	tokenID     = "4ab5764f-4193-4f1d-b995-64144880b7d7"
	accessToken = "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
	secret      = "synthetic-secret-of-the-new-token"
)

// transport answers requests in memory, so that tests in a synctest bubble
// need no sockets. It keeps what it was sent.
type transport struct {
	mu     sync.Mutex
	answer func(n int, r *http.Request) (*http.Response, error)
	sent   []sent
}

type sent struct {
	Method, URL, Body string
	Header            http.Header
	At                time.Time
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response, err := t.answer(len(t.sent)+1, r)
	var body []byte
	if r.Body != nil && !errors.Is(err, errUnreached) {
		body, _ = io.ReadAll(r.Body)
	}
	t.sent = append(t.sent, sent{r.Method, r.URL.String(), string(body), r.Header, time.Now()})
	if response != nil {
		response.Request = r
	}
	return response, err
}

// errUnreached is a transport's error before it read the request's body;
// errBroken is one after.
var (
	errUnreached = errors.New("connection refused")
	errBroken    = errors.New("connection reset by peer")
)

// reply makes a response; header is name, value, name, value.
func reply(status int, body string, header ...string) *http.Response {
	r := &http.Response{
		StatusCode: status,
		ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: -1,
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8; api-version=7.2-preview.1")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// always answers each request in the same way.
func always(status int, body string, header ...string) *transport {
	return &transport{answer: func(int, *http.Request) (*http.Response, error) {
		return reply(status, body, header...), nil
	}}
}

func newClient(t http.RoundTripper) *client.Client {
	return &client.Client{
		BaseURL:      "https://patrol.example",
		Organization: "fabrikam",
		Token:        func(context.Context) (string, error) { return accessToken, nil },
		HTTP:         &http.Client{Transport: t},
		Attempts:     1,
	}
}

// testdata returns a recorded shape.
func testdata(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func moment(t testing.TB, text string) api.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return api.Time{Time: parsed}
}

func asError(t testing.TB, err error) *client.Error {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		t.Fatalf("error = %#v, want one with a *client.Error", err)
	}
	return e
}

// recorded is the token of the recorded answers.
func recorded(t testing.TB) api.PatToken {
	return api.PatToken{
		DisplayName:     "new_token",
		ValidTo:         moment(t, "2020-12-01T23:46:23.32Z"),
		Scope:           "app_token",
		TargetAccounts:  []string{"38aaa865-2c70-4bf7-a308-0c6539c38c1a"},
		ValidFrom:       moment(t, "2020-11-02T22:56:52.1033333Z"),
		AuthorizationID: tokenID,
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	ascending := false
	name := "renamed"
	base := "https://patrol.example/fabrikam/_apis/"
	tests := []struct {
		name string
		call func(context.Context, *client.Client) error
		want sent
	}{
		{"get", func(ctx context.Context, c *client.Client) error {
			_, err := c.Get(ctx, tokenID)
			return err
		}, sent{Method: "GET", URL: base + "tokens/pats?api-version=7.2-preview.1&authorizationId=" + tokenID}},
		{"page", func(ctx context.Context, c *client.Client) error {
			_, err := c.Page(ctx, client.ListOptions{}, "")
			return err
		}, sent{Method: "GET", URL: base + "tokens/pats?api-version=7.2-preview.1"}},
		{"page with options", func(ctx context.Context, c *client.Client) error {
			o := client.ListOptions{Filter: api.FilterAll, Sort: api.SortStatus, Ascending: &ascending, PageSize: 50}
			_, err := c.Page(ctx, o, "a+b/c=")
			return err
		}, sent{Method: "GET", URL: base + "tokens/pats?%24top=50&api-version=7.2-preview.1&continuationToken=a%2Bb%2Fc%3D&displayFilterOption=all&isSortAscending=false&sortByOption=status"}},
		{"create", func(ctx context.Context, c *client.Client) error {
			_, err := c.Create(ctx, api.PatTokenCreateRequest{DisplayName: "ci", Scope: "vso.code"})
			return err
		}, sent{Method: "POST", URL: base + "tokens/pats?api-version=7.2-preview.1", Body: `{"displayName":"ci","scope":"vso.code","allOrgs":false}`}},
		{"update", func(ctx context.Context, c *client.Client) error {
			_, err := c.Update(ctx, api.PatTokenUpdateRequest{AuthorizationID: tokenID, DisplayName: &name})
			return err
		}, sent{Method: "PUT", URL: base + "tokens/pats?api-version=7.2-preview.1", Body: `{"authorizationId":"` + tokenID + `","displayName":"renamed"}`}},
		{"revoke", func(ctx context.Context, c *client.Client) error {
			return c.Revoke(ctx, tokenID)
		}, sent{Method: "DELETE", URL: base + "tokens/pats?api-version=7.2-preview.1&authorizationId=" + tokenID}},
		{"connection data", func(ctx context.Context, c *client.Client) error {
			_, err := c.ConnectionData(ctx)
			return err
		}, sent{Method: "GET", URL: base + "connectionData?api-version=7.2-preview.1"}},
		{"scopes", func(ctx context.Context, c *client.Client) error {
			_, err := c.Scopes(ctx)
			return err
		}, sent{Method: "GET", URL: base + "patrol/scopes?api-version=7.2-preview.1"}},
		{"a name that needs escaping", func(ctx context.Context, c *client.Client) error {
			c.BaseURL, c.Organization = "https://user:pass@patrol.example/root/?a=b#c", "a b/c"
			return c.Revoke(ctx, tokenID)
		}, sent{Method: "DELETE", URL: "https://patrol.example/root/a%20b%2Fc/_apis/tokens/pats?api-version=7.2-preview.1&authorizationId=" + tokenID}},
		{"a host that is an organization", func(ctx context.Context, c *client.Client) error {
			c.BaseURL, c.Organization = "https://fabrikam.vssps.visualstudio.com", ""
			return c.Revoke(ctx, tokenID)
		}, sent{Method: "DELETE", URL: "https://fabrikam.vssps.visualstudio.com/_apis/tokens/pats?api-version=7.2-preview.1&authorizationId=" + tokenID}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusForbidden, "")
			c := newClient(transport)
			if err := tt.call(t.Context(), c); client.KindOf(err) != client.KindForbidden {
				t.Fatalf("error = %v, want one of kind forbidden", err)
			}
			if len(transport.sent) != 1 {
				t.Fatalf("sent %d requests, want 1", len(transport.sent))
			}
			got := transport.sent[0]
			header := got.Header
			got.Header, got.At = nil, time.Time{}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			want := http.Header{
				"Accept":                {"application/json"},
				"Authorization":         {"Bearer " + accessToken},
				"User-Agent":            header.Values("User-Agent"),
				"X-Tfs-Fedauthredirect": {"Suppress"},
			}
			if tt.want.Body != "" {
				want.Set("Content-Type", "application/json; charset=utf-8")
			}
			if diff := cmp.Diff(want, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if agent := header.Get("User-Agent"); !strings.HasPrefix(agent, "patrol-go/") {
				t.Errorf("User-Agent = %q, want patrol-go/ and a version", agent)
			}
		})
	}
}

func TestRequestsThatAreNotSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		spec func(*client.Client)
		id   string
		want client.Kind
	}{
		{"no id", func(*client.Client) {}, "", client.KindRequest},
		{"no base URL", func(c *client.Client) { c.BaseURL = "" }, tokenID, client.KindRequest},
		{"no scheme", func(c *client.Client) { c.BaseURL = "patrol.example" }, tokenID, client.KindRequest},
		{"other scheme", func(c *client.Client) { c.BaseURL = "file:///etc" }, tokenID, client.KindRequest},
		{"unreadable", func(c *client.Client) { c.BaseURL = "https://user:pass word@%zz" }, tokenID, client.KindRequest},
		{"dots for a name", func(c *client.Client) { c.Organization = ".." }, tokenID, client.KindRequest},
		{"no token source", func(c *client.Client) { c.Token = nil }, tokenID, client.KindAuthentication},
		{"empty token", func(c *client.Client) {
			c.Token = func(context.Context) (string, error) { return " \n", nil }
		}, tokenID, client.KindAuthentication},
		{"failing token source", func(c *client.Client) {
			c.Token = func(context.Context) (string, error) { return "", os.ErrPermission }
		}, tokenID, client.KindAuthentication},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			transport := always(http.StatusOK, "")
			c := newClient(transport)
			tt.spec(c)
			_, getErr := c.Get(t.Context(), tt.id)
			_, updateErr := c.Update(t.Context(), api.PatTokenUpdateRequest{AuthorizationID: tt.id})
			for _, err := range []error{getErr, updateErr, c.Revoke(t.Context(), tt.id)} {
				e := asError(t, err)
				if e.Kind != tt.want || e.Status != 0 || strings.Contains(e.Error(), "pass word") {
					t.Errorf("error = %v of kind %s, want kind %s", e, e.Kind, tt.want)
				}
			}
			if len(transport.sent) > 0 {
				t.Errorf("sent %d requests, want none", len(transport.sent))
			}
		})
	}
}

func TestTokenSourceErrorIsFound(t *testing.T) {
	t.Parallel()
	c := newClient(always(http.StatusOK, ""))
	c.Token = func(context.Context) (string, error) { return "", os.ErrPermission }
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{}); !errors.Is(err, os.ErrPermission) || asError(t, err).Uncertain {
		t.Errorf("Create = %v, want certain and os.ErrPermission", err)
	}
}

func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	want := recorded(t)
	created := want
	created.Token = new(secret)
	global := want
	global.TargetAccounts = nil

	tests := []struct {
		file string
		call func(context.Context, *client.Client) (any, error)
		want any
	}{
		{"create.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Create(ctx, api.PatTokenCreateRequest{})
		}, created},
		{"create_7.2.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Create(ctx, api.PatTokenCreateRequest{})
		}, created},
		{"create_odd_types.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Create(ctx, api.PatTokenCreateRequest{})
		}, api.PatToken{DisplayName: "new_token", Scope: "app_token", TargetAccounts: []string{""}, AuthorizationID: tokenID, Token: new(secret)}},
		{"create_truncated.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Create(ctx, api.PatTokenCreateRequest{})
		}, created},
		{"get.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Get(ctx, tokenID)
		}, want},
		{"get_bom.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Get(ctx, tokenID)
		}, want},
		{"get_odd_times.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Get(ctx, tokenID)
		}, api.PatToken{DisplayName: "new_token", ValidTo: want.ValidTo, Scope: "app_token", AuthorizationID: tokenID}},
		{"update_global.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Update(ctx, api.PatTokenUpdateRequest{AuthorizationID: tokenID})
		}, global},
		{"list.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Page(ctx, client.ListOptions{}, "")
		}, api.PagedPatTokens{PatTokens: []api.PatToken{want, global}}},
		{"list_more.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Page(ctx, client.ListOptions{}, "")
		}, api.PagedPatTokens{ContinuationToken: "Tk9ORQ==", PatTokens: []api.PatToken{want}}},
		{"list_empty.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Page(ctx, client.ListOptions{}, "")
		}, api.PagedPatTokens{PatTokens: []api.PatToken{}}},
		{"empty.txt", func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.Revoke(ctx, tokenID)
		}, nil},
		{"connection_data.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.ConnectionData(ctx)
		}, api.ConnectionData{
			AuthenticatedUser: api.Identity{
				ID:                  "d6245f20-2af8-44f4-9451-8107cb2767db",
				Descriptor:          "Microsoft.IdentityModel.Claims.ClaimsIdentity;tenant\\alice@fabrikam.example",
				SubjectDescriptor:   "aad.ZDYyNDVmMjA",
				ProviderDisplayName: "Alice",
				IsActive:            true,
				Properties:          map[string]api.Property{"Account": {Type: "System.String", Value: "alice@fabrikam.example"}},
			},
			AuthorizedUser: api.Identity{ID: "d6245f20-2af8-44f4-9451-8107cb2767db", ProviderDisplayName: "Alice"},
			InstanceID:     "38aaa865-2c70-4bf7-a308-0c6539c38c1a",
			DeploymentID:   "38aaa865-2c70-4bf7-a308-0c6539c38c1b",
			DeploymentType: "hosted",
		}},
		{"scopes.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Scopes(ctx)
		}, []api.Scope{{Name: "vso.code_write", Area: "Code", Covers: "write code", Includes: []string{"vso.code"}, HighPrivilege: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			got, err := tt.call(t.Context(), newClient(always(http.StatusOK, testdata(t, tt.file))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRevokeAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		media  string
		body   string
		want   client.Kind
	}{
		{"204", http.StatusNoContent, "", "", ""},
		{"200 empty", http.StatusOK, "", "", ""},
		{"200 null", http.StatusOK, "application/json", "null", ""},
		{"200 none", http.StatusOK, "application/json", `{"patToken":null,"patTokenError":"none"}`, ""},
		{"200 with a refusal", http.StatusOK, "application/json", `{"patToken":null,"patTokenError":"accessDenied"}`, client.KindRefusal},
		{"200 with a page", http.StatusOK, "text/html", "<title>Azure DevOps Services | Sign In</title>", client.KindAuthentication},
		{"200 with another page", http.StatusOK, "text/html", "<title>Welcome</title>", client.KindProtocol},
		{"404", http.StatusNotFound, "application/json", `{"message":"no such token"}`, client.KindNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := newClient(always(tt.status, tt.body, "Content-Type", tt.media)).Revoke(t.Context(), tokenID)
			if got := client.KindOf(err); got != tt.want || (tt.want == "") != (err == nil) {
				t.Errorf("Revoke = %v of kind %q, want kind %q", err, got, tt.want)
			}
		})
	}
}

func TestScopesOfAzureDevOps(t *testing.T) {
	t.Parallel()
	want := api.AzureDevOpsScopes()
	unknown := always(http.StatusNotFound, testdata(t, "not_found.html"), "Content-Type", "text/html")
	c := newClient(unknown)
	if got, err := c.Scopes(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("Scopes = %v, %v, want the catalogue of Azure DevOps", got, err)
	}
	c.BaseURL = "https://vssps.dev.azure.com"
	if got, err := c.Scopes(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("Scopes = %v, %v, want the catalogue of Azure DevOps", got, err)
	}
	if len(unknown.sent) != 1 {
		t.Errorf("sent %d requests, want 1: Azure DevOps is not asked", len(unknown.sent))
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusOK, `{"kind":"oidc","authority":"https://id.example","scope":"openid pats","clientId":"patrol"}`)
	hc := &http.Client{Transport: transport}
	got, err := client.SignIn(t.Context(), hc, "https://patrol.example/root")
	want := api.SignIn{Kind: api.SignInOIDC, Authority: "https://id.example", Scope: "openid pats", ClientID: "patrol"}
	if err != nil || got != want {
		t.Errorf("SignIn = %v, %v, want %v", got, err, want)
	}
	if len(transport.sent) != 1 {
		t.Fatalf("sent %d requests, want 1", len(transport.sent))
	}
	if url := transport.sent[0].URL; url != "https://patrol.example/root/_apis/patrol/signin?api-version=7.2-preview.1" {
		t.Errorf("URL = %s", url)
	}
	if transport.sent[0].Header.Get("Authorization") != "" {
		t.Error("an anonymous request has credentials")
	}
	for _, host := range []string{"https://vssps.dev.azure.com", "https://dev.azure.com/", "https://Fabrikam.visualstudio.com:443"} {
		got, err := client.SignIn(t.Context(), hc, host)
		if err != nil || got.Kind != api.SignInEntra || !strings.HasPrefix(got.Authority, "https://login.microsoftonline.com/") {
			t.Errorf("SignIn(%s) = %v, %v, want Entra", host, got, err)
		}
	}
	if _, err := client.SignIn(t.Context(), &http.Client{Transport: always(http.StatusOK, "{}")}, "https://evil-dev.azure.com.example"); client.KindOf(err) != client.KindProtocol {
		t.Errorf("SignIn = %v, want an error of kind protocol", err)
	}
	if len(transport.sent) != 1 {
		t.Errorf("sent %d requests, want 1: Azure DevOps is not asked", len(transport.sent))
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	page := func(continuation string, names ...string) string {
		p := api.PagedPatTokens{ContinuationToken: continuation, PatTokens: []api.PatToken{}}
		for _, name := range names {
			p.PatTokens = append(p.PatTokens, api.PatToken{DisplayName: name})
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tests := []struct {
		name  string
		pages map[string]string
		want  []string
		kind  client.Kind
	}{
		{"one page", map[string]string{"": page("", "a", "b")}, []string{"a", "b"}, ""},
		{"none", map[string]string{"": page("")}, nil, ""},
		{"three, one empty", map[string]string{"": page("1", "a"), "1": page("2"), "2": page("", "b")}, []string{"a", "b"}, ""},
		{"an error midway", map[string]string{"": page("1", "a")}, []string{"a"}, client.KindRequest},
		{"a circle", map[string]string{"": page("1", "a"), "1": page("2", "b"), "2": page("1", "c")}, []string{"a", "b", "c"}, client.KindProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(&transport{answer: func(_ int, r *http.Request) (*http.Response, error) {
				if r.URL.Query().Get("sortByOption") != "status" {
					return reply(http.StatusBadRequest, `{"message":"the options must be repeated"}`), nil
				}
				if body, ok := tt.pages[r.URL.Query().Get("continuationToken")]; ok {
					return reply(http.StatusOK, body), nil
				}
				return reply(http.StatusBadRequest, `{"typeKey":"InvalidContinuationTokenException"}`), nil
			}})
			var got []string
			var kind client.Kind
			for token, err := range c.List(t.Context(), client.ListOptions{Sort: api.SortStatus}) {
				if err != nil {
					kind = client.KindOf(err)
					continue
				}
				got = append(got, token.DisplayName)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || kind != tt.kind {
				t.Errorf("kind = %q, want %q; tokens (-want +got):\n%s", kind, tt.kind, diff)
			}
		})
	}
	t.Run("the caller stops", func(t *testing.T) {
		t.Parallel()
		transport := always(http.StatusOK, page("1", "a", "b"))
		for range newClient(transport).List(t.Context(), client.ListOptions{}) {
			break
		}
		if len(transport.sent) != 1 {
			t.Errorf("sent %d requests, want 1", len(transport.sent))
		}
	})
}

// TestAgainstSockets covers what only a real connection shows.
func TestAgainstSockets(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s followed a redirect", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	entered := make(chan struct{}, 1)
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("authorizationId") {
		case "302":
			http.Redirect(w, r, elsewhere.URL+"/_signin?realm=x", http.StatusFound)
		case "307":
			http.Redirect(w, r, elsewhere.URL+"/moved", http.StatusTemporaryRedirect)
		case "cut":
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"patToken":`))
		case "huge":
			w.Write(bytes.Repeat([]byte(" "), 5<<20))
		case "slow":
			w.Write([]byte(`{"patToken":`))
			w.(http.Flusher).Flush()
			entered <- struct{}{}
			<-released
		default: // a creation, cut behind the secret
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"patToken":{"authorizationId":"` + tokenID + `","token":"` + secret + `"`))
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(release)
	c := newClient(nil)
	c.BaseURL = server.URL

	for id, want := range map[string]client.Kind{
		"302": client.KindAuthentication, "307": client.KindProtocol, "cut": client.KindTransport, "huge": client.KindProtocol,
	} {
		if _, err := c.Get(t.Context(), id); client.KindOf(err) != want {
			t.Errorf("Get(%s) = %v of kind %s, want kind %s", id, err, client.KindOf(err), want)
		}
		if err := c.Revoke(t.Context(), id); client.KindOf(err) != want {
			t.Errorf("Revoke(%s) = %v of kind %s, want kind %s", id, err, client.KindOf(err), want)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	c.Attempts = 4
	if _, err := c.Get(ctx, "slow"); client.KindOf(err) != client.KindTransport || !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want kind transport and context.Canceled", err)
	}

	release()

	want := api.PatToken{AuthorizationID: tokenID, Token: new(secret)}
	got, err := c.Create(t.Context(), api.PatTokenCreateRequest{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Create = %v (-want +got):\n%s", err, diff)
	}

	server.Close()
	_, err = c.Create(t.Context(), api.PatTokenCreateRequest{})
	if e := asError(t, err); e.Kind != client.KindTransport || e.Uncertain {
		t.Errorf("Create without a server = %v, want kind transport, certain", e)
	}
}

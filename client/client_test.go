package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
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
		{"usage.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Usage(ctx, tokenID, "4ab5764f-4193-4f1d-b995-64144880b7d8")
		}, []api.TokenUsage{
			{AuthorizationID: "4ab5764f-4193-4f1d-b995-64144880b7d6", State: api.StateActive},
			{AuthorizationID: tokenID, State: api.StateRevoked, LastUsed: new(moment(t, "2020-11-03T08:12:44.018Z")), Address: "192.0.2.7", Client: "git", Scope: "vso.code"},
			{AuthorizationID: "4ab5764f-4193-4f1d-b995-64144880b7d8", LastUsed: new(moment(t, "2020-11-03T08:12:44Z"))},
		}},
		{"organizations.json", func(ctx context.Context, c *client.Client) (any, error) {
			return c.Organizations(ctx)
		}, []api.Organization{{ID: "38aaa865-2c70-4bf7-a308-0c6539c38c1a", Name: "contoso"}, {ID: "38aaa865-2c70-4bf7-a308-0c6539c38c1b", Name: "fabrikam"}}},
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

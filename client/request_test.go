package client_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

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
		{"usage", func(ctx context.Context, c *client.Client) error {
			_, err := c.Usage(ctx, tokenID, "other")
			return err
		}, sent{Method: "GET", URL: base + "patrol/usage?api-version=7.2-preview.1&authorizationIds=" + tokenID + "%2Cother"}},
		{"organizations", func(ctx context.Context, c *client.Client) error {
			_, err := c.Organizations(ctx)
			return err
		}, sent{Method: "GET", URL: "https://patrol.example/_apis/patrol/organizations?api-version=7.2-preview.1"}},
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

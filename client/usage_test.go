package client_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestUsageAsksByHundreds(t *testing.T) {
	t.Parallel()
	var asked []int
	transport := &transport{answer: func(_ int, r *http.Request) (*http.Response, error) {
		ids := strings.Split(r.URL.Query().Get("authorizationIds"), ",")
		asked = append(asked, len(ids))
		body, err := json.Marshal(api.Collect([]api.TokenUsage{{AuthorizationID: ids[0]}}))
		return reply(http.StatusOK, string(body)), err
	}}
	ids := make([]string, 250)
	for i := range ids {
		ids[i] = fmt.Sprint("token-", i)
	}
	got, err := newClient(transport).Usage(t.Context(), ids...)
	want := []api.TokenUsage{{AuthorizationID: "token-0"}, {AuthorizationID: "token-100"}, {AuthorizationID: "token-200"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Usage = %v (-want +got):\n%s", err, diff)
	}
	if diff := cmp.Diff([]int{100, 100, 50}, asked); diff != "" {
		t.Errorf("ids by request (-want +got):\n%s", diff)
	}
}

func TestUsageOfNothing(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusOK, `{"count":0,"value":[]}`)
	if got, err := newClient(transport).Usage(t.Context()); len(got) != 0 || err != nil {
		t.Errorf("Usage = %v, %v, want nothing", got, err)
	}
	if _, err := newClient(transport).Usage(t.Context(), tokenID, ""); client.KindOf(err) != client.KindRequest {
		t.Errorf("Usage of an empty id = %v, want an error of kind request", err)
	}
	if len(transport.sent) != 0 {
		t.Errorf("sent %d requests, want none", len(transport.sent))
	}
}

// TestUsageElsewhere tells a service without uses from one that fails.
func TestUsageElsewhere(t *testing.T) {
	t.Parallel()
	const html = "text/html; charset=utf-8"
	page, signIn := testdata(t, "not_found.html"), testdata(t, "sign_in.html")
	tests := []struct {
		name   string
		status int
		media  string
		body   string
		want   client.Kind
	}{
		{"404 with a page", 404, html, page, client.KindUnsupported},
		{"404 in JSON", 404, "application/json", `{"message":"nothing is here","typeKey":"VssResourceNotFoundException"}`, client.KindUnsupported},
		{"404 in plain text", 404, "text/plain", "404 page not found", client.KindUnsupported},
		{"404 without a word", 404, "", "", client.KindUnsupported},
		{"sign-in page with 203", 203, html, signIn, client.KindUnsupported},
		{"sign-in page with 200", 200, html, signIn, client.KindUnsupported},
		{"redirect to sign in", 302, html, testdata(t, "object_moved.html"), client.KindUnsupported},

		{"404 for the organization", 404, "application/json", `{"message":"no such organization","typeKey":"HostDoesNotExistException"}`, client.KindNotFound},
		{"401", 401, "application/json", testdata(t, "unauthorized_bom.json"), client.KindAuthentication},
		{"403", 403, "application/json", testdata(t, "service_principal.json"), client.KindForbidden},
		{"400", 400, "application/json", testdata(t, "model_binding.json"), client.KindRequest},
		{"500", 500, "application/json", testdata(t, "internal.json"), client.KindUnavailable},
		{"another page", 200, html, page, client.KindProtocol},
		{"something else", 200, "application/json", testdata(t, "list.json"), client.KindProtocol},
		{"nothing", 200, "", "", client.KindProtocol},
		{"no list", 200, "application/json", `{"count":0,"value":null}`, client.KindProtocol},
		{"a list of something else", 200, "application/json", `{"count":1,"value":["x"]}`, client.KindProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := newClient(always(tt.status, tt.body, "Content-Type", tt.media)).Usage(t.Context(), tokenID)
			if got != nil || client.KindOf(err) != tt.want {
				t.Errorf("Usage = %v, %v, want an error of kind %q", got, err, tt.want)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		broken := &transport{answer: func(int, *http.Request) (*http.Response, error) { return nil, errBroken }}
		if _, err := newClient(broken).Usage(t.Context(), tokenID); client.KindOf(err) != client.KindTransport || !errors.Is(err, errBroken) {
			t.Errorf("Usage = %v, want an error of kind transport", err)
		}
	})
	t.Run("no access token", func(t *testing.T) {
		t.Parallel()
		c := newClient(always(http.StatusOK, ""))
		c.Token = nil
		if _, err := c.Usage(t.Context(), tokenID); client.KindOf(err) != client.KindAuthentication {
			t.Errorf("Usage = %v, want an error of kind authentication", err)
		}
	})
	t.Run("Azure DevOps", func(t *testing.T) {
		t.Parallel()
		transport := always(http.StatusOK, testdata(t, "usage.json"))
		c := newClient(transport)
		c.BaseURL = "https://vssps.dev.azure.com"
		if _, err := c.Usage(t.Context(), tokenID); client.KindOf(err) != client.KindUnsupported || len(transport.sent) != 0 {
			t.Errorf("Usage = %v after %d requests, want it unsupported without asking", err, len(transport.sent))
		}
	})
}

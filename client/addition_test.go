package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/patrolhq/patrol/client"
)

// additions are the calls that Azure DevOps does not have.
var additions = map[string]func(context.Context, *client.Client) (bool, error){
	"Organizations": func(ctx context.Context, c *client.Client) (bool, error) {
		got, err := c.Organizations(ctx)
		return got != nil, err
	},
	"Usage": func(ctx context.Context, c *client.Client) (bool, error) {
		got, err := c.Usage(ctx, tokenID)
		return got != nil, err
	},
}

// TestAdditionsElsewhere tells a service without the calls from one that fails.
func TestAdditionsElsewhere(t *testing.T) {
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
			for name, call := range additions {
				answered, err := call(t.Context(), newClient(always(tt.status, tt.body, "Content-Type", tt.media)))
				if answered || client.KindOf(err) != tt.want {
					t.Errorf("%s = %t, %v, want an error of kind %q", name, answered, err, tt.want)
				}
			}
		})
	}
}

// TestAdditionsWithoutAnswer: only what a service says tells that it lacks a
// call.
func TestAdditionsWithoutAnswer(t *testing.T) {
	t.Parallel()
	for name, call := range additions {
		broken := &transport{answer: func(int, *http.Request) (*http.Response, error) { return nil, errBroken }}
		if _, err := call(t.Context(), newClient(broken)); client.KindOf(err) != client.KindTransport || !errors.Is(err, errBroken) {
			t.Errorf("%s without an answer = %v, want an error of kind transport", name, err)
		}
		unsigned := newClient(always(http.StatusOK, ""))
		unsigned.Token = nil
		if _, err := call(t.Context(), unsigned); client.KindOf(err) != client.KindAuthentication {
			t.Errorf("%s without an access token = %v, want an error of kind authentication", name, err)
		}
		unasked := always(http.StatusOK, testdata(t, "list_empty.json"))
		azure := newClient(unasked)
		azure.BaseURL = "https://vssps.dev.azure.com"
		if _, err := call(t.Context(), azure); client.KindOf(err) != client.KindUnsupported || len(unasked.sent) != 0 {
			t.Errorf("%s of Azure DevOps = %v after %d requests, want it unsupported without asking", name, err, len(unasked.sent))
		}
	}
}

package verify

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/patrolhq/patrol/internal/pat"
)

// TestAnswersAreDescribed holds requests and answers of every status against
// openapi.yaml.
func TestAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	router := description(t)
	w := newWorld(t)
	_, secret := w.token(t, "vso.code_write", true)
	_, unread := w.token(t, "vso.code", false)
	bearer := []string{"Authorization", "Bearer " + secret}
	client := []string{"Content-Type", formType, "Authorization", basic(clientID, url.QueryEscape(clientSecret))}
	down := func() { w.Source.before = func() error { return pat.ErrUnavailable } }
	broken := func() { w.Source.before = func() error { panic("broken") } }
	tests := []struct {
		method, target, body string
		headers              []string
		prepare              func()
		status               int
	}{
		{http.MethodGet, "/verify/contoso/vso.code+vso.code_write", "", bearer, nil, 200},
		{http.MethodGet, "/verify/-/-", "", []string{"Authorization", basic("alice", secret)}, nil, 200},
		{http.MethodGet, "/verify?org=contoso&scope=vso.code&scope=vso.profile", "", bearer, nil, 200},
		{http.MethodGet, "/verify", "", bearer, nil, 200},
		{http.MethodGet, "/verify/contoso/vso.code", "", nil, nil, 401},
		{http.MethodGet, "/verify/closed/vso.code", "", bearer, nil, 403},
		{http.MethodGet, "/verify/contoso/app_token", "", bearer, nil, 403},
		{http.MethodGet, "/verify/unknown/vso.code", "", bearer, nil, 403},
		{http.MethodGet, "/verify/contoso/vso.code", "", []string{"Authorization", "Bearer " + unread}, down, 503},
		{http.MethodGet, "/verify/contoso/vso.code", "", []string{"Authorization", "Bearer " + unread}, broken, 500},
		{http.MethodPost, introspectionPath, "token=" + secret, client, nil, 200},
		{http.MethodPost, introspectionPath, "token=" + secret + "&organization=fabrikam&scope=vso.code", client, nil, 200},
		{http.MethodPost, introspectionPath, "token=noise", client, nil, 200},
		{http.MethodPost, introspectionPath, "token=x&token=x", client, nil, 400},
		{http.MethodPost, introspectionPath, "token=x", client[:2], nil, 401},
		{http.MethodPost, introspectionPath, "token=" + strings.Repeat("x", maxForm), client, nil, 413},
		{http.MethodPost, introspectionPath, "token=x", client[2:], nil, 415},
		{http.MethodPost, introspectionPath, "token=" + unread, client, down, 503},
		{http.MethodPost, introspectionPath, "token=" + unread, client, broken, 500},
	}
	for _, tt := range tests {
		if tt.prepare != nil {
			tt.prepare()
		}
		resp := w.do(request(tt.method, tt.target, tt.body, tt.headers...))
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s = %d, want %d", tt.method, tt.target, resp.StatusCode, tt.status)
		}
		sent := request(tt.method, tt.target, tt.body, tt.headers...)
		route, parameters, err := router.FindRoute(sent)
		if err != nil {
			t.Errorf("%s %s is not described: %v", tt.method, tt.target, err)
			continue
		}
		input := &openapi3filter.RequestValidationInput{
			Request: sent, Route: route, PathParams: parameters,
			Options: &openapi3filter.Options{
				IncludeResponseStatus: true, SkipSettingDefaults: true,
				AuthenticationFunc: func(context.Context, *openapi3filter.AuthenticationInput) error { return nil },
			},
		}
		if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil && tt.status == http.StatusOK {
			t.Errorf("%s %s is not as described: %v", tt.method, tt.target, err)
		}
		err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header,
			Body: io.NopCloser(bytes.NewReader([]byte(body(t, resp)))), Options: input.Options,
		})
		if err != nil {
			t.Errorf("%s %s: the answer, %d, is not as described: %v", tt.method, tt.target, resp.StatusCode, err)
		}
		for name := range resp.Header {
			if described := route.Operation.Responses.Status(resp.StatusCode).Value.Headers; described[name] == nil && described[casing[name]] == nil &&
				name != "Content-Type" && name != "X-Content-Type-Options" {
				t.Errorf("%s %s: the answer, %d, has a header %s that is not described", tt.method, tt.target, resp.StatusCode, name)
			}
		}
	}
}

// casing is how the description spells a header that net/http spells otherwise.
var casing = map[string]string{"Www-Authenticate": "WWW-Authenticate"}

// description is openapi.yaml, with every object closed.
func description(t *testing.T) routers.Router {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("../server/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, schema := range doc.Components.Schemas {
		if len(schema.Value.Properties) > 0 {
			schema.Value.AdditionalProperties.Has = new(false)
		}
	}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

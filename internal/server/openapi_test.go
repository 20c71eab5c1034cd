package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/patrolhq/patrol/api"
)

// openAPI is openapi.yaml, with every object closed: a member that is not
// described is an error, though clients should ignore it.
type openAPI struct {
	doc    *openapi3.T
	router routers.Router
	// general answers requests that fit no operation.
	general *openapi3.Operation
}

var loadDescription = sync.OnceValues(func() (*openAPI, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	for _, schema := range doc.Components.Schemas {
		seal(schema)
	}
	general := &openapi3.Operation{Responses: openapi3.NewResponses()}
	for name, status := range map[string]int{
		"BadRequest": 400, "Unauthorized": 401, "Forbidden": 403, "NotFound": 404, "MethodNotAllowed": 405,
		"TooLarge": 413, "UnsupportedMediaType": 415, "InternalError": 500, "Unavailable": 503,
	} {
		general.Responses.Set(strconv.Itoa(status), doc.Components.Responses[name])
	}
	router, err := legacy.NewRouter(doc)
	return &openAPI{doc, router, general}, err
})

func description(t testing.TB) *openAPI {
	t.Helper()
	d, err := loadDescription()
	if err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return d
}

func seal(schema *openapi3.SchemaRef) {
	s := schema.Value
	if len(s.Properties) > 0 && s.AdditionalProperties.Has == nil && s.AdditionalProperties.Schema == nil {
		s.AdditionalProperties.Has = new(false)
	}
}

// validating is a transport that fails where a request or its answer is not
// as openapi.yaml describes.
type validating struct {
	*openAPI
	base http.RoundTripper
}

func (v validating) RoundTrip(r *http.Request) (*http.Response, error) {
	input, err := v.describe(r)
	if err != nil {
		return nil, err
	}
	resp, err := v.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := v.checkAnswer(r.Context(), input, resp, body); err != nil {
		return nil, fmt.Errorf("the answer is not as described: %w\nstatus %d\n%s", err, resp.StatusCode, body)
	}
	return resp, nil
}

// describe finds the operation of a request and, unless the request is wrong
// on purpose, holds it against that.
func (v validating) describe(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	wrong := r.Context().Value(wrongKey{}) != nil
	input := &openapi3filter.RequestValidationInput{Request: plainPath(r), Options: &openapi3filter.Options{
		IncludeResponseStatus: true, SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
		AuthenticationFunc: func(_ context.Context, in *openapi3filter.AuthenticationInput) error {
			if !strings.HasPrefix(in.RequestValidationInput.Request.Header.Get("Authorization"), "Bearer ") {
				return errors.New("no access token")
			}
			return nil
		},
	}}
	route, parameters, err := v.router.FindRoute(input.Request)
	if err != nil {
		if !wrong {
			return nil, fmt.Errorf("%s %s is not described: %w", r.Method, r.URL, err)
		}
		input.Route = &routers.Route{Spec: v.doc, Operation: v.general}
		return input, nil
	}
	input.Route, input.PathParams = route, parameters
	if wrong {
		return input, nil
	}
	if r.Body != nil {
		if input.Request.Body, err = r.GetBody(); err != nil {
			return nil, err
		}
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return nil, fmt.Errorf("the request is not as described: %w", err)
	}
	return input, nil
}

// plainPath is r with its path as openapi.yaml writes paths.
func plainPath(r *http.Request) *http.Request {
	r = r.Clone(r.Context())
	organization, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if strings.EqualFold(organization, "_apis") {
		organization = "_apis"
	}
	if rest != "" {
		rest = "/" + strings.TrimSuffix(strings.ToLower(rest), "/")
	}
	r.URL.Path, r.URL.RawPath, r.URL.Host, r.URL.Scheme = "/"+organization+rest, "", "", ""
	return r
}

func (v validating) checkAnswer(ctx context.Context, input *openapi3filter.RequestValidationInput, resp *http.Response, body []byte) error {
	if input.Request.Method != http.MethodHead && resp.Header.Get("Content-Length") != "" && resp.ContentLength != int64(len(body)) {
		return fmt.Errorf("Content-Length is %d, the body has %d bytes", resp.ContentLength, len(body))
	}
	if input.Route.Operation.Responses.Status(resp.StatusCode) == nil && v.general.Responses.Status(resp.StatusCode) != nil &&
		input.Request.Context().Value(wrongKey{}) != nil {
		input.Route = &routers.Route{Spec: v.doc, Operation: v.general}
	}
	if strings.Contains(strings.ToLower(input.Request.Header.Get("Accept")), "enumsasnumbers=true") {
		var err error
		if body, err = withNames(body); err != nil {
			return err
		}
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
}

// withNames turns a patTokenError that is a number back into its name.
func withNames(body []byte) ([]byte, error) {
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, err
	}
	number, ok := members["patTokenError"].(float64)
	if !ok {
		return body, nil
	}
	var name api.SessionTokenError
	if err := json.Unmarshal([]byte(strconv.Itoa(int(number))), &name); err != nil {
		return nil, err
	}
	members["patTokenError"] = name
	return json.Marshal(members)
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	doc := description(t).doc
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("openapi.yaml: %v", err)
	}
	ids := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Summary == "" || len(operation.Tags) != 1 || operation.OperationID == "" || ids[operation.OperationID] {
				t.Errorf("%s %s: want a summary, one tag and an operationId of its own", method, path)
			}
			ids[operation.OperationID] = true
		}
	}
	want := doc.Components.Schemas["SessionTokenError"].Value.Enum
	for i, name := range want {
		if got := api.SessionTokenError(name.(string)).Number(); got != i {
			t.Errorf("%v is number %d, want %d as described", name, got, i)
		}
	}
	var beyond api.SessionTokenError
	if err := json.Unmarshal([]byte(strconv.Itoa(len(want))), &beyond); err == nil {
		t.Errorf("%s is not described", beyond)
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	want, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := caller{site: s}.do(t, http.MethodGet, "/openapi.yaml", "")
	if a.Status != http.StatusOK || a.Body != string(want) || a.Header.Get("Content-Type") != "application/yaml" {
		t.Errorf("GET /openapi.yaml = %d, %s, %d bytes, want 200, application/yaml, the %d bytes of the file",
			a.Status, a.Header.Get("Content-Type"), len(a.Body), len(want))
	}
}

package server

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// TestCodes: every refusal of the domain has an answer, and leaves under a
// name that clients of Azure DevOps know.
func TestCodes(t *testing.T) {
	t.Parallel()
	typeKeys := map[string]pat.Code{}
	for _, code := range pat.Codes() {
		a, ok := answers[code]
		if !ok || a.status < 400 || a.status > 599 || !strings.HasSuffix(a.typeKey, "Exception") {
			t.Errorf("%s is answered by %v, want an HTTP error", code, a)
		}
		if other, taken := typeKeys[a.typeKey]; taken && !(ofCaller[code] || ofCaller[other]) {
			t.Errorf("%s and %s share the typeKey %s", code, other, a.typeKey)
		}
		typeKeys[a.typeKey] = code
		if number := api.SessionTokenError(code).Number(); !ofCaller[code] && number < 1 {
			t.Errorf("%s leaves as a patTokenError that is not one", code)
		}
		if ofCaller[code] && a.status/100 != 4 {
			t.Errorf("%s, a refusal of who calls or how, is %d", code, a.status)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(pat.Codes())), slices.Sorted(maps.Keys(answers))); diff != "" {
		t.Errorf("codes without an answer, or answers without a code (-codes +answers):\n%s", diff)
	}
}

// TestRoutesAreDescribed: openapi.yaml has every route with its methods, and
// no others but those that package verify answers, whose tests hold them.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	described := map[string][]string{}
	for path, item := range doc.Paths.Map() {
		if strings.HasPrefix(path, "/verify") || path == "/oauth2/introspect" {
			continue
		}
		described[path] = slices.Sorted(maps.Keys(item.Operations()))
		for method, operation := range item.Operations() {
			rt := (&Server{}).route(path)
			if anonymous := operation.Security != nil && len(*operation.Security) == 0; rt != nil && anonymous != rt.anonymous {
				t.Errorf("%s %s is described as anonymous: %v", method, path, anonymous)
			}
		}
	}
	served := map[string][]string{}
	for _, rt := range (&Server{}).locations() {
		served[rt.name()] = slices.Sorted(maps.Keys(rt.methods))
	}
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("routes (-served +described):\n%s", diff)
	}
}

// route is the one that logs show by that name.
func (s *Server) route(name string) *route {
	for _, rt := range s.locations() {
		if rt.name() == name {
			return rt
		}
	}
	return nil
}

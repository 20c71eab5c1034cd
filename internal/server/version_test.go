package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	const pats = "/contoso/_apis/tokens/pats"
	tests := []struct{ query, accept, want string }{
		{query: "6.1-preview.1", want: "6.1-preview.1"},
		{query: "7.0-preview.1", want: "7.0-preview.1"},
		{query: "7.1-preview.1", want: "7.1-preview.1"},
		{query: "7.2-preview.1", want: "7.2-preview.1"},
		{query: "6.1-preview", want: "6.1-preview.1"},
		{query: "7.2-PREVIEW", want: "7.2-preview.1"},
		{query: "7-preview.1", want: "7.0-preview.1"},
		{accept: "application/json;api-version=7.1-preview.1", want: "7.1-preview.1"},
		{accept: "application/json; api-version=7.0-Preview", want: "7.0-preview.1"},
		{accept: `application/json; API-Version="6.1-preview.1"`, want: "6.1-preview.1"},
		{accept: "text/plain, */*;q=0.1, application/json;api-version=7.2-preview.1;excludeUrls=true;enumsAsNumbers=true;msDateFormat=true;noArrayWrap=true", want: "7.2-preview.1"},
		{query: "6.1-preview.1", accept: "application/json;api-version=7.2-preview.1", want: "6.1-preview.1"},
	}
	for _, tt := range tests {
		target := pats
		if tt.query != "" {
			target += "?api-version=" + tt.query
		}
		a := alice.wrong(t, http.MethodGet, target, "", "Accept", tt.accept)
		want := "application/json; charset=utf-8; api-version=" + tt.want
		if got := a.Header.Get("Content-Type"); a.Status != http.StatusOK || got != want {
			t.Errorf("version %q, Accept %q: status %d, Content-Type %q, want 200 and %q", tt.query, tt.accept, a.Status, got, want)
		}
	}
	a := alice.wrong(t, http.MethodGet, pats+"?API-Version=7.1-preview.1", "")
	if a.Status != http.StatusOK {
		t.Errorf("API-Version = %d %s, want 200", a.Status, a.Body)
	}
}

// TestVersionErrors: status, typeKey and sentence of every way to name no
// version. The sentences are those of Microsoft's own API framework.
func TestVersionErrors(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	preview := func(v string) string {
		return fmt.Sprintf(`The requested version "%s" of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: "%s-preview"`, v, v)
	}
	outOfRange := func(v string) string {
		return fmt.Sprintf("The requested REST API version of %s is out of range for this server. The latest REST API version this server supports is 7.2.", v)
	}
	malformed := func(v string) string {
		return fmt.Sprintf(`The api-version "%s" is malformed: write it like "7.2-preview.1".`, v)
	}
	type wrong struct{ typeKey, message string }
	tests := []struct {
		version string
		want    wrong
	}{
		{"6.1", wrong{"VssInvalidPreviewVersionException", preview("6.1")}},
		{"7.0", wrong{"VssInvalidPreviewVersionException", preview("7.0")}},
		{"7.1", wrong{"VssInvalidPreviewVersionException", preview("7.1")}},
		{"7.2", wrong{"VssInvalidPreviewVersionException", preview("7.2")}},
		{"7", wrong{"VssInvalidPreviewVersionException", preview("7")}},
		{"1.0", wrong{"VssVersionOutOfRangeException", outOfRange("1.0")}},
		{"6.0-preview.1", wrong{"VssVersionOutOfRangeException", outOfRange("6.0-preview.1")}},
		{"7.3-preview.1", wrong{"VssVersionOutOfRangeException", outOfRange("7.3-preview.1")}},
		{"7.1-preview.2", wrong{"VssVersionOutOfRangeException", outOfRange("7.1-preview.2")}},
		{"9999.9999", wrong{"VssVersionOutOfRangeException", outOfRange("9999.9999")}},
		{"seven", wrong{"VssInvalidApiResourceVersionException", malformed("seven")}},
		{"7.1-beta", wrong{"VssInvalidApiResourceVersionException", malformed("7.1-beta")}},
		{"7.1-preview.", wrong{"VssInvalidApiResourceVersionException", malformed("7.1-preview.")}},
		{"7.1-preview.1.1", wrong{"VssInvalidApiResourceVersionException", malformed("7.1-preview.1.1")}},
		{"-preview", wrong{"VssInvalidApiResourceVersionException", malformed("-preview")}},
		{"99999999999999999999.1", wrong{"VssInvalidApiResourceVersionException", malformed("99999999999999999999.1")}},
		{"%0D%0A7.1-preview", wrong{"VssInvalidApiResourceVersionException", malformed("??7.1-preview")}},
		{"7.1-preview.1%0A", wrong{"VssInvalidApiResourceVersionException", malformed("7.1-preview.1?")}},
		{"%D9%A7.1-preview", wrong{"VssInvalidApiResourceVersionException", malformed("٧.1-preview")}},
		{strings.Repeat("7", 5000), wrong{"VssInvalidApiResourceVersionException", malformed(strings.Repeat("7", 200))}},
	}
	before := s.dump(t)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		body := ""
		if method == http.MethodPost || method == http.MethodPut {
			body = `{"displayName":"t","scope":"vso.code","authorizationId":"11111111-2222-4333-8444-555555555555"}`
		}
		for _, tt := range tests {
			a := alice.wrong(t, method, "/contoso/_apis/tokens/pats?api-version="+tt.version, body)
			if diff := cmp.Diff(tt.want, wrong{faultOf(t, a).TypeKey, message(t, a)}, cmp.AllowUnexported(wrong{})); diff != "" || a.Status != http.StatusBadRequest {
				t.Errorf("%s, version %.40s: status %d, want 400 (-want +got):\n%s", method, tt.version, a.Status, diff)
			}
		}
		for _, target := range []string{"/contoso/_apis/tokens/pats", "/contoso/_apis/tokens/pats?api-version="} {
			a := alice.wrong(t, method, target, body, "Accept", "application/json")
			want := wrong{"VssVersionNotSpecifiedException", `No api-version was supplied for the "` + method + `" request. The version must be supplied either as part of the Accept header (e.g. "application/json; api-version=1.0") or as a query parameter (e.g. "?api-version=1.0").`}
			if diff := cmp.Diff(want, wrong{faultOf(t, a).TypeKey, message(t, a)}, cmp.AllowUnexported(wrong{})); diff != "" || a.Status != http.StatusBadRequest {
				t.Errorf("%s %s: status %d, want 400 (-want +got):\n%s", method, target, a.Status, diff)
			}
		}
	}
	a := alice.wrong(t, http.MethodGet, "/contoso/_apis/tokens/pats?api-version=7.1-preview.1&api-version=7.2-preview.1", "")
	if got, want := faultOf(t, a), (fault{http.StatusBadRequest, "VssPropertyValidationException"}); got != want {
		t.Errorf("two versions = %v, want %v", got, want)
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("requests without a version changed (-before +after):\n%s", diff)
	}
}

// TestNewInSevenTwo: patTokenErrorMessage is absent before 7.2, and from then
// on null or a sentence.
func TestNewInSevenTwo(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	id := alice.named(t, "t").AuthorizationID
	for _, version := range []string{"6.1-preview.1", "7.0-preview.1", "7.1-preview.1", "7.2-preview.1"} {
		for id, success := range map[string]bool{id: true, "11111111-2222-4333-8444-555555555555": false} {
			a := alice.do(t, http.MethodGet, "/contoso/_apis/tokens/pats?authorizationId="+id+"&api-version="+version, "")
			got, present := decode[map[string]any](t, a.Body)["patTokenErrorMessage"]
			_, sentence := got.(string)
			if present != (version == "7.2-preview.1") || sentence != (present && !success) {
				t.Errorf("%s, success %v: patTokenErrorMessage is %v, present %v", version, success, got, present)
			}
		}
	}
}

func TestEnumsAsNumbers(t *testing.T) {
	t.Parallel()
	alice := start(t, options{}).as(t, "alice")
	id := alice.named(t, "t").AuthorizationID
	for _, accept := range []string{"application/json;enumsAsNumbers=true", "application/json; EnumsAsNumbers=True; api-version=7.1-preview.1"} {
		for id, want := range map[string]float64{id: 0, "11111111-2222-4333-8444-555555555555": 23} {
			a := alice.wrong(t, http.MethodGet, alice.pats("authorizationId="+id), "", "Accept", accept)
			if got := decode[map[string]any](t, a.Body)["patTokenError"]; got != want {
				t.Errorf("Accept %s: patTokenError = %v, want %v", accept, got, want)
			}
		}
	}
}

package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// TestLenientBodies: what clients are known to send, and what it means.
func TestLenientBodies(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	end := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	plain := api.PatToken{
		DisplayName: "t", Scope: "vso.code", TargetAccounts: []string{contosoID},
		ValidFrom: api.Time{Time: epoch}, ValidTo: api.Time{Time: epoch.Add(30 * day)},
	}
	with := func(change func(*api.PatToken)) api.PatToken {
		changed := plain
		change(&changed)
		return changed
	}
	global := with(func(p *api.PatToken) { p.TargetAccounts = nil })
	ends := func(at time.Time) api.PatToken { return with(func(p *api.PatToken) { p.ValidTo.Time = at }) }
	tests := []struct {
		body string
		want api.PatToken
	}{
		{`{"DISPLAYNAME":"t","Scope":"vso.code","AllORGS":true}`, global},
		{`{"displayName":"t","scope":"vso.code","allOrgs":"true"}`, global},
		{`{"displayName":"t","scope":"vso.code","allOrgs":"True"}`, global},
		{`{"displayName":"t","scope":"vso.code","allOrgs":"false"}`, plain},
		{`{"displayName":"t","scope":"vso.code","allOrgs":null,"validTo":null}`, plain},
		{`{"displayName":"t","scope":"vso.code","validTo":""}`, plain},
		{`{"displayName":"t","scope":"vso.code","more":{"deep":[1,2]},"token":"x","authorizationId":7,"targetAccounts":[]}`, plain},
		{"\ufeff" + `{"displayName":"t","scope":"vso.code"}`, plain},
		{" \r\n\t" + `{ "displayName" : "t" , "scope" : "vso.code" }` + "\n", plain},
		{`{"displayName":"x","displayName":"t","scope":"vso.code"}`, plain},
		{`{"displayName":"t","scope":"VSO.CODE\n vso.code"}`, plain},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31T23:59:59Z"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31T23:59:59"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"2027-01-01T01:59:59+02:00"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31 23:59:59"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31 23:59:59Z"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"12/31/2026 23:59:59"}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":" 12/31/2026 23:59:59 "}`, ends(end)},
		{`{"displayName":"t","scope":"vso.code","validTo":"12/31/2026"}`, ends(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31"}`, ends(time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC))},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31T23:59Z"}`, ends(end.Add(-59 * time.Second))},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31T23:59:59.1234567Z"}`, ends(end.Add(123456 * time.Microsecond))},
		{`{"displayName":"t","scope":"vso.code","validTo":"2026-12-31T23:59:59.123456789Z"}`, ends(end.Add(123456 * time.Microsecond))},
		{`{"displayName":"` + strings.Repeat("ä", 255) + `","scope":"vso.code"}`, with(func(p *api.PatToken) { p.DisplayName = strings.Repeat("ä", 255) })},
		{`{"displayName":"a\"b\\c<&>'; DROP TABLE token;--😀","scope":"vso.code"}`, with(func(p *api.PatToken) { p.DisplayName = `a"b\c<&>'; DROP TABLE token;--😀` })},
	}
	for _, tt := range tests {
		a := alice.wrong(t, http.MethodPost, alice.pats(), tt.body)
		got := token(t, a)
		got.Token, got.AuthorizationID = nil, ""
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Create %s (-want +got):\n%s", tt.body, diff)
		}
		if stored := alice.get(t, token(t, a).AuthorizationID); !cmp.Equal(stored.DisplayName, tt.want.DisplayName) || !stored.ValidTo.Equal(tt.want.ValidTo.Time) {
			t.Errorf("Create %s is stored as %v", tt.body, stored)
		}
	}
	id := alice.named(t, "before").AuthorizationID
	for _, spelt := range []string{strings.ToUpper(id), "{" + id + "}", " " + id + " "} {
		a := alice.wrong(t, http.MethodPut, alice.pats(), `{"AUTHORIZATIONID":"`+spelt+`","DisplayName":"`+spelt+`"}`)
		if got := token(t, a).AuthorizationID; got != id {
			t.Errorf("Update of %q changed %s", spelt, got)
		}
	}
}

// TestContentTypes: JSON in UTF-8, or nothing said, and nothing else.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	const body = `{"displayName":"t","scope":"vso.code"}`
	for _, good := range []string{"application/json", "application/json;charset=utf-8", "Application/JSON; Charset=UTF-8", "application/json; api-version=7.1-preview.1", ""} {
		if a := alice.wrong(t, http.MethodPost, alice.pats(), body, "Content-Type", good); a.Status != http.StatusOK {
			t.Errorf("Content-Type %q = %d %s, want 200", good, a.Status, a.Body)
		}
	}
	before := s.dump(t)
	want := fault{http.StatusUnsupportedMediaType, "VssRequestContentTypeNotSupportedException"}
	for _, bad := range []string{
		"text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16",
		"application/json; charset=iso-8859-1", "application/json-patch+json", "json", ";", "application/json; charset", "application/json, text/plain",
	} {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			if got := faultOf(t, alice.wrong(t, method, alice.pats(), body, "Content-Type", bad)); got != want {
				t.Errorf("%s with Content-Type %q = %v, want %v", method, bad, got, want)
			}
		}
	}
	for _, encoding := range []string{"gzip", "identity"} {
		if got := faultOf(t, alice.wrong(t, http.MethodPost, alice.pats(), body, "Content-Encoding", encoding)); got != want {
			t.Errorf("Content-Encoding %s = %v, want %v", encoding, got, want)
		}
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("bodies that were refused changed (-before +after):\n%s", diff)
	}
}

// TestBrokenBodies are 400, say where they break, and repeat nothing of
// themselves.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	alice.named(t, "t")
	before := s.dump(t)
	const secret = "hunter2"
	tests := []struct{ name, body, says string }{
		{"none", "", "the body must be a JSON object"},
		{"spaces", " \n ", "the body must be a JSON object"},
		{"BOM alone", "\ufeff", "the body must be a JSON object"},
		{"null", "null", "the body must be a JSON object"},
		{"array", `["` + secret + `"]`, "the body must be a JSON object"},
		{"string", `"` + secret + `"`, "the body must be a JSON object"},
		{"number", "7", "the body must be a JSON object"},
		{"no JSON", secret, "the body must be a JSON object"},
		{"cut", `{"displayName":"` + secret, "the body is not valid JSON at byte"},
		{"cut at the end", `{"displayName":"` + secret + `"`, "the body is not valid JSON at byte"},
		{"two values", `{"displayName":"t","scope":"vso.code"}{}`, "the body is not valid JSON at byte 39"},
		{"rest", `{"displayName":"t","scope":"vso.code"} ` + secret, "the body is not valid JSON at byte 40"},
		{"comma", `{"displayName":"t","scope":"vso.code",}`, "the body is not valid JSON at byte"},
		{"single quotes", `{'displayName':'` + secret + `'}`, "the body is not valid JSON at byte 2"},
		{"NaN", `{"validTo":NaN}`, "the body is not valid JSON at byte"},
		{"control character", "{\"displayName\":\"a\x01" + secret + "\"}", "the body is not valid JSON at byte"},
		{"invalid UTF-8", "{\"displayName\":\"\xff\xfe\"}", "the body is not UTF-8"},
		{"UTF-16", "\xfe\xff\x00{\x00}", "the body is not UTF-8"},
		{"overlong UTF-8", "{\"displayName\":\"\xc0\xaf\"}", "the body is not UTF-8"},
		{"surrogate in UTF-8", "{\"displayName\":\"\xed\xa0\x80\"}", "the body is not UTF-8"},
		{"number for name", `{"displayName":73123456789}`, "displayName must be of type string, not number"},
		{"object for scope", `{"displayName":"t","scope":{"a":"` + secret + `"}}`, "scope must be of type string, not object"},
		{"array for scope", `{"displayName":"t","scope":["vso.code"]}`, "scope must be of type string, not array"},
		{"number for validTo", `{"displayName":"t","scope":"vso.code","validTo":1767225599}`, "validTo must be of type string, not number"},
		{"boolean for validTo", `{"displayName":"t","scope":"vso.code","validTo":true}`, "validTo must be of type string, not bool"},
		{"word for allOrgs", `{"displayName":"t","scope":"vso.code","allOrgs":"` + secret + `"}`, "allOrgs must be true or false"},
		{"number for allOrgs", `{"displayName":"t","scope":"vso.code","allOrgs":1}`, "allOrgs must be true or false"},
		{"object for allOrgs", `{"displayName":"t","scope":"vso.code","allOrgs":{}}`, "allOrgs must be true or false"},
		{"deep array", `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "the body is not valid JSON at byte"},
		{"deep object", strings.Repeat(`{"x":`, 20000) + "1" + strings.Repeat("}", 20000), "the body is not valid JSON at byte"},
	}
	for _, tt := range tests {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			a := alice.wrong(t, method, alice.pats(), tt.body)
			if got, want := faultOf(t, a), (fault{http.StatusBadRequest, "JsonReaderException"}); got != want {
				t.Errorf("%s: %s = %v, want %v: %s", method, tt.name, got, want, a.Body)
			}
			if got, want := message(t, a), "TF400898: An Internal Error Occurred. Activity Id: "+a.Header.Get("ActivityId")+". The request was not understood: "+tt.says; !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s says %q, want %q", method, tt.name, got, want)
			}
			if strings.Contains(a.Body, secret) || strings.Contains(a.Body, "73123456789") {
				t.Errorf("%s: %s is repeated: %s", method, tt.name, a.Body)
			}
		}
	}
	if a := alice.wrong(t, http.MethodPut, alice.pats(), `{"authorizationId":7}`); !strings.Contains(a.Body, "authorizationId must be of type string, not number") {
		t.Errorf("a number for authorizationId = %s", a.Body)
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("broken bodies changed (-before +after):\n%s", diff)
	}
}

// TestSizes: bodies of up to 1 MiB are read, larger ones refused.
func TestSizes(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	sized := func(n int) string {
		head, tail := `{"displayName":"t","scope":"vso.code","padding":"`, `"}`
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	}
	if a := alice.wrong(t, http.MethodPost, alice.pats(), sized(1<<20)); a.Status != http.StatusOK {
		t.Errorf("a body of 1 MiB = %d %s, want 200", a.Status, a.Body)
	}
	before := s.dump(t)
	want := fault{http.StatusRequestEntityTooLarge, "VssRequestTooLargeException"}
	for _, n := range []int{1<<20 + 1, 2 << 20} {
		for _, method := range []string{http.MethodPost, http.MethodPut} {
			if got := faultOf(t, alice.wrong(t, method, alice.pats(), sized(n))); got != want {
				t.Errorf("%s with a body of %d bytes = %v, want %v", method, n, got, want)
			}
		}
	}
	if got := faultOf(t, alice.wrong(t, http.MethodPost, alice.pats(), string(bytes.Repeat([]byte{' '}, 2<<20)))); got != want {
		t.Errorf("2 MiB of spaces = %v, want %v", got, want)
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("bodies that are too large changed (-before +after):\n%s", diff)
	}
}

// TestRefusals: what a body asks that no token can have.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	id := alice.named(t, "t").AuthorizationID
	before := s.dump(t)
	refuse := func(want string, members string) {
		t.Helper()
		// A change leaves out what is not at fault.
		for method, body := range map[string]string{
			http.MethodPost: fmt.Sprintf(`{"displayName":"t","scope":"vso.code",%s}`, members),
			http.MethodPut:  fmt.Sprintf(`{"authorizationId":"%s",%s}`, id, members),
		} {
			a := alice.wrong(t, method, alice.pats(), body)
			if a.Status != http.StatusOK {
				t.Errorf("%s %.80s = %d %s, want 200", method, members, a.Status, a.Body)
				continue
			}
			if got := refusal(t, a); got != want {
				t.Errorf("%s %.80s = %s, want %s", method, members, got, want)
			}
		}
	}
	for _, name := range []string{"", "   ", `\t\n`} {
		refuse("displayNameRequired", `"displayName":"`+name+`"`)
	}
	for _, name := range []string{
		strings.Repeat("x", 256), strings.Repeat("x", 10000), `a\u0000b`, `a\u0007b`, `a\nb`, `a\u007fb`, `a\u0085b`, `a\u2028b`, `a\u202eb`, `a\ufffdb`, `a\ud800b`,
	} {
		refuse("invalidDisplayName", `"displayName":"`+name+`"`)
	}
	for _, scope := range []string{
		"", " ", "vso.nonsense", "vso.code,vso.build", "app_token vso.code", "vso.code app_token", "user_impersonation", "vso.pats", "vso.code\\u0000", "*",
		strings.Repeat("vso.code ", 2000), "vso.cod\\u0435",
	} {
		refuse("invalidScope", `"scope":"`+scope+`"`)
	}
	for _, date := range []string{
		"tomorrow", "31/12/2026", "31.12.2026", "13/01/2026 00:00:00", "2026-13-01", "2026-02-30", "2027-02-29T00:00:00Z", "2026-12-31T24:00:00Z", "2026-12-31T23:60:00Z",
		"2026-12-31T23:59:60Z", "2026-12-31T23:59:59+25:00", "2026-12-31T23:59:59 UTC", "20261231T235959Z", "/Date(1798761599000)/", "1798761599", "2026-W53-4", "2026-365",
		"0000-01-01T00:00:00Z", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00", "1601-01-01", "1970-01-01T00:00:00Z", "2026-12-01T08:15:30.123456Z", "2026-12-01T08:15:30.123Z",
		"9999-12-31T23:59:59.9999999Z", "9999-12-31", "10000-01-01T00:00:00Z", "99999-01-01", "-2026-12-31T00:00:00Z", "+2026-12-31T00:00:00Z", "2027-12-02T08:15:30Z",
		"２０２６-12-31", "2026-12-31T23:59:59Z\\u0000", "2026-12-31T23:59:59Z; DROP TABLE token", strings.Repeat("2", 10000), " ", "null",
	} {
		if date == " " {
			// A blank is no date, where an empty string is none given.
			refuse("invalidValidTo", `"validTo":" "`)
			continue
		}
		refuse("invalidValidTo", `"validTo":"`+date+`"`)
	}
	for _, id := range []string{
		``, `"authorizationId":null`, `"authorizationId":""`, `"authorizationId":"x"`, `"authorizationId":"` + strings.Repeat("0", 36) + `"`,
		`"authorizationId":"4ab5764f41934f1db99564144880b7d7"`, `"authorizationId":"4ab5764f-4193-4f1d-b995-64144880b7dg"`, `"authorizationId":"4ab5764f-4193-4f1d-b995-64144880b7d7x"`,
		`"authorizationId":"' OR 1=1 --"`,
	} {
		a := alice.wrong(t, http.MethodPut, alice.pats(), "{"+strings.Trim(id+`,"displayName":"x"`, ",")+"}")
		if got := refusal(t, a); got != "invalidAuthorizationId" {
			t.Errorf("Update of %s = %s, want invalidAuthorizationId", id, got)
		}
	}
	if got := refusal(t, alice.do(t, http.MethodPut, alice.pats(), `{"authorizationId":"00000000-0000-0000-0000-000000000000"}`)); got != "tokenNotFound" {
		t.Errorf("Update of the zero id = %s, want tokenNotFound", got)
	}
	if got := refusal(t, alice.wrong(t, http.MethodPost, alice.pats(), `{}`)); got != "displayNameRequired" {
		t.Errorf("Create of nothing = %s, want displayNameRequired", got)
	}
	if got := refusal(t, alice.wrong(t, http.MethodPost, alice.pats(), `{"displayName":"t"}`)); got != "invalidScope" {
		t.Errorf("Create without scope = %s, want invalidScope", got)
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("refused requests changed (-before +after):\n%s", diff)
	}
}

package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBrokenQueries are refused, never guessed at.
func TestBrokenQueries(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	id := alice.named(t, "t").AuthorizationID
	before := s.dump(t)
	invalid := fault{http.StatusBadRequest, "VssPropertyValidationException"}
	tests := []struct{ query, says string }{
		{"displayFilterOption=both", "The value 'both' is not valid for displayFilterOption: use one of active, revoked, expired, all."},
		{"displayFilterOption=1", "The value '1' is not valid for displayFilterOption: use one of active, revoked, expired, all."},
		{"displayFilterOption=active,expired", ""},
		{"displayFilterOption=%00", "The value '?' is not valid for displayFilterOption: use one of active, revoked, expired, all."},
		{"sortByOption=name", "The value 'name' is not valid for sortByOption: use one of displayDate, displayName, status."},
		{"sortByOption=" + strings.Repeat("x", 3000), "The value '" + strings.Repeat("x", 200) + "' is not valid for sortByOption: use one of displayDate, displayName, status."},
		{"isSortAscending=1", "The value '1' is not valid for isSortAscending: use true or false."},
		{"isSortAscending=yes", ""},
		{"$top=ten", "The value 'ten' is not valid for $top: use a whole number."},
		{"$top=1.5", ""},
		{"$top=1e2", ""},
		{"$top=0x10", ""},
		{"$top=2147483648", ""},
		{"$top=99999999999999999999", ""},
		{"$top=%201", ""},
		{"$top=1&$top=2", "The parameter $top came more than once: send it once."},
		{"$top=1&%24TOP=1", "The parameter $top came more than once: send it once."},
		{"continuationToken=&continuationToken=", "The parameter continuationToken came more than once: send it once."},
		{"displayFilterOption=all&DisplayFilterOption=all", ""},
		{"authorizationId=" + id + "&authorizationId=" + id, "The parameter authorizationId came more than once: send it once."},
		{"authorizationId=" + id + "&AuthorizationID=x", "The parameter authorizationId came more than once: send it once."},
		{"a=1;b=2", "The query of the URL is malformed: percent-encode its values."},
		{"a=%zz", "The query of the URL is malformed: percent-encode its values."},
		{"authorizationId=" + id + "%", "The query of the URL is malformed: percent-encode its values."},
	}
	for _, tt := range tests {
		a := alice.wrong(t, http.MethodGet, alice.pats(tt.query), "")
		if got := faultOf(t, a); got != invalid {
			t.Errorf("List(%.60s) = %v, want %v", tt.query, got, invalid)
		}
		if got := message(t, a); tt.says != "" && got != tt.says {
			t.Errorf("List(%.60s) says %q, want %q", tt.query, got, tt.says)
		}
	}
	for _, query := range []string{"authorizationId=" + id + "&authorizationId=" + id, "authorizationId=" + id + ";x", "authorizationId=" + id + "&a=%zz"} {
		if got := faultOf(t, alice.wrong(t, http.MethodDelete, alice.pats(query), "")); got != invalid {
			t.Errorf("Revoke(%s) = %v, want %v", query, got, invalid)
		}
	}
	for _, bad := range []string{"", "x", "' OR 1=1", "11111111-2222-4333-8444-55555555555", "11111111222243338444555555555555", "../" + id, id + "%00", id + "," + id, strings.Repeat("1", 5000)} {
		query := "authorizationId=" + strings.ReplaceAll(bad, " ", "%20")
		if got := refusal(t, alice.wrong(t, http.MethodGet, alice.pats(query), "")); got != "invalidAuthorizationId" {
			t.Errorf("Get(%.60s) = %s, want invalidAuthorizationId", bad, got)
		}
		want := fault{http.StatusBadRequest, "InvalidAuthorizationIdException"}
		if got := faultOf(t, alice.wrong(t, http.MethodDelete, alice.pats(query), "")); got != want {
			t.Errorf("Revoke(%.60s) = %v, want %v", bad, got, want)
		}
	}
	// An id in the body or path of Revoke is none.
	want := fault{http.StatusBadRequest, "InvalidAuthorizationIdException"}
	if got := faultOf(t, alice.wrong(t, http.MethodDelete, alice.pats(), `{"authorizationId":"`+id+`"}`)); got != want {
		t.Errorf("Revoke by body = %v, want %v", got, want)
	}
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("broken queries changed (-before +after):\n%s", diff)
	}
}

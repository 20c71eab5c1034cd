package console

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

func TestListing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		query string
		want  listing
		// address is what the query becomes.
		address string
	}{
		{"", listing{tab: "active", sort: "displayDate"}, ""},
		{"tab=active&sort=created&order=desc", listing{tab: "active", sort: "displayDate"}, ""},
		{"tab=revoked&sort=name", listing{tab: "revoked", sort: "displayName", ascending: true}, "?sort=name&tab=revoked"},
		{"sort=status&order=desc&page=x%26y", listing{tab: "active", sort: "status", page: "x&y"}, "?order=desc&page=x%26y&sort=status"},
		{"tab=../x&sort=id&order=up&q=+a%20", listing{tab: "active", sort: "displayDate", search: "a"}, "?q=a"},
		{"q=" + strings.Repeat("x", maxSearch+1), listing{tab: "active", sort: "displayDate"}, ""},
	}
	for _, tt := range tests {
		query, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got := readListing(query)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(listing{})); diff != "" {
			t.Errorf("the listing of %q (-want +got):\n%s", tt.query, diff)
		}
		if got, want := got.address("con toso"), "/con%20toso/tokens"+tt.address; got != want {
			t.Errorf("the address of %q = %q, want %q", tt.query, got, want)
		}
	}
}

func TestSortedBy(t *testing.T) {
	t.Parallel()
	l := listing{tab: api.FilterAll, sort: api.SortDisplayDate, page: "x", search: "y"}
	byName := l.by(api.SortDisplayName)
	for name, tt := range map[string]struct{ got, want string }{
		"another column":      {byName.address("o"), "/o/tokens?q=y&sort=name&tab=all"},
		"the same":            {byName.by(api.SortDisplayName).address("o"), "/o/tokens?order=desc&q=y&sort=name&tab=all"},
		"the same again":      {byName.by(api.SortDisplayName).by(api.SortDisplayName).address("o"), "/o/tokens?q=y&sort=name&tab=all"},
		"the one at first":    {byName.by(api.SortDisplayDate).address("o"), "/o/tokens?q=y&tab=all"},
		"that, the other way": {l.by(api.SortDisplayDate).address("o"), "/o/tokens?order=asc&q=y&tab=all"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s = %q, want %q", name, tt.got, tt.want)
		}
	}
}

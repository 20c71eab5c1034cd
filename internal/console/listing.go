package console

import (
	"net/url"
	"strings"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// listing is what the address of the token list asks for. What it does not
// know it takes for what it has by itself.
type listing struct {
	tab       api.DisplayFilterOption
	sort      api.SortByOption
	ascending bool
	// search is what is searched for, "" to list all.
	search string
	// page is the continuation token of the page before, "" for the first.
	page string
}

// tabs are the lists of tokens, by what the query and people call them.
var tabs = []struct {
	filter api.DisplayFilterOption
	label  string
}{
	{api.FilterActive, "Active"},
	{api.FilterExpired, "Expired"},
	{api.FilterRevoked, "Revoked"},
	{api.FilterAll, "All"},
}

// sorts are what the list can be sorted by: how the query calls it, and
// whether it ascends by itself.
var sorts = []struct {
	key       api.SortByOption
	name      string
	ascending bool
}{
	{api.SortDisplayDate, "created", false},
	{api.SortDisplayName, "name", true},
	{api.SortStatus, "status", true},
}

// maxSearch bounds what is searched for, in bytes.
const maxSearch = 300

func readListing(query url.Values) listing {
	l := listing{tab: tabs[0].filter, sort: sorts[0].key, ascending: sorts[0].ascending, page: query.Get("page")}
	for _, t := range tabs {
		if string(t.filter) == query.Get("tab") {
			l.tab = t.filter
		}
	}
	for _, s := range sorts {
		if s.name == query.Get("sort") {
			l.sort, l.ascending = s.key, s.ascending
		}
	}
	switch query.Get("order") {
	case "asc":
		l.ascending = true
	case "desc":
		l.ascending = false
	}
	if search := strings.TrimSpace(query.Get("q")); len(search) <= maxSearch {
		l.search = search
	}
	return l
}

// query asks for l, in as few words as that takes.
func (l listing) query() url.Values {
	query := url.Values{}
	if l.tab != tabs[0].filter {
		query.Set("tab", string(l.tab))
	}
	for i, s := range sorts {
		if s.key != l.sort {
			continue
		}
		if i > 0 {
			query.Set("sort", s.name)
		}
		if s.ascending != l.ascending {
			query.Set("order", map[bool]string{true: "asc", false: "desc"}[l.ascending])
		}
	}
	if l.search != "" {
		query.Set("q", l.search)
	}
	if l.page != "" {
		query.Set("page", l.page)
	}
	return query
}

// address is where organization's tokens are listed so.
func (l listing) address(organization string) string {
	path := "/" + url.PathEscape(organization) + "/tokens"
	if query := l.query().Encode(); query != "" {
		path += "?" + query
	}
	return path
}

// in is the first page of another tab.
func (l listing) in(tab api.DisplayFilterOption) listing {
	l.tab, l.page = tab, ""
	return l
}

// by is the first page sorted by key; the other way round where it is already.
func (l listing) by(key api.SortByOption) listing {
	for _, s := range sorts {
		if s.key == key {
			l.ascending = s.ascending != (l.sort == key && l.ascending == s.ascending)
		}
	}
	l.sort, l.page = key, ""
	return l
}

// from is the page that the continuation token names.
func (l listing) from(continuation string) listing {
	l.page = continuation
	return l
}

// pageSize is the most that the API lists at once.
const pageSize = 100

// options are l's for the API.
func (l listing) options() client.ListOptions {
	return client.ListOptions{Filter: l.tab, Sort: l.sort, Ascending: &l.ascending, PageSize: pageSize}
}

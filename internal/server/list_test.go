package server_test

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

// state is what a listed token is, in the order of status.
type listed struct {
	name, id string
	created  int
	state    int // 0 active, 1 expired, 2 revoked
}

// fill makes tokens of every state, some with the same name, one for all
// organizations, one of another organization, and moves the clock so that the
// short-lived ones have expired. It returns those of contoso.
func fill(t testing.TB, s *site, c caller) []listed {
	t.Helper()
	var made []listed
	for i, name := range []string{"b", "a", "B", "ä", "a", "Z", "a b", "ab", "😀", "z", "-", "10", "9"} {
		state := i % 3
		body := api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code", AllOrgs: i == 4}
		if state == 1 {
			body.ValidTo = &api.Time{Time: epoch.Add(time.Hour)}
		}
		token := c.create(t, encode(t, body))
		if state == 2 {
			c.revoke(t, token.AuthorizationID)
		}
		made = append(made, listed{name, token.AuthorizationID, i, state})
		if i%2 == 0 { // pairs share a moment of creation
			s.Clock.Advance(time.Second)
		}
	}
	c.in("fabrikam").named(t, "elsewhere")
	s.Clock.Advance(2 * time.Hour)
	return made
}

// expected is what a list should be, by brute force.
func expected(all []listed, filter, sort string, ascending bool) []string {
	kept := slices.DeleteFunc(slices.Clone(all), func(l listed) bool {
		return filter != "all" && filter != []string{"active", "expired", "revoked"}[l.state]
	})
	slices.SortFunc(kept, func(a, b listed) int {
		order := map[string]int{
			"displayName": strings.Compare(a.name, b.name),
			"displayDate": cmp.Compare((a.created+1)/2, (b.created+1)/2),
			"status":      cmp.Compare(a.state, b.state),
		}[sort]
		order = cmp.Or(order, strings.Compare(a.id, b.id))
		if !ascending {
			order = -order
		}
		return order
	})
	ids := []string{}
	for _, l := range kept {
		ids = append(ids, l.id)
	}
	return ids
}

func ids(tokens []api.PatToken) []string {
	list := []string{}
	for _, token := range tokens {
		list = append(list, token.AuthorizationID)
	}
	return list
}

// walk follows continuation tokens to the end of a list.
func walk(t testing.TB, c caller, query ...string) (all []string, pages []int) {
	t.Helper()
	for next := ""; ; {
		page := c.page(t, append(query, "continuationToken="+url.QueryEscape(next))...)
		all = append(all, ids(page.PatTokens)...)
		pages = append(pages, len(page.PatTokens))
		if next = page.ContinuationToken; next == "" {
			return all, pages
		}
	}
}

// TestList goes through every filter, sort, direction and several sizes of
// page.
func TestList(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	all := fill(t, s, alice)
	s.as(t, "bob").named(t, "bob's")
	for _, filter := range []string{"active", "expired", "revoked", "all"} {
		for _, sort := range []string{"displayName", "displayDate", "status"} {
			for _, ascending := range []bool{true, false} {
				want := expected(all, filter, sort, ascending)
				for _, top := range []int{1, 2, 3, len(want), 100} {
					got, pages := walk(t, alice, "displayFilterOption="+filter, "sortByOption="+sort,
						fmt.Sprintf("isSortAscending=%v", ascending), fmt.Sprintf("$top=%d", top))
					if diff := gocmp.Diff(want, got); diff != "" {
						t.Errorf("List(%s, %s, ascending %v, $top %d) (-want +got):\n%s", filter, sort, ascending, top, diff)
					}
					for i, n := range pages {
						if full := i < len(pages)-1; full && n != top || n > top {
							t.Errorf("List(%s, %s, %v, %d): pages of %v", filter, sort, ascending, top, pages)
						}
					}
				}
			}
		}
	}
}

// TestListDefaults: active, newest first.
func TestListDefaults(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	all := fill(t, s, alice)
	want := expected(all, "active", "displayDate", false)
	for _, query := range []string{
		"x=y", "displayFilterOption=", "sortByOption=", "isSortAscending=", "$top=", "continuationToken=",
		"displayFilterOption=active&sortByOption=displayDate&isSortAscending=false&$top=100",
	} {
		if diff := gocmp.Diff(want, decodeIDs(t, alice, query)); diff != "" {
			t.Errorf("List(%s) (-want +got):\n%s", query, diff)
		}
	}
	for _, query := range []string{
		"DISPLAYFILTEROPTION=Revoked&SortBy=none&SORTBYOPTION=DISPLAYNAME&IsSortAscending=TRUE&%24TOP=100",
	} {
		if diff := gocmp.Diff(expected(all, "revoked", "displayName", true), decodeIDs(t, alice, query)); diff != "" {
			t.Errorf("List(%s) (-want +got):\n%s", query, diff)
		}
	}
}

// decodeIDs lists with a query that openapi.yaml need not know.
func decodeIDs(t testing.TB, c caller, query string) []string {
	t.Helper()
	a := c.wrong(t, "GET", c.pats(query), "")
	return ids(decode[api.PagedPatTokens](t, a.Body).PatTokens)
}

func TestTopIsClamped(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	for i := range 101 {
		alice.named(t, fmt.Sprintf("%03d", i))
	}
	for top, want := range map[string]int{"0": 1, "-1": 1, "-2147483648": 1, "1": 1, "100": 100, "101": 100, "2147483647": 100, "": 100} {
		page := alice.wrong(t, "GET", alice.pats("$top="+top), "")
		if got := len(ids(decode[api.PagedPatTokens](t, page.Body).PatTokens)); got != want {
			t.Errorf("$top=%s lists %d, want %d", top, got, want)
		}
	}
	if _, pages := walk(t, alice); !slices.Equal(pages, []int{100, 1}) {
		t.Errorf("pages = %v, want 100 and 1", pages)
	}
}

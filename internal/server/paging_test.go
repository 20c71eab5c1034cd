package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
)

// TestPagingSurvives: between pages tokens are created, renamed, revoked and
// expire. Those that nobody touches must appear exactly once.
func TestPagingSurvives(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{"active", "expired", "revoked", "all"} {
		for _, sort := range []string{"displayName", "displayDate", "status"} {
			for _, ascending := range []bool{true, false} {
				name := fmt.Sprintf("%s by %s, ascending %v", filter, sort, ascending)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					survive(t, filter, sort, fmt.Sprintf("isSortAscending=%v", ascending))
				})
			}
		}
	}
}

func survive(t *testing.T, filter, sort, direction string) {
	s := start(t, options{})
	alice := s.as(t, "alice")
	all := fill(t, s, alice)
	// Two that expire while the list is read: to the list they stay active.
	for _, name := range []string{"soon", "a soon"} {
		token := alice.create(t, encode(t, api.PatTokenCreateRequest{
			DisplayName: name, Scope: "vso.code", ValidTo: &api.Time{Time: s.Clock.Now().Add(time.Minute)},
		}))
		all = append(all, listed{name: name, id: token.AuthorizationID})
	}
	touched := map[string]bool{}
	query := []string{"displayFilterOption=" + filter, "sortByOption=" + sort, direction, "$top=1"}
	seen := map[string]int{}
	for next, round := "", 0; ; round++ {
		page := alice.page(t, append(query, "continuationToken="+url.QueryEscape(next))...)
		for _, token := range page.PatTokens {
			seen[token.AuthorizationID]++
		}
		if next = page.ContinuationToken; next == "" {
			break
		}
		disturb(t, s, alice, round, all, page, touched)
	}
	for _, l := range all {
		kept := filter == "all" || filter == []string{"active", "expired", "revoked"}[l.state]
		if got := seen[l.id]; !touched[l.id] && (got != 1) == kept {
			t.Errorf("%q in state %d was listed %d times", l.name, l.state, got)
		}
	}
	for id, n := range seen {
		if n > 1 && !touched[id] {
			t.Errorf("%s was listed %d times", id, n)
		}
	}
}

// disturb changes something between two pages: early on the very token at
// which the page ended, then others.
func disturb(t *testing.T, s *site, c caller, round int, all []listed, page api.PagedPatTokens, touched map[string]bool) {
	switch last := page.PatTokens[0].AuthorizationID; round {
	case 0:
		c.revoke(t, last)
		touched[last] = true
	case 1:
		s.Clock.Advance(2 * time.Minute) // "soon" and "a soon" expire
		if _, err := s.Service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	case 2:
		for _, name := range []string{"", "a", "m", "zz"} {
			c.named(t, name+"new")
		}
	case 3:
		i := slices.IndexFunc(all, func(l listed) bool { return l.state == 0 && !touched[l.id] })
		c.revoke(t, all[i].id)
		touched[all[i].id] = true
	}
}

// TestContinuationTokens: a token is good for its caller, organization and
// options, as it was given, and for nothing else.
func TestContinuationTokens(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice, bob := s.as(t, "alice"), s.as(t, "bob")
	for _, name := range []string{"1", "2", "3"} {
		alice.create(t, `{"displayName":"`+name+`","scope":"vso.code","allOrgs":true}`)
		bob.named(t, name)
	}
	options := []string{"displayFilterOption=all", "sortByOption=displayName", "isSortAscending=true", "$top=1"}
	good := alice.page(t, options...).ContinuationToken
	if strings.ContainsFunc(good, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		t.Errorf("continuation token %q needs encoding in a URL", good)
	}
	if got := names(alice.page(t, append(options, "continuationToken="+good)...).PatTokens); !slices.Equal(got, []string{"2"}) {
		t.Fatalf("second page = %q, want 2", got)
	}
	if got := names(alice.in(contosoID).page(t, append(options[:3:3], "$top=9", "continuationToken="+good)...).PatTokens); !slices.Equal(got, []string{"2", "3"}) {
		t.Errorf("second page by id, of another size = %q, want 2 and 3", got)
	}
	broken := func(c caller, query ...string) {
		t.Helper()
		a := c.do(t, http.MethodGet, c.pats(query...), "")
		if got, want := faultOf(t, a), (fault{http.StatusBadRequest, "InvalidContinuationTokenException"}); got != want {
			t.Errorf("List(%q) = %v, want %v", query, got, want)
		}
	}
	with := append(options[:len(options):len(options)], "continuationToken="+good)
	broken(bob, with...)
	broken(alice.in("fabrikam"), with...)
	broken(alice, "continuationToken="+good)
	for i, other := range []string{"displayFilterOption=active", "sortByOption=status", "isSortAscending=false"} {
		changed := slices.Clone(with)
		changed[i] = other
		broken(alice, changed...)
	}
	for _, bad := range []string{"x", "AAAA", "%00", "%F0%9F%98%80", good[1:], good[:len(good)-2], good + "AAAA", strings.ToLower(good), good + "%3D%3D", strings.Repeat("A", 4000)} {
		broken(alice, append(options[:len(options):len(options)], "continuationToken="+bad)...)
	}
	for i := 0; i < len(good); i += 7 { // one bit, in many places
		flipped := []byte(good)
		if flipped[i] ^= 1; flipped[i] == '@' || flipped[i] == '`' || flipped[i] == '.' || flipped[i] == ',' {
			flipped[i] = 'Q'
		}
		broken(alice, append(options[:len(options):len(options)], "continuationToken="+url.QueryEscape(string(flipped)))...)
	}
}

// TestStalePage: a list must be walked within an hour of its first page.
func TestStalePage(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	for _, name := range []string{"1", "2", "3"} {
		alice.named(t, name)
	}
	next := func(token string) answer {
		return alice.do(t, http.MethodGet, alice.pats("$top=1", "continuationToken="+token), "")
	}
	first := alice.page(t, "$top=1").ContinuationToken
	s.Clock.Advance(time.Hour)
	second := decode[api.PagedPatTokens](t, next(first).Body).ContinuationToken
	s.Clock.Advance(time.Second)
	want := fault{http.StatusBadRequest, "InvalidContinuationTokenException"}
	for _, token := range []string{first, second} { // the hour does not begin again
		a := next(token)
		if got := faultOf(t, a); got != want || message(t, a) != "the continuationToken is more than an hour old: start over without it" {
			t.Errorf("List after an hour = %v %s, want %v", got, a.Body, want)
		}
	}
}

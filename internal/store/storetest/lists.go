package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// orders are all sorts in both directions.
func orders() (queries []pat.Query) {
	for _, sort := range []pat.Sort{pat.SortCreated, pat.SortName, pat.SortState} {
		for _, ascending := range []bool{true, false} {
			queries = append(queries, pat.Query{Sort: sort, Ascending: ascending})
		}
	}
	return queries
}

// kinds are all kinds of queries: each filter in each order.
func kinds() (queries []pat.Query) {
	for _, filter := range []pat.Filter{pat.FilterActive, pat.FilterExpired, pat.FilterRevoked, pat.FilterAll} {
		for _, q := range orders() {
			q.Filter = filter
			queries = append(queries, q)
		}
	}
	return queries
}

// title tells kinds of queries apart.
func title(q pat.Query) string {
	direction := map[bool]string{true: "ascending", false: "descending"}[q.Ascending]
	return fmt.Sprintf("filter %d sort %d %s", q.Filter, q.Sort, direction)
}

// list is the answer to q.
func list(t testing.TB, db Database, q pat.Query) []pat.Token {
	t.Helper()
	page, err := db.List(t.Context(), q)
	if err != nil {
		t.Fatalf("%s: List = %v", title(q), err)
	}
	return page
}

// pages reads a whole list in pages, and calls between after each.
func pages(t testing.TB, db Database, q pat.Query, between func()) (all []pat.Token) {
	t.Helper()
	for {
		page := list(t, db, q)
		if len(page) > q.Limit {
			t.Fatalf("%s: List returns %d tokens, want at most %d", title(q), len(page), q.Limit)
		}
		all = append(all, page...)
		if len(page) < q.Limit {
			return all
		}
		if len(all) > 10_000 {
			t.Fatalf("%s: the pages have no end", title(q))
		}
		after := pat.PositionOf(page[len(page)-1], q.At)
		q.After = &after
		between()
	}
}

// fill creates n tokens of owner in organization and changes them to every
// state, some marked and some not, some in all organizations, many at the same
// moment or of the same name. It returns a model of the store.
func fill(t testing.TB, db Database, owner, organization pat.UUID, n int) *model {
	t.Helper()
	m := newModel()
	sweep := noon.Add(8 * time.Hour)
	var mu sync.Mutex
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() { // at once, so that they share commits
			token := newToken(owner, organization)
			token.AllOrgs = i%3 == 1
			token.DisplayName = names[i%len(names)]
			token.ValidFrom = noon.Add(time.Duration(i*7%11) * time.Minute)
			token.ValidTo = noon.Add(time.Duration(1+i*5%17) * time.Hour)
			create(t, db, token)
			if i%4 == 0 {
				token = change(t, db, token, pat.ActionRevoke, noon, func(t *pat.Token) { t.RevokedAt = noon })
			}
			mu.Lock()
			defer mu.Unlock()
			m.put(token, noon)
		})
	}
	work.Wait()
	if _, err := db.Expire(t.Context(), sweep, n, expiry(sweep)); err != nil {
		t.Fatalf("Expire = %v", err)
	}
	for _, token := range m.due(sweep) {
		m.mark(token.ID)
	}
	return m
}

// names sort differently by code point, by code unit, by case and by locale.
var names = []string{
	"b", "B", "a", "A", "aa", "a a", "a-a", "ä", "z", "Z", "é", "e\u0301", "ß", "ss", "10", "9", "ключ", "ﬀ", "\uffee", "\U0001f511", "~", "_", "%",
}

// moments are when fill's tokens stand differently: before the sweep that fill
// does, at it, and after.
func moments() []time.Time {
	return []time.Time{noon, noon.Add(4 * time.Hour), noon.Add(8 * time.Hour), noon.Add(12 * time.Hour), noon.Add(100 * time.Hour)}
}

// listEveryKind compares every list with the model's, at moments before and
// after the sweeper came by.
func listEveryKind(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	m := fill(t, db, owner, organization, 100)
	// Others, whose tokens must not show.
	stranger := newToken(pat.RandomUUID(), organization)
	create(t, db, stranger)
	elsewhere := create(t, db, newToken(owner, pat.RandomUUID()))
	m.put(elsewhere, noon)
	neighbour := newToken(pat.RandomUUID(), organization) // of the same bucket
	neighbour.ID = newID(pat.BucketOf(owner))
	create(t, db, neighbour)
	for i, q := range kinds() {
		q.Owner, q.Organization = owner, organization
		for j, at := range moments() {
			q.At, q.Limit = at, 1000
			want := m.list(q)
			if diff := cmp.Diff(want, list(t, db, q)); diff != "" {
				t.Errorf("%s at %v (-want +got):\n%s", title(q), q.At, diff)
			}
			if i%len(moments()) != j {
				continue
			}
			q.Limit = 7
			if diff := cmp.Diff(want, pages(t, db, q, func() {})); diff != "" {
				t.Errorf("%s at %v in pages (-want +got):\n%s", title(q), q.At, diff)
			}
		}
	}
	q := pat.Query{Owner: owner, Organization: elsewhere.Organization, Filter: pat.FilterAll, At: noon, Limit: 1000}
	if diff := cmp.Diff(m.list(q), list(t, db, q)); diff != "" {
		t.Errorf("in the other organization (-want +got):\n%s", diff)
	}
}

// listManyBuckets has an owner whose tokens lie in three buckets, as they do
// once others' tokens were handed over.
func listManyBuckets(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	m := newModel()
	for i := range 45 {
		token := newToken(owner, organization)
		token.ID = newID(pat.Bucket(i % 3 * 20000))
		token.DisplayName = names[i%len(names)]
		token.ValidFrom = noon.Add(time.Duration(i%5) * time.Minute)
		token.ValidTo = noon.Add(time.Duration(i%7+1) * time.Hour)
		if i%4 == 0 {
			token.RevokedAt = noon
		}
		m.put(create(t, db, token), noon)
	}
	for _, q := range kinds() {
		q.Owner, q.Organization, q.At, q.Limit = owner, organization, noon.Add(3*time.Hour), 1000
		want := m.list(q)
		q.Limit = 7
		if diff := cmp.Diff(want, pages(t, db, q, func() {})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title(q), diff)
		}
	}
}

// listNothing asks for what is not there.
func listNothing(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	create(t, db, newToken(owner, organization))
	for name, q := range map[string]pat.Query{
		"another owner":        {Owner: pat.RandomUUID(), Organization: organization, Limit: 10},
		"another organization": {Owner: owner, Organization: pat.RandomUUID(), Limit: 10},
		"no token":             {Owner: owner, Organization: organization},
	} {
		q.At, q.Filter = noon, pat.FilterAll
		if page := list(t, db, q); len(page) != 0 {
			t.Errorf("%s: List = %v, want nothing", name, page)
		}
	}
}

// listWhileChanging reads lists in pages while tokens come, go, change and are
// swept between the pages. Who did not change is there exactly once.
func listWhileChanging(t *testing.T, db Database) {
	for round, q := range kinds() {
		owner, organization := pat.RandomUUID(), pat.RandomUUID()
		m := fill(t, db, owner, organization, 60)
		// Most of what ended is recorded while the pages are read.
		q.Owner, q.Organization, q.At, q.Limit = owner, organization, moments()[round%len(moments())], 4
		q2 := q
		q2.Limit = 1000
		before := m.list(q2)
		touched := map[pat.UUID]bool{}
		victims := slices.SortedFunc(m.filter(func(pat.Token) bool { return true }), func(a, b pat.Token) int { return a.ValidTo.Compare(b.ValidTo) })
		turn := 0
		got := pages(t, db, q, func() {
			turn++
			now := q.At.Add(time.Duration(turn) * time.Second)
			created := newToken(owner, organization)
			created.DisplayName, created.AllOrgs, created.ValidFrom = names[turn%len(names)], turn%2 == 0, noon.Add(time.Duration(turn)*time.Minute)
			create(t, db, created)
			touched[created.ID] = true
			if len(victims) > 1 && turn%2 == 0 {
				victim := victims[turn%len(victims)]
				touched[victim.ID] = true
				change(t, db, victim, pat.ActionUpdate, now, func(t *pat.Token) { t.DisplayName += " renamed" })
				victim = victims[(turn*3)%len(victims)]
				touched[victim.ID] = true
				change(t, db, victim, pat.ActionRevoke, now, func(t *pat.Token) { t.RevokedAt = now })
			}
			if _, err := db.Expire(t.Context(), now, 3, expiry(now)); err != nil {
				t.Fatalf("Expire = %v", err)
			}
		})
		seen := map[pat.UUID]int{}
		for _, token := range got {
			seen[token.ID]++
		}
		for _, token := range before {
			if n := seen[token.ID]; n != 1 && !touched[token.ID] {
				t.Errorf("%s at %v: a token that did not change is there %d times", title(q), q.At, n)
			}
		}
		for id, n := range seen {
			if !touched[id] && !slices.ContainsFunc(before, func(t pat.Token) bool { return t.ID == id }) {
				t.Errorf("%s at %v: a token that does not belong is there %d times", title(q), q.At, n)
			}
		}
	}
}

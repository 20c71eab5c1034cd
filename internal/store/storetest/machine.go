package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patrolhq/patrol/internal/pat"
)

// machine drives a store and a model side by side.
type machine struct {
	*testing.T
	db            Database
	model         *model
	now           time.Time
	owners        []pat.UUID
	organizations []pat.UUID
	ids           []pat.UUID // of all tokens ever, in order of creation
	walks         []pat.Query
}

// stateMachine does what chance wants and compares everything that comes back
// with the model.
func stateMachine(t *testing.T, db Database) {
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range []string{"token", "event", "owner_bucket"} {
			if _, err := db.SQL.ExecContext(t.Context(), "DELETE FROM "+table); err != nil {
				rt.Fatalf("emptying %s: %v", table, err)
			}
		}
		m := &machine{
			T: t, db: db, model: newModel(), now: noon,
			owners:        []pat.UUID{pat.RandomUUID(), pat.RandomUUID()},
			organizations: []pat.UUID{pat.RandomUUID(), pat.RandomUUID()},
		}
		rt.Repeat(map[string]func(*rapid.T){
			"create": m.create, "find": m.find, "update": m.update, "revoke": m.revoke,
			"wait": m.wait, "sweep": m.sweep, "list": m.list, "page": m.page, "": m.check,
		})
	})
}

func (m *machine) create(t *rapid.T) {
	token := newToken(rapid.SampledFrom(m.owners).Draw(t, "owner"), rapid.SampledFrom(m.organizations).Draw(t, "organization"))
	token.AllOrgs = rapid.Bool().Draw(t, "all organizations")
	token.DisplayName = rapid.SampledFrom(names).Draw(t, "name")
	token.ValidFrom = m.now
	token.ValidTo = m.now.Add(time.Duration(rapid.IntRange(1, 10).Draw(t, "hours")) * time.Hour)
	if err := m.db.Create(m.Context(), token, newEvent(pat.ActionCreate, token, m.now)); err != nil {
		t.Fatalf("Create = %v", err)
	}
	m.model.put(token, m.now)
	m.ids = append(m.ids, token.ID)
}

// target draws an owner and, mostly theirs, an id.
func (m *machine) target(t *rapid.T) (owner, id pat.UUID) {
	owner = rapid.SampledFrom(m.owners).Draw(t, "owner")
	if len(m.ids) == 0 || rapid.IntRange(0, 9).Draw(t, "unknown") == 0 {
		return owner, newID(pat.BucketOf(owner))
	}
	return owner, rapid.SampledFrom(m.ids).Draw(t, "id")
}

func (m *machine) find(t *rapid.T) {
	owner, id := m.target(t)
	got, err := m.db.Find(m.Context(), owner, id)
	m.compare(t, owner, id, got, err)
}

// compare compares a result with the model's token.
func (m *machine) compare(t *rapid.T, owner, id pat.UUID, got pat.Token, err error) {
	want, ok := m.model.find(owner, id)
	switch {
	case !ok && pat.CodeOf(err) != pat.CodeTokenNotFound:
		t.Fatalf("got %v, %v, want not found", got, err)
	case ok && err != nil:
		t.Fatalf("got %v, want the token", err)
	case ok && !cmp.Equal(want, got):
		t.Fatalf("the token differs (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func (m *machine) update(t *rapid.T) {
	hours := time.Duration(rapid.IntRange(1, 10).Draw(t, "hours")) * time.Hour
	name := rapid.SampledFrom(names).Draw(t, "name")
	allOrgs := rapid.Bool().Draw(t, "all organizations")
	organization := rapid.SampledFrom(m.organizations).Draw(t, "organization")
	refused := errors.New("refused")
	fate := rapid.SampledFrom([]string{"change", "change", "nothing", "refuse"}).Draw(t, "fate")
	m.apply(t, pat.ActionUpdate, func(token *pat.Token) (bool, error) {
		if fate == "refuse" {
			token.DisplayName = "never"
			return false, refused
		}
		if fate == "nothing" || token.StateAt(m.now) == pat.Revoked {
			return false, nil
		}
		token.DisplayName, token.AllOrgs, token.Organization = name, allOrgs, organization
		if token.StateAt(m.now) == pat.Active { // what has ended is not prolonged
			token.ValidTo = m.now.Add(hours)
		}
		return true, nil
	})
}

func (m *machine) revoke(t *rapid.T) {
	m.apply(t, pat.ActionRevoke, func(token *pat.Token) (bool, error) {
		if !token.RevokedAt.IsZero() {
			return false, nil
		}
		token.RevokedAt = m.now
		return true, nil
	})
}

// apply makes a change of a token in the store and in the model.
func (m *machine) apply(t *rapid.T, action pat.Action, change func(*pat.Token) (changed bool, err error)) {
	owner, id := m.target(t)
	var refusal error
	got, err := m.db.Update(m.Context(), owner, id, func(token pat.Token) (pat.Token, *pat.Event, error) {
		changed, err := change(&token)
		refusal = err
		if err != nil || !changed {
			return token, nil, err
		}
		e := newEvent(action, token, m.now)
		return token, &e, nil
	})
	if refusal != nil {
		if err != refusal { //nolint:errorlint // itself, not wrapped
			t.Fatalf("Update = %v, want %v", err, refusal)
		}
		return
	}
	if want, ok := m.model.find(owner, id); ok {
		if changed, _ := change(&want); changed {
			want.Version++
			m.model.put(want, m.now)
		}
	}
	m.compare(t, owner, id, got, err)
}

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 300).Draw(t, "minutes")) * time.Minute)
}

func (m *machine) sweep(t *rapid.T) {
	limit := rapid.IntRange(1, 5).Draw(t, "limit")
	due := m.model.due(m.now)
	var marked []pat.UUID
	n, err := m.db.Expire(m.Context(), m.now, limit, func(token pat.Token) pat.Event {
		marked = append(marked, token.ID)
		return expiry(m.now)(token)
	})
	if want := min(limit, len(due)); err != nil || n != want || len(marked) != want {
		t.Fatalf("Expire = %d of %d, %v, want %d", n, len(marked), err, want)
	}
	for i, id := range marked { // any of those that ended at once
		if token := m.model.tokens[id]; !token.ValidTo.Equal(due[i].ValidTo) || m.model.marked[id] {
			t.Fatalf("Expire marks a token that ended at %v, want the one of %v", token.ValidTo, due[i].ValidTo)
		}
		m.model.mark(id)
	}
}

// query draws a query at a moment that is not later than now.
func (m *machine) query(t *rapid.T) pat.Query {
	q := rapid.SampledFrom(kinds()).Draw(t, "kind")
	q.Owner = rapid.SampledFrom(m.owners).Draw(t, "owner")
	q.Organization = rapid.SampledFrom(m.organizations).Draw(t, "organization")
	q.At = m.now.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "minutes ago")) * time.Minute)
	q.Limit = rapid.IntRange(1, 6).Draw(t, "limit")
	return q
}

func (m *machine) list(t *rapid.T) {
	q := m.query(t)
	m.walks = append(m.walks, m.turn(t, q))
}

// page goes on with a walk through pages that was begun earlier.
func (m *machine) page(t *rapid.T) {
	if len(m.walks) == 0 {
		t.Skip("no walk was begun")
	}
	i := rapid.IntRange(0, len(m.walks)-1).Draw(t, "walk")
	m.walks[i] = m.turn(t, m.walks[i])
}

// turn reads a page and returns the query for the next.
func (m *machine) turn(t *rapid.T, q pat.Query) pat.Query {
	page, err := m.db.List(m.Context(), q)
	if err != nil {
		t.Fatalf("%s: List = %v", title(q), err)
	}
	want := m.model.list(q)
	if len(want) == 0 && len(page) == 0 {
		return q
	}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Fatalf("%s: List (-want +got):\n%s", title(q), diff)
	}
	after := pat.PositionOf(page[len(page)-1], q.At)
	q.After = &after
	return q
}

// check holds after each step: as many events as versions.
func (m *machine) check(t *rapid.T) {
	var versions, events int64
	for _, token := range m.model.tokens {
		versions += token.Version
	}
	if err := m.db.SQL.QueryRowContext(m.Context(), `SELECT count(*) FROM event`).Scan(&events); err != nil {
		t.Fatalf("counting events: %v", err)
	}
	if events != versions {
		t.Fatalf("%d events of %d changes", events, versions)
	}
}

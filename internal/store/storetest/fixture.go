package storetest

import (
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// noon is when the suite happens.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 123456000, time.UTC)

// newToken is an active token with every field filled in, in the bucket of its
// owner, made at noon and good for a day.
func newToken(owner, organization pat.UUID) pat.Token {
	t := pat.Token{
		ID: newID(pat.BucketOf(owner)), Owner: owner, Tenant: pat.RandomUUID(), Organization: organization,
		DisplayName: "token " + rand.Text(), Scope: "vso.code vso.work",
		ValidFrom: noon, ValidTo: noon.Add(24 * time.Hour), KeyID: 'k', Version: 1,
	}
	rand.Read(t.Digest[:])
	rand.Read(t.Seal[:])
	rand.Read(t.C3ID[:])
	return t
}

// newID is a random id in bucket.
func newID(bucket pat.Bucket) pat.UUID {
	id := pat.RandomUUID()
	binary.BigEndian.PutUint16(id[:], uint16(bucket))
	return id
}

// newEvent is an event of t with every field filled in.
func newEvent(action pat.Action, t pat.Token, at time.Time) pat.Event {
	return pat.Event{
		ID: newID(t.ID.Bucket()), At: at, Action: action, Token: t.ID, Owner: t.Owner, Tenant: t.Tenant, Organization: t.Organization,
		Actor: t.Owner, ActorName: "alice@contoso.example",
		Origin: pat.Origin{Activity: pat.RandomUUID(), Address: "192.0.2.7", UserAgent: "suite/1.0"},
		Data:   map[string]string{"DisplayName": t.DisplayName, "Scopes": string(t.Scope)},
	}
}

// create keeps t with an event. It may run in any goroutine.
func create(t testing.TB, db Database, token pat.Token) pat.Token {
	t.Helper()
	if err := db.Create(t.Context(), token, newEvent(pat.ActionCreate, token, token.ValidFrom)); err != nil {
		t.Errorf("Create = %v", err)
	}
	return token
}

// change updates token at a moment by making what make makes of it. It may run
// in any goroutine.
func change(t testing.TB, db Database, token pat.Token, action pat.Action, at time.Time, make func(*pat.Token)) pat.Token {
	t.Helper()
	changed, err := db.Update(t.Context(), token.Owner, token.ID, func(token pat.Token) (pat.Token, *pat.Event, error) {
		make(&token)
		e := newEvent(action, token, at)
		return token, &e, nil
	})
	if err != nil {
		t.Errorf("Update = %v", err)
	}
	return changed
}

// find is the owner's token with that id.
func find(t testing.TB, db Database, owner, id pat.UUID) pat.Token {
	t.Helper()
	token, err := db.Find(t.Context(), owner, id)
	if err != nil {
		t.Fatalf("Find = %v", err)
	}
	return token
}

// expiry is the event of a token's end as the service makes it.
func expiry(now time.Time) func(pat.Token) pat.Event {
	return func(t pat.Token) pat.Event {
		return pat.Event{
			ID: newID(t.ID.Bucket()), At: now, Action: pat.ActionExpire,
			Token: t.ID, Owner: t.Owner, Tenant: t.Tenant, Organization: t.Organization,
		}
	}
}

// events are those of a token, in no order that matters but the same each time.
func events(t testing.TB, db Database, token pat.UUID) (events []pat.Event) {
	t.Helper()
	rows, err := db.SQL.QueryContext(t.Context(), `SELECT id, at, action, token, owner, tenant, organization,
		actor, actor_name, activity, address, user_agent, data FROM event WHERE token = $1 ORDER BY at, id`, token[:])
	if err != nil {
		t.Fatalf("reading events: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		events = append(events, scanEvent(t, rows))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("reading events: %v", err)
	}
	return events
}

func scanEvent(t testing.TB, rows *sql.Rows) (e pat.Event) {
	t.Helper()
	var id, token, owner, tenant, organization, actor, activity []byte
	var at int64
	var data string
	err := rows.Scan(&id, &at, &e.Action, &token, &owner, &tenant, &organization,
		&actor, &e.ActorName, &activity, &e.Origin.Address, &e.Origin.UserAgent, &data)
	if err != nil {
		t.Fatalf("reading an event: %v", err)
	}
	e.At = time.UnixMicro(at).UTC()
	e.ID, e.Token, e.Owner, e.Tenant = pat.UUID(id), pat.UUID(token), pat.UUID(owner), pat.UUID(tenant)
	e.Organization, e.Actor, e.Origin.Activity = pat.UUID(organization), pat.UUID(actor), pat.UUID(activity)
	if err := json.Unmarshal([]byte(data), &e.Data); err != nil {
		t.Fatalf("reading an event's data: %v", err)
	}
	return e
}

// actions are those of a token's events, with how often each happened.
func actions(t testing.TB, db Database, token pat.UUID) map[pat.Action]int {
	t.Helper()
	counts := map[pat.Action]int{}
	for _, e := range events(t, db, token) {
		counts[e.Action]++
	}
	return counts
}

package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func eventsKeepEverything(t *testing.T, db Database) {
	token := newToken(pat.RandomUUID(), pat.RandomUUID())
	want := newEvent(pat.ActionCreate, token, noon)
	want.Tenant, want.Organization, want.Actor = pat.RandomUUID(), pat.RandomUUID(), pat.RandomUUID()
	want.Data = map[string]string{"DisplayName": `a "quoted" <name> \ ключ 🔑`, "Empty": ""}
	if err := db.Create(t.Context(), token, want); err != nil {
		t.Fatalf("Create = %v", err)
	}
	if diff := cmp.Diff([]pat.Event{want}, events(t, db, token.ID)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// eventsOfBrokenClients has a client that calls itself what not every database
// can keep: that must not keep it from revoking a token.
func eventsOfBrokenClients(t *testing.T, db Database) {
	token := newToken(pat.RandomUUID(), pat.RandomUUID())
	e := newEvent(pat.ActionCreate, token, noon)
	e.Origin.UserAgent, e.ActorName = "broken \xff and \x00", "\xc3"
	if err := db.Create(t.Context(), token, e); err != nil {
		t.Fatalf("Create = %v", err)
	}
	got := events(t, db, token.ID)[0]
	if got.Origin.UserAgent != "broken \ufffd and \ufffd" || got.ActorName != "\ufffd" {
		t.Errorf("user agent %q, actor %q, want what is broken replaced", got.Origin.UserAgent, got.ActorName)
	}
}

//go:build linux

package faults

import (
	"database/sql"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// idOf is an id as the database has it.
func idOf(t *testing.T, id string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func microseconds(at int64) string {
	return time.UnixMicro(at).UTC().Format(time.RFC3339Nano)
}

// lookAll adds what the database has of each token to its history.
func (h *history) lookAll(t *testing.T, side *sql.DB) {
	t.Helper()
	for _, token := range h.all {
		o := operation{kind: looks, node: "the database", began: since()}
		var validTo, revokedAt int64
		err := side.QueryRowContext(t.Context(), `SELECT display_name, scope, valid_to, revoked_at FROM token WHERE id = $1`, idOf(t, token.id)).
			Scan(&o.got.name, &o.got.scope, &validTo, &revokedAt)
		if err != nil {
			t.Fatalf("token %s was acknowledged and is gone: %v", token.id, err)
		}
		o.ended = since()
		o.got.exists, o.got.validTo, o.got.revoked = true, microseconds(validTo), revokedAt != 0
		token.history = append(token.history, o)
	}
}

// checkEvents fails unless each acknowledged change of a token has its event,
// and each change that was made just one.
func (h *history) checkEvents(t *testing.T, side *sql.DB) {
	t.Helper()
	for _, token := range h.all {
		made, revoked, updated := token.events(t, side)
		var possible int
		for _, o := range token.history {
			switch {
			case o.kind == revokes && !o.open && revoked != 1:
				t.Errorf("token %s was revoked, and has %d events of that", token.id, revoked)
			case o.kind == updates && o.refusal == "":
				possible++
				if !o.open && o.wish.scope == "" && updated[o.got.content] == 0 { // a scope may be what it was
					t.Errorf("token %s became %v, without an event", token.id, o.got.content)
				}
			}
		}
		var all int
		for changed, n := range updated {
			all += n
			if changed.name == "" {
				t.Errorf("token %s has an event of no change", token.id)
			}
		}
		if made != 1 || revoked > 1 || all > possible {
			t.Errorf("token %s has %d events of its creation, %d of its revocation and %d of %d updates", token.id, made, revoked, all, possible)
		}
	}
}

// events counts the events of a token, updates by what they made of it.
func (token *token) events(t *testing.T, side *sql.DB) (made, revoked int, updated map[content]int) {
	t.Helper()
	rows, err := side.QueryContext(t.Context(), `SELECT action, data::json->>'DisplayName', data::json->>'Scopes', data::json->>'ValidTo' FROM event WHERE token = $1`, idOf(t, token.id))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	updated = map[content]int{}
	for rows.Next() {
		var action string
		var c content
		if err := rows.Scan(&action, &c.name, &c.scope, &c.validTo); err != nil {
			t.Fatal(err)
		}
		switch action {
		case "Token.PatCreateEvent":
			made++
		case "Token.PatRevokeEvent":
			revoked++
		case "Token.PatUpdateEvent":
			updated[c]++
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return made, revoked, updated
}

// checkNames fails if there are tokens that nobody asked for.
func (h *history) checkNames(t *testing.T, side *sql.DB) {
	t.Helper()
	rows, err := side.QueryContext(t.Context(), `SELECT encode(id, 'hex'), display_name FROM token WHERE display_name <> 'after a fault'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	acknowledged := map[string]bool{}
	for _, token := range h.all {
		acknowledged[strings.ReplaceAll(token.id, "-", "")] = true
	}
	var strange []string
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			t.Fatal(err)
		}
		if !acknowledged[id] && !h.unacknowledged[name] {
			strange = append(strange, name)
		}
	}
	if diff := cmp.Diff([]string(nil), strange); rows.Err() != nil || diff != "" {
		t.Errorf("tokens that nobody asked for, %v:\n%s", rows.Err(), diff)
	}
}

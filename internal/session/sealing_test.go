package session_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/session"
)

// tampered is a store whose database somebody writes to.
type tampered struct {
	session.Store
	with func(*session.Record)
}

func (s tampered) Session(ctx context.Context, id session.ID) (session.Record, error) {
	r, err := s.Store.Session(ctx, id)
	s.with(&r)
	return r, err
}

// Who writes to the database makes no session another person's, and none last.
func TestTampering(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	secret, _ := start(t, m, alice, "tokens of alice")
	_, mallorys := start(t, m, "mallory", "tokens of mallory")
	another, err := m.Store.Session(t.Context(), mallorys.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, with := range map[string]func(*session.Record){
		"another id":          func(r *session.Record) { r.ID[31] ^= 1 },
		"another owner":       func(r *session.Record) { r.Owner = "mallory" },
		"no owner":            func(r *session.Record) { r.Owner = "" },
		"another beginning":   func(r *session.Record) { r.Created = r.Created.Add(time.Microsecond) },
		"another end":         func(r *session.Record) { r.Ends = r.Ends.Add(time.Microsecond) },
		"another's data":      func(r *session.Record) { r.Data = another.Data },
		"no data":             func(r *session.Record) { r.Data = nil },
		"a key and no more":   func(r *session.Record) { r.Data = r.Data[:1] },
		"a short nonce":       func(r *session.Record) { r.Data = r.Data[:9] },
		"an unknown key":      func(r *session.Record) { r.Data[0] = 'Z' },
		"another nonce":       func(r *session.Record) { r.Data[1] ^= 1 },
		"other data":          func(r *session.Record) { r.Data[13] ^= 1 },
		"another tag":         func(r *session.Record) { r.Data[len(r.Data)-1] ^= 1 },
		"data that was cut":   func(r *session.Record) { r.Data = r.Data[:len(r.Data)-1] },
		"data that is longer": func(r *session.Record) { r.Data = append(r.Data, 0) },
	} {
		wantNone(t, &session.Manager{Store: tampered{m.Store, with}, Keys: m.Keys}, secret, name)
	}
	resume(t, m, secret)
}

// A key that is removed ends the sessions that it sealed, and no others.
func TestRemovedKey(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	old, _ := start(t, m, alice, "by A")
	m.Keys = newKeys(t, "BA")
	newer, _ := start(t, m, alice, "by B")
	moved, _ := start(t, &session.Manager{Store: m.Store, Keys: newKeys(t, "A")}, alice, "")
	s := resume(t, m, moved)
	if err := m.Save(t.Context(), s, []byte("by B now")); err != nil {
		t.Fatalf("Save = %v", err)
	}
	for secret, want := range map[string]string{old: "by A", newer: "by B", moved: "by B now"} {
		if got := resume(t, m, secret); string(got.Data) != want {
			t.Errorf("Resume with both keys = %q, want %q", got.Data, want)
		}
	}
	m.Keys = newKeys(t, "B")
	wantNone(t, m, old, "its key was removed")
	resume(t, m, newer)
	resume(t, m, moved)
}

// What lies in the database, with the keys and all ids, opens nothing: the
// browser's secret is in none of it.
func TestStolenDatabase(t *testing.T) {
	t.Parallel()
	m := newManager(t)
	const plain = "the refresh token of alice"
	secret, s := start(t, m, alice, plain)
	r, err := m.Store.Session(t.Context(), s.ID)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, hidden := range map[string][]byte{"the secret": []byte(secret), "the secret's bytes": raw, "what was sealed": []byte(plain)} {
		if stored := fmt.Appendf(nil, "%s%s%s%s%s", r.ID[:], r.Owner, r.Agent, r.Address, r.Data); bytes.Contains(stored, hidden) {
			t.Errorf("the store holds %s", name)
		}
	}
	wantNone(t, m, r.ID.String(), "the id in the place of the secret")
	guess, err := session.NewKeys(session.Key{ID: 'A', Secret: r.ID[:]})
	if err != nil {
		t.Fatal(err)
	}
	wantNone(t, &session.Manager{Store: m.Store, Keys: guess}, secret, "the browser's secret without the server key")
	sealer := session.Sealer{Keys: m.Keys}
	if _, err := sealer.Open("data", "", base64.RawURLEncoding.EncodeToString(r.Data)); !errors.Is(err, session.ErrSealed) {
		t.Errorf("Open of a session's data = %v, want %v", err, session.ErrSealed)
	}
}

func TestNewKeys(t *testing.T) {
	t.Parallel()
	good := session.Key{ID: 'A', Secret: bytes.Repeat([]byte("s"), 32)}
	for name, keys := range map[string][]session.Key{
		"at least one": nil, "used twice": {good, good}, "at least 32": {good, {ID: 'B', Secret: good.Secret[:31]}},
	} {
		if _, err := session.NewKeys(keys...); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "sss") {
			t.Errorf("NewKeys = %v, want %q and no secret", err, name)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if printed := fmt.Sprintf(verb, good) + fmt.Sprintf(verb, newKeys(t, "A")); printed != "session key 'A'1 session keys" {
			t.Errorf("keys print as %q by %s", printed, verb)
		}
	}
}

func TestSealer(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	s := &session.Sealer{Keys: newKeys(t, "BA"), Now: clock}
	sealed := s.Seal("sign-in", "browser 1", time.Minute, []byte("state"))
	if again := s.Seal("sign-in", "browser 1", time.Minute, []byte("state")); again == sealed {
		t.Error("Seal is the same twice")
	}
	for _, plain := range []string{"state", "", strings.Repeat("long", 5000)} {
		sealed := s.Seal("sign-in", "browser 1", time.Minute, []byte(plain))
		if got, err := s.Open("sign-in", "browser 1", sealed); err != nil || string(got) != plain {
			t.Errorf("Open = %.20q, %v, want %.20q", got, err, plain)
		}
		if strings.Trim(sealed, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("Seal is %.20q…, want base64url", sealed)
		}
	}
	byA := (&session.Sealer{Keys: newKeys(t, "A"), Now: clock}).Seal("sign-in", "", time.Minute, nil)
	if _, err := s.Open("sign-in", "", byA); err != nil {
		t.Errorf("Open of what the other key sealed = %v", err)
	}
	for name, open := range map[string]struct{ purpose, binding, sealed string }{
		"another purpose":     {"draft", "browser 1", sealed},
		"another binding":     {"sign-in", "browser 2", sealed},
		"no binding":          {"sign-in", "", sealed},
		"nothing":             {"sign-in", "browser 1", ""},
		"not base64url":       {"sign-in", "browser 1", "!" + sealed},
		"padded":              {"sign-in", "browser 1", sealed + "="},
		"a line more":         {"sign-in", "browser 1", sealed + "\n"},
		"the key alone":       {"sign-in", "browser 1", sealed[:2]},
		"cut":                 {"sign-in", "browser 1", sealed[:len(sealed)-4]},
		"longer":              {"sign-in", "browser 1", sealed + "AAAA"},
		"an unknown key":      {"sign-in", "browser 1", "AA" + sealed[2:]},
		"changed":             {"sign-in", "browser 1", sealed[:30] + flipped(sealed[30]) + sealed[31:]},
		"sealed for no time":  {"sign-in", "browser 1", s.Seal("sign-in", "browser 1", 0, nil)},
		"sealed for the past": {"sign-in", "browser 1", s.Seal("sign-in", "browser 1", -time.Hour, nil)},
	} {
		if got, err := s.Open(open.purpose, open.binding, open.sealed); err != session.ErrSealed || got != nil { //nolint:errorlint // in one way
			t.Errorf("%s: Open = %q, %v, want %v and no more", name, got, err, session.ErrSealed)
		}
	}
	now = now.Add(time.Minute - time.Microsecond)
	if _, err := s.Open("sign-in", "browser 1", sealed); err != nil {
		t.Errorf("Open before the end = %v", err)
	}
	now = now.Add(time.Microsecond)
	if _, err := s.Open("sign-in", "browser 1", sealed); !errors.Is(err, session.ErrSealed) {
		t.Errorf("Open at the end = %v, want %v", err, session.ErrSealed)
	}
}

// flipped is another character of base64url.
func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func FuzzOpen(f *testing.F) {
	s := &session.Sealer{Keys: newKeys(f, "A")}
	f.Add(s.Seal("sign-in", "", time.Hour, []byte("state")))
	f.Add("")
	f.Fuzz(func(t *testing.T, sealed string) {
		if got, err := s.Open("draft", "", sealed); err == nil {
			t.Errorf("Open(%q) = %q of a purpose for which nothing was sealed", sealed, got)
		}
	})
}

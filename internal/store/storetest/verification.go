package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

func lookup(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	token := newToken(owner, organization)
	token.OwnerName = "alice@contoso.example"
	create(t, db, token)
	create(t, db, newToken(owner, organization)) // of the same bucket
	bucket := token.ID.Bucket()
	got, err := db.Lookup(t.Context(), bucket, token.Digest)
	if diff := cmp.Diff(token, got); diff != "" || err != nil {
		t.Errorf("Lookup = %v (-want +got):\n%s", err, diff)
	}
	token = change(t, db, token, pat.ActionRevoke, noon, func(t *pat.Token) { t.RevokedAt = noon })
	got, err = db.Lookup(t.Context(), bucket, token.Digest)
	if diff := cmp.Diff(token, got); diff != "" || err != nil {
		t.Errorf("Lookup right after the revocation = %v (-want +got):\n%s", err, diff)
	}
	for name, at := range map[string]struct {
		bucket pat.Bucket
		digest pat.Digest
	}{
		"another digest":    {bucket, pat.Digest{1}},
		"another bucket":    {bucket + 1, token.Digest},
		"the first bucket":  {0, token.Digest},
		"the last bucket":   {0xffff, token.Digest},
		"nothing but zeros": {},
	} {
		if got, err := db.Lookup(t.Context(), at.bucket, at.digest); pat.CodeOf(err) != pat.CodeTokenNotFound || got != (pat.Token{}) {
			t.Errorf("%s: Lookup = %v, %v, want nothing and %s", name, got, err, pat.CodeTokenNotFound)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Lookup(ctx, bucket, token.Digest); !errors.Is(err, context.Canceled) {
		t.Errorf("Lookup = %v, want %v", err, context.Canceled)
	}
}

// lookupInEveryBucket has tokens at the edges of every share of the buckets
// that a database may put together.
func lookupInEveryBucket(t *testing.T, db Database) {
	for i := range 64 {
		for _, bucket := range []pat.Bucket{pat.Bucket(i * 1024), pat.Bucket(i*1024 + 1023)} {
			token := newToken(pat.RandomUUID(), pat.RandomUUID())
			token.ID = newID(bucket)
			create(t, db, token)
			if got, err := db.Lookup(t.Context(), bucket, token.Digest); err != nil || got != token {
				t.Errorf("Lookup in bucket %d = %v, %v, want the token", bucket, got, err)
			}
		}
	}
}

// use is a use of token.
func use(token pat.Token, at time.Time) pat.Usage {
	return pat.Usage{Token: token.ID, At: at, Address: "192.0.2.7", Agent: "git", Scope: "vso.code"}
}

// record keeps uses.
func record(t testing.TB, db Database, uses ...pat.Usage) {
	t.Helper()
	if err := db.Used(t.Context(), uses); err != nil {
		t.Errorf("Used = %v", err)
	}
}

// usages are those of tokens, in the order of ids.
func usages(t testing.TB, db Database, owner pat.UUID, tokens ...pat.Token) []pat.TokenUsage {
	t.Helper()
	var ids []pat.UUID
	for _, token := range tokens {
		ids = append(ids, token.ID)
	}
	found, err := db.Usage(t.Context(), owner, ids)
	if err != nil {
		t.Errorf("Usage = %v", err)
	}
	slices.SortFunc(found, byToken)
	return found
}

func byToken(a, b pat.TokenUsage) int { return bytes.Compare(a.Token[:], b.Token[:]) }

func usedThenUsage(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	used, unused, foreign := create(t, db, newToken(owner, organization)), create(t, db, newToken(owner, organization)), create(t, db, newToken(pat.RandomUUID(), organization))
	gone := newToken(owner, organization) // never created
	first := use(used, noon)
	broken := use(foreign, noon)
	broken.Address, broken.Agent, broken.Scope = "broken \xff", "\x00", ""
	record(t, db, first, broken, use(gone, noon))
	record(t, db)

	want := []pat.TokenUsage{{Usage: first, Of: used}, {Usage: pat.Usage{Token: unused.ID}, Of: unused}}
	slices.SortFunc(want, byToken)
	if diff := cmp.Diff(want, usages(t, db, owner, used, unused, foreign, gone)); diff != "" {
		t.Errorf("Usage (-want +got):\n%s", diff)
	}
	broken.Address, broken.Agent = "broken \ufffd", "\ufffd"
	if diff := cmp.Diff([]pat.TokenUsage{{Usage: broken, Of: foreign}}, usages(t, db, foreign.Owner, used, foreign)); diff != "" {
		t.Errorf("Usage by the other owner (-want +got):\n%s", diff)
	}
	if got := usages(t, db, owner); len(got) != 0 {
		t.Errorf("Usage of no tokens = %v, want nothing", got)
	}
	if got := usages(t, db, owner, used, used, unused, unused); len(got) != 2 {
		t.Errorf("Usage of two tokens asked for twice = %v, want each once", got)
	}
}

// usedKeepsTheLatest records uses of one token in any order, together and one
// after the other.
func usedKeepsTheLatest(t *testing.T, db Database) {
	token := create(t, db, newToken(pat.RandomUUID(), pat.RandomUUID()))
	latest := func(want int) {
		t.Helper()
		got := usages(t, db, token.Owner, token)
		if at := noon.Add(time.Duration(want) * time.Second); len(got) != 1 || !got[0].At.Equal(at) {
			t.Errorf("Usage = %v, want the use at %v", got, at)
		}
	}
	after := func(seconds int) pat.Usage { return use(token, noon.Add(time.Duration(seconds)*time.Second)) }
	record(t, db, after(3), after(5), after(4))
	latest(5)
	record(t, db, after(2))
	latest(5)
	record(t, db, after(6))
	latest(6)
	changed := after(7)
	changed.Address, changed.Agent, changed.Scope = "2001:db8::1", "npm", "vso.packaging"
	record(t, db, changed, after(1))
	if diff := cmp.Diff([]pat.TokenUsage{{Usage: changed, Of: token}}, usages(t, db, token.Owner, token)); diff != "" {
		t.Errorf("Usage (-want +got):\n%s", diff)
	}
}

// usedMany records more uses than go into one statement, of tokens in many
// buckets, and asks for as many as may be asked for.
func usedMany(t *testing.T, db Database) {
	owner, organization := pat.RandomUUID(), pat.RandomUUID()
	var tokens []pat.Token
	var uses []pat.Usage
	var want []pat.TokenUsage
	for i := range 3 * pat.MaxPage {
		token := newToken(owner, organization)
		token.ID = newID(pat.Bucket(i % 5 * 13000))
		uses = append(uses, use(token, noon.Add(time.Duration(i)*time.Second)))
		if i < pat.MaxPage {
			tokens = append(tokens, create(t, db, token))
			want = append(want, pat.TokenUsage{Usage: uses[i], Of: token})
		}
	}
	record(t, db, uses...)
	slices.SortFunc(want, byToken)
	if diff := cmp.Diff(want, usages(t, db, owner, tokens...)); diff != "" {
		t.Errorf("Usage (-want +got):\n%s", diff)
	}
}

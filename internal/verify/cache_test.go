package verify

import (
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patrolhq/patrol/internal/pat"
)

// foundOf is a token for the cache: which one, and in which version.
func foundOf(which, version, length int) *Found {
	f := &Found{
		Claim: pat.Claim{
			Owner: pat.HashUUID("owner"), Tenant: pat.HashUUID("tenant"), Organization: pat.HashUUID(fmt.Sprint(version)),
			AllOrgs: version%2 == 1, Revoked: version%3 == 1, ValidFrom: int64(version), ValidTo: int64(which),
			Grants: pat.ScopeSet{}.With(which % 256).With(version % 256),
		},
		Scope: []byte(strings.Repeat("s", length)), OwnerName: []byte(fmt.Sprintf("owner of %d", which)),
	}
	binary.LittleEndian.PutUint32(f.Claim.ID[:], uint32(which))
	// Few homes and one tag, so that probing has much to do.
	binary.LittleEndian.PutUint32(f.digest[0:], uint32(which%7)<<29)
	binary.LittleEndian.PutUint32(f.digest[20:], uint32(which))
	return f
}

// TestCacheAgainstModel does at random to a shard what happens to one, and
// compares it with a map. A shard may forget; it must not make things up, and
// not lose a use.
func TestCacheAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var spilled spillway
		s := new(shard)
		s.init(make([]byte, rapid.IntRange(8<<10, 20<<10).Draw(t, "memory")), &spilled)
		model := map[int]*Found{}
		used := map[pat.UUID]stamp{}     // to be recorded
		recorded := map[pat.UUID]stamp{} // was
		record := func(uses []use) {
			for _, u := range uses {
				if recorded[u.token].second <= u.second {
					recorded[u.token] = u.stamp
				}
			}
		}
		which := rapid.IntRange(0, 120)
		second := uint32(1)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				f := foundOf(which.Draw(t, "token"), rapid.IntRange(0, 9).Draw(t, "version"), rapid.IntRange(1, 400).Draw(t, "length"))
				if _, _, ok := s.find(&f.digest); ok {
					return // in its life a row changes only by leaving
				}
				s.put(f)
				if _, _, ok := s.find(&f.digest); !ok {
					t.Fatalf("a row that was put is not there")
				}
				model[int(f.Claim.ValidTo)] = f
			},
			"get": func(t *rapid.T) {
				want := foundOf(which.Draw(t, "token"), 0, 0)
				r, _, ok := s.find(&want.digest)
				if !ok {
					return
				}
				r.set(referenced)
				got := &Found{digest: want.digest}
				r.read(got)
				got.recorded = stamp{}
				if diff := cmp.Diff(model[int(got.Claim.ValidTo)], got, cmp.AllowUnexported(Found{}, stamp{})); diff != "" {
					t.Fatalf("a row (-put +got):\n%s", diff)
				}
			},
			"use": func(t *rapid.T) {
				f := foundOf(which.Draw(t, "token"), 0, 0)
				if r, _, ok := s.find(&f.digest); ok {
					second++
					r.mark(stamp{second: second, agent: AgentGit, scope: uint16(second % 257)})
					used[f.Claim.ID] = r.stamp()
				}
			},
			"drop": func(t *rapid.T) {
				f := foundOf(which.Draw(t, "token"), 0, 0)
				if r, _, ok := s.find(&f.digest); ok {
					s.drop(r)
					delete(model, int(f.Claim.ValidTo))
				}
			},
			"clear": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "seldom") == 0 {
					s.clear()
					clear(model)
				}
			},
			"collect": func(*rapid.T) {
				for at, more := uint64(0), true; more; {
					var batch []use
					batch, at, more = s.collect(at, make([]use, 0, 5))
					record(batch)
				}
			},
			"": func(t *rapid.T) {
				if live := check(t, s); live != s.rows {
					t.Fatalf("%d rows are live, want %d", live, s.rows)
				}
			},
		})
		for at, more := uint64(0), true; more; {
			var batch []use
			batch, at, more = s.collect(at, make([]use, 0, 5))
			record(batch)
		}
		record(spilled.take(make([]use, 0, maxSpilled)))
		if diff := cmp.Diff(used, recorded, cmp.AllowUnexported(stamp{})); diff != "" {
			t.Errorf("uses (-made +recorded):\n%s", diff)
		}
	})
}

// check holds what must be true of a shard at all times, and returns how many
// rows are live.
func check(t *rapid.T, s *shard) (rows int) {
	if s.head-s.tail > uint64(len(s.ring)) {
		t.Fatalf("%d bytes lie in a ring of %d", s.head-s.tail, len(s.ring))
	}
	at := s.tail
	for at < s.head {
		r := s.at(at)
		if len(r) < 8 || len(r)%8 != 0 || at%uint64(len(s.ring))+uint64(len(r)) > uint64(len(s.ring)) {
			t.Fatalf("a row of %d bytes at %d", len(r), at)
		}
		if r.is(live) {
			rows++
			if found, _, ok := s.find(r.digest()); !ok || &found[0] != &r[0] {
				t.Fatalf("a live row is not found")
			}
		}
		at += uint64(len(r))
	}
	if at != s.head {
		t.Fatalf("the rows end at %d, want %d", at, s.head)
	}
	slots := 0
	for i := range len(s.index) / 4 {
		if s.slot(i) != 0 {
			slots++
		}
	}
	if slots != rows {
		t.Fatalf("%d slots for %d rows", slots, rows)
	}
	return rows
}

// TestSecondChance: of rows that come once, those that are asked for again
// and again stay.
func TestSecondChance(t *testing.T) {
	t.Parallel()
	s := new(shard)
	s.init(make([]byte, 64<<10), new(spillway))
	hot := foundOf(0, 0, 20)
	s.put(hot)
	for i := 1; i < 5000; i++ {
		s.put(foundOf(i, 0, 20))
		if i%100 == 0 {
			r, _, ok := s.find(&hot.digest)
			if !ok {
				t.Fatalf("a row that was asked for all the time left after %d others", i)
			}
			r.set(referenced)
		}
	}
	if left := int64(5000 - s.rows); s.evicted != left {
		t.Errorf("%d rows count as evicted, want the %d that are not there", s.evicted, left)
	}
}

// TestTooLargeIsNotKept: a row that would push out much is not worth it.
func TestTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	s := new(shard)
	s.init(make([]byte, 8<<10), new(spillway))
	s.put(foundOf(1, 0, 20))
	s.put(foundOf(2, 0, 8192))
	if s.rows != 1 {
		t.Errorf("%d rows, want 1", s.rows)
	}
}

// TestEpochs: rows of one epoch do not show in another, in either order.
func TestEpochs(t *testing.T) {
	t.Parallel()
	c := NewCache(0)
	f := foundOf(1, 0, 20)
	for _, epoch := range []uint64{1, 2, 1} {
		c.put(f, epoch, c.generation(&f.digest))
		got := &Found{digest: f.digest}
		if under, ok := c.get(got); ok && under != epoch {
			t.Errorf("get = a row of epoch %d, want %d or none", under, epoch)
		}
	}
}

// TestCacheRace has everything happen at once, for the race detector.
func TestCacheRace(t *testing.T) {
	t.Parallel()
	c := NewCache(MinCacheSize)
	uses := &Uses{Cache: c, Store: discard{}, Scopes: catalogue(t)}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			got := new(Found)
			for i := range 3000 {
				f := foundOf(i%500, 0, i%100)
				f.digest[8] = byte(i)
				got.digest = f.digest
				switch generation := c.generation(&f.digest); (i + worker) % 5 {
				case 0:
					c.Invalidate(f.digest)
				case 1:
					if i%100 == 0 {
						c.Clear()
					}
				default:
					if _, ok := c.get(got); ok && got.Claim != f.Claim {
						t.Errorf("get = %+v, want %+v", got.Claim, f.Claim)
					}
					c.use(&f.digest, use{f.Claim.ID, stamp{second: uint32(i)}})
					c.put(f, uint64(i%2), generation)
				}
			}
		})
	}
	all.Go(func() {
		for range 20 {
			uses.Flush(t.Context())
			c.rows()
		}
	})
	all.Wait()
}

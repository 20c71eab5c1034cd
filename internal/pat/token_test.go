package pat

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestStateAt(t *testing.T) {
	t.Parallel()
	token := Token{ValidFrom: testTime, ValidTo: testTime.Add(day)}
	revoked := token
	revoked.RevokedAt = testTime.Add(time.Hour)
	tests := []struct {
		name  string
		token Token
		after time.Duration
		want  State
	}{
		{"at once", token, 0, Active},
		{"the last microsecond", token, day - time.Microsecond, Active},
		{"the end", token, day, Expired},
		{"later", token, 2 * day, Expired},
		{"revoked", revoked, 2 * time.Hour, Revoked},
		{"revoked, past its end", revoked, 2 * day, Revoked},
	}
	for _, tt := range tests {
		if got := tt.token.StateAt(testTime.Add(tt.after)); got != tt.want {
			t.Errorf("%s: StateAt = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestInstant(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	got := Instant(time.Date(2026, 11, 23, 13, 0, 0, 123456789, zone))
	if want := time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("Instant = %v, want %v", got, want)
	}
}

func TestNewIDCarriesBucketAndTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bucket := Bucket(rapid.Uint16().Draw(t, "bucket"))
		seconds := rapid.Int64Range(0, 1<<32-1).Draw(t, "seconds")
		id := newID(bucket, time.Unix(seconds, 0).UTC())
		if got := id.Bucket(); got != bucket {
			t.Fatalf("Bucket of %v = %d, want %d", id, got, bucket)
		}
		got := int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
		if got != seconds {
			t.Fatalf("%v was made at %d, want %d", id, got, seconds)
		}
	})
}

func TestNewIDsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[UUID]bool{}
	for range 100_000 {
		id := newID(1, testTime)
		if seen[id] {
			t.Fatal("two ids of one bucket and second are the same")
		}
		seen[id] = true
	}
}

func TestBucketOf(t *testing.T) {
	t.Parallel()
	owner, err := ParseUUID("01234567-89ab-cdef-0123-456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	// Tokens are found by it: it must never change.
	if got, want := BucketOf(owner), Bucket(8766); got != want {
		t.Errorf("BucketOf(%v) = %d, want %d", owner, got, want)
	}
	counts := map[Bucket]int{}
	for range 65_536 {
		counts[BucketOf(RandomUUID())]++
	}
	if got := len(counts); got < 40_000 || got > 43_000 { // 1-1/e of all buckets: 41427, deviation 102
		t.Errorf("65536 owners fall in %d buckets, want about 41427", got)
	}
}

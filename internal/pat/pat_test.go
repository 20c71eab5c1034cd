package pat

import (
	"strings"
	"testing"
	"time"
)

// testTime is the moment at which tests of this package happen.
var testTime = time.Date(2026, time.November, 23, 12, 0, 0, 123456000, time.UTC)

// testKeyring mints with key 'n' and still knows key 'o'.
func testKeyring(t testing.TB) *Keyring {
	t.Helper()
	ring, err := NewKeyring("", testKey('n'), testKey('o'))
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func testKey(id byte) ServerKey {
	return ServerKey{ID: id, Secret: []byte(strings.Repeat(string(rune(id)), 32))}
}

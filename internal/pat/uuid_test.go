package pat

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseUUID(t *testing.T) {
	t.Parallel()
	want := UUID{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}
	for _, text := range []string{
		"01234567-89ab-cdef-0123-456789abcdef",
		"01234567-89AB-CDEF-0123-456789ABCDEF",
		"{01234567-89ab-cdef-0123-456789abcdef}",
	} {
		if got, err := ParseUUID(text); err != nil || got != want {
			t.Errorf("ParseUUID(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"",
		"0",
		"0123456789abcdef0123456789abcdef",
		"{0123456789abcdef0123456789abcdef}",
		"01234567-89ab-cdef-0123-456789abcde",
		"01234567-89ab-cdef-0123-456789abcdef0",
		"01234567-89ab-cdef-0123-456789abcdeg",
		"01234567-89ab-cdef-0123-456789abcd-f",
		"0123-567-89ab-cdef-0123-456789abcdef",
		"01234567_89ab_cdef_0123_456789abcdef",
		"(01234567-89ab-cdef-0123-456789abcdef)",
		"{01234567-89ab-cdef-0123-456789abcdef",
		" 01234567-89ab-cdef-0123-456789abcdef",
		"01234567-89ab-cdef-0123-456789abcd\u00ef",
		"urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
		"------------------------------------",
		strings.Repeat("0", 36),
		strings.Repeat("a", 10_000),
	} {
		if got, err := ParseUUID(text); err == nil {
			t.Errorf("ParseUUID(%.50q) = %v, want an error", text, got)
		}
	}
}

func TestUUIDPrintsAsItParses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var id UUID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		if got, err := id.AppendText([]byte("id ")); err != nil || string(got) != "id "+id.String() {
			t.Fatalf("AppendText = %q, %v, want what String says", got, err)
		}
		for _, text := range []string{id.String(), strings.ToUpper(id.String()), "{" + id.String() + "}"} {
			if got, err := ParseUUID(text); err != nil || got != id {
				t.Fatalf("ParseUUID(%q) = %v, %v, want %v", text, got, err, id)
			}
		}
	})
}

func TestUUIDVersions(t *testing.T) {
	t.Parallel()
	for range 1000 {
		for _, id := range []struct {
			name    string
			id      UUID
			version byte
		}{
			{"RandomUUID", RandomUUID(), 4},
			{"HashUUID", HashUUID("https://id.example", "alice"), 8},
			{"newID", newID(0xffff, testTime), 8},
		} {
			if version, variant := id.id[6]>>4, id.id[8]>>6; version != id.version || variant != 0b10 {
				t.Fatalf("%s = %v: version %d and variant %02b, want %d and 10", id.name, id.id, version, variant, id.version)
			}
		}
	}
}

func TestHashUUID(t *testing.T) {
	t.Parallel()
	// Owners are known by it: it must never change.
	if got, want := HashUUID("https://id.example", "alice").String(), "1ec35abc-0126-8401-9580-a43686d08429"; got != want {
		t.Errorf("HashUUID = %s, want %s", got, want)
	}
	ids := map[UUID][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"b", "a"}} {
		id := HashUUID(parts...)
		if other, taken := ids[id]; taken {
			t.Errorf("%q and %q have one UUID", parts, other)
		}
		ids[id] = parts
	}
}

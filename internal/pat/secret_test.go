package pat

import (
	"strings"
	"testing"
	"testing/cryptotest"
	"time"
)

// vector is a synthetic secret in the published layout; its hash is 0x69b82089
// and that, in base62, 2VhB7p.
const vector = "0123456789" + "0123456789" + "0123456789" + "0123456789" + "0123456789ab" + "JQQJ99CK" + "ACAAAAAAAAAA" + "AAAS" + "AZDO" + "2VhB"

func TestParseSecretVector(t *testing.T) {
	t.Parallel()
	secret, err := ParseSecret(vector)
	if err != nil {
		t.Fatalf("ParseSecret = %v, want the vector accepted", err)
	}
	if got := secret.Reveal(); got != vector {
		t.Error("Reveal does not give back what was parsed")
	}
	if got := checksum((*[checksumAt]byte)([]byte(vector))); string(got[:]) != "2VhB" {
		t.Errorf("checksum = %q, want 2VhB", got)
	}
	if bucket, ok := secret.Bucket(); bucket != 39194 || !ok { // ACA
		t.Errorf("Bucket = %d, %v, want 39194", bucket, ok)
	}
	if got := secret.KeyID(); got != 'A' {
		t.Errorf("KeyID = %q, want 'A'", got)
	}
}

func TestMarvin(t *testing.T) {
	t.Parallel()
	// The vectors of dotnet/runtime, folded to 32 bits; lengths that are no
	// multiple of four exercise the tail.
	const seed = 0x004fb61a001bdbcc
	tests := []struct {
		data string
		want uint32
	}{
		{"", 0x302009bc},
		{"\xaf", 0x3592e206},
		{"\xe7\x0f", 0xfdab5e04},
		{"\x37\xf4\x95", 0x6b3c8b90},
		{"\x86\x42\xdc\x59", 0x0e9407be},
		{"\x15\x3f\xb7\x98\x26", 0x446f25fa},
		{"\x09\x32\xe6\x24\x6c\x47", 0x31a6ff7a},
		{"\xab\x42\x7e\xa8\xd1\x0f\xc7", 0x117fcba5},
	}
	for _, tt := range tests {
		if got := marvin32([]byte(tt.data), seed); got != tt.want {
			t.Errorf("marvin32(% x) = %#x, want %#x", tt.data, got, tt.want)
		}
	}
}

func TestParseSecretRefuses(t *testing.T) {
	t.Parallel()
	replaced := func(at int, with string) string { return vector[:at] + with + vector[at+len(with):] }
	tests := []struct{ name, text string }{
		{"nothing", ""},
		{"one character less", vector[1:]},
		{"one character more", vector + "B"},
		{"the old form", "aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq"},
		{"space around", " " + vector[1:]},
		{"line end", vector[:83] + "\n"},
		{"derived key", replaced(57, "D")},
		{"hashed key", replaced(57, "H")},
		{"month before January", replaced(monthAt, "@")},
		{"month after December", replaced(monthAt, "M")},
		{"base64 plus", replaced(3, "+")},
		{"base64 slash", replaced(70, "/")},
		{"a line feed, which base64 skips", replaced(10, "\n")},
		{"two bytes of UTF-8", replaced(10, "é")},
		{"NUL", replaced(0, "\x00")},
		{"wrong checksum", replaced(checksumAt, "2VhC")},
		{"lower case", strings.ToLower(vector)},
		{"84 spaces", strings.Repeat(" ", SecretLength)},
	}
	for _, tt := range tests {
		if _, err := ParseSecret(tt.text); err == nil {
			t.Errorf("%s: ParseSecret accepts it", tt.name)
		} else if tt.text != "" && strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: the error repeats what was presented", tt.name)
		}
	}
}

// The checksum has some 20 bits, so about one change in a million may pass. In
// the changes tried here, a fixed set of half a million, none may.
func TestChecksumFindsTypingErrors(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	secrets := []string{vector}
	for i := range 20 {
		body := []byte(vector)
		copy(body, strings.Repeat(string(base62[i*3]), 30))
		body[bucketAt+2] = base62[i]
		sum := checksum((*[checksumAt]byte)(body))
		secrets = append(secrets, string(body[:checksumAt])+string(sum[:]))
	}
	tried, found := 0, 0
	try := func(kind string, at int, text string) {
		tried++
		if secret, err := ParseSecret(text); err != nil {
			found++
		} else if ring.Minted(secret) {
			t.Errorf("%s at %d passes checksum and tag", kind, at)
		} else {
			t.Logf("%s at %d passes the checksum", kind, at)
		}
	}
	for _, text := range secrets {
		if _, err := ParseSecret(text); err != nil {
			t.Fatalf("ParseSecret = %v, want the unchanged secret accepted", err)
		}
		for at := range len(text) {
			for c := range 256 {
				if byte(c) != text[at] {
					try("change", at, text[:at]+string([]byte{byte(c)})+text[at+1:])
				}
			}
			for other := at + 1; other < len(text); other++ {
				if text[at] == text[other] {
					continue
				}
				swapped := []byte(text)
				swapped[at], swapped[other] = swapped[other], swapped[at]
				try("transposition", at, string(swapped))
			}
		}
	}
	if found != tried {
		t.Errorf("%d of %d typing errors were found, want all", found, tried)
	}
	t.Logf("all of %d typing errors were found", tried)
}

func TestNewSecretLayout(t *testing.T) {
	t.Parallel()
	ring, err := NewKeyring("AZDO", ServerKey{ID: 'q', Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	secret, keyID := ring.mint(0xbeef, time.Date(2026, time.November, 30, 23, 59, 59, 0, time.UTC))
	text := secret.Reveal()
	parts := []struct {
		what     string
		from, to int
		want     string
	}{
		{"mark", 52, 58, "JQQJ99"},
		{"year", 58, 59, "C"},
		{"month", 59, 60, "K"},
		{"bucket", 60, 63, "CiN"}, // 48879 = 12*62*62 + 44*62 + 23
		{"key id", 63, 64, "q"},
		{"provider data", 72, 76, "AAAA"},
		{"signature", 76, 80, "AZDO"},
	}
	if len(text) != SecretLength {
		t.Fatalf("a secret has %d characters, want %d", len(text), SecretLength)
	}
	for _, p := range parts {
		if got := text[p.from:p.to]; got != p.want {
			t.Errorf("%s = %q, want %q", p.what, got, p.want)
		}
	}
	if bucket, ok := secret.Bucket(); bucket != 0xbeef || !ok {
		t.Errorf("Bucket = %#x, %v, want 0xbeef", bucket, ok)
	}
	if keyID != 'q' || secret.KeyID() != 'q' {
		t.Errorf("key id = %q and %q, want 'q'", keyID, secret.KeyID())
	}
	if _, err := ParseSecret(text); err != nil {
		t.Errorf("ParseSecret of a new secret = %v", err)
	}
}

func TestNewSecretDates(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	tests := []struct {
		year  int
		month time.Month
		want  string
	}{
		{2024, time.January, "AA"},
		{2024, time.July, "AG"},
		{2025, time.December, "BL"},
		{2026, time.November, "CK"},
		{2049, time.February, "ZB"},
		{2050, time.March, "aC"},
		{2075, time.April, "zD"},
		{2076, time.May, "0E"},
		{2085, time.June, "9F"},
		{2086, time.June, "9F"},
		{9999, time.October, "9J"},
		{1970, time.January, "AA"},
	}
	for _, tt := range tests {
		secret, _ := ring.mint(0, time.Date(tt.year, tt.month, 1, 0, 0, 0, 0, time.UTC))
		if got := secret.Reveal()[yearAt : monthAt+1]; got != tt.want {
			t.Errorf("%s %d is written %q, want %q", tt.month, tt.year, got, tt.want)
		}
		if _, err := ParseSecret(secret.Reveal()); err != nil {
			t.Errorf("%s %d: ParseSecret = %v", tt.month, tt.year, err)
		}
	}
}

func TestBucketsInSecrets(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	for _, want := range []Bucket{0, 1, 61, 62, 3843, 3844, 0xfffe, 0xffff} {
		secret, _ := ring.mint(want, testTime)
		if got, ok := secret.Bucket(); got != want || !ok {
			t.Errorf("Bucket = %d, %v, want %d", got, ok, want)
		}
	}
}

func TestBucketAboveTheLast(t *testing.T) {
	t.Parallel()
	body := []byte(vector)
	for text, want := range map[string]bool{"H31": true, "H32": false, "zzz": false} { // H31 is 65535
		copy(body[bucketAt:], text)
		sum := checksum((*[checksumAt]byte)(body))
		secret, err := ParseSecret(string(body[:checksumAt]) + string(sum[:]))
		if err != nil {
			t.Fatal(err)
		}
		if bucket, ok := secret.Bucket(); ok != want {
			t.Errorf("Bucket of %s = %d, %v, want %v", text, bucket, ok, want)
		}
	}
}

func TestZeroSecret(t *testing.T) {
	t.Parallel()
	var none Secret
	ring := testKeyring(t)
	if none.Reveal() != "" || none.KeyID() != 0 || ring.Minted(none) {
		t.Error("the zero Secret holds something, want nothing")
	}
	if _, ok := none.Bucket(); ok {
		t.Error("the zero Secret has a bucket, want none")
	}
	if _, ok := ring.Digest(none); ok {
		t.Error("the zero Secret has a digest, want none")
	}
}

// The seed is fixed, so the outcome is too; the bound is what a fair source
// exceeds once in more than a billion seeds.
func TestRandomBase62IsUniform(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 62)
	const draws = 620_000
	text := make([]byte, draws)
	randomBase62(text)
	counts := map[byte]int{}
	pairs := map[bool]int{}
	for i, c := range text {
		counts[c]++
		if i > 0 {
			pairs[c == text[i-1]]++
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d characters occur, want all 62 and no other", len(counts))
	}
	chiSquare := 0.0
	for i := range len(base62) {
		deviation := float64(counts[base62[i]] - draws/62)
		chiSquare += deviation * deviation / (draws / 62)
	}
	if chiSquare > 140 { // 61 degrees of freedom: mean 61, deviation 11
		t.Errorf("chi-square = %.1f, want under 140: the characters are not uniform", chiSquare)
	}
	if got := pairs[true]; got < 9_300 || got > 10_700 { // mean 10000, deviation 99
		t.Errorf("a character follows itself %d times, want about 10000", got)
	}
}

func TestSecretsDiffer(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	seen := map[string]bool{}
	for range 10_000 {
		secret, _ := ring.mint(7, testTime)
		random := secret.Reveal()[:markAt]
		if seen[random] {
			t.Fatal("two secrets have the same random part")
		}
		seen[random] = true
	}
}

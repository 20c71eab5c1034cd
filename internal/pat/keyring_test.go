package pat

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// resum is text with the checksum that fits.
func resum(text string) string {
	sum := checksum((*[checksumAt]byte)([]byte(text)))
	return text[:checksumAt] + string(sum[:])
}

func mustParse(t *testing.T, text string) Secret {
	t.Helper()
	secret, err := ParseSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestMinted(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	minted, _ := ring.mint(4711, testTime)
	older, err := NewKeyring("", testKey('o'))
	if err != nil {
		t.Fatal(err)
	}
	fromOlder, _ := older.mint(4711, testTime)
	sameID, err := NewKeyring("", ServerKey{ID: 'n', Secret: []byte(strings.Repeat("x", 32))})
	if err != nil {
		t.Fatal(err)
	}
	invented, _ := sameID.mint(4711, testTime)
	text := minted.Reveal()
	forged := func(at int, with string) string { return resum(text[:at] + with + text[at+len(with):]) }
	tests := []struct {
		name string
		text string
		want bool
	}{
		{"a secret of the minting key", text, true},
		{"a secret of an older key", fromOlder.Reveal(), true},
		{"a secret of another key of that id", invented.Reveal(), false},
		{"the published vector", vector, false},
		{"tag of zeros", forged(tagAt, "00000000"), false},
		{"tag of another secret", forged(tagAt, fromOlder.Reveal()[tagAt:providerAt]), false},
		{"another bucket", forged(bucketAt, "000"), false},
		{"an unknown key id", forged(keyAt, "z"), false},
		{"the other key's id", forged(keyAt, "o"), false},
		{"another month", forged(monthAt, "A"), false},
		{"another year", forged(yearAt, "9"), false},
		{"other provider data", forged(providerAt, "AAAS"), false},
		{"another signature", forged(signatureAt, "AZDO"), false},
	}
	for _, tt := range tests {
		if got := ring.Minted(mustParse(t, tt.text)); got != tt.want {
			t.Errorf("Minted of %s = %v, want %v", tt.name, got, tt.want)
		}
		digest, bucket, ok := ring.Identify(tt.text)
		if want, _ := ring.Digest(mustParse(t, tt.text)); ok != tt.want || ok && (digest != want || bucket != 4711) {
			t.Errorf("Identify of %s = %x, %d, %v, want %x, 4711, %v", tt.name, digest, bucket, ok, want, tt.want)
		}
	}
	for at := range markAt {
		other := base62[(base62Digit(text[at])+1)%62]
		if ring.Minted(mustParse(t, forged(at, string(other)))) {
			t.Errorf("Minted accepts a secret changed at %d", at)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	secret, _ := ring.mint(1, testTime)
	other, _ := ring.mint(1, testTime)
	digest, ok := ring.Digest(secret)
	if !ok || digest == (Digest{}) {
		t.Fatalf("Digest = %x, %v, want one", digest, ok)
	}
	if again, _ := ring.Digest(mustParse(t, secret.Reveal())); again != digest {
		t.Error("the same secret has two digests")
	}
	if different, _ := ring.Digest(other); different == digest {
		t.Error("two secrets have one digest")
	}
	// Which key mints next does not matter to the secrets there are.
	rotated, err := NewKeyring("", testKey('p'), testKey('n'))
	if err != nil {
		t.Fatal(err)
	}
	if after, ok := rotated.Digest(secret); !ok || after != digest || !rotated.Minted(secret) {
		t.Error("a secret is lost when another key mints")
	}
	without, err := NewKeyring("", testKey('p'))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := without.Digest(secret); ok || without.Minted(secret) {
		t.Error("a secret outlives its key")
	}
}

// The derivation must never change: every token there is hangs on it.
func TestDeriveKey(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"tag":         "c68878ae7babc4fb75c30ada0b6d3091340603f302544e539d4da482ccde1b44",
		"digest":      "f4ed79c6c3a0b6c79e37ccaed660151b5c40b486f0df6981b0364387625c4894",
		"seal":        "1b22facf339e66d8fc3f84946355fc950a79a07d29f5c36bc431ec55c4f3c69f",
		"fingerprint": "5387368e2df1409ba97016c04e280deb1a0096011cf32f44a6e249e8a56f246d",
	}
	for purpose, want := range want {
		key, err := DeriveKey([]byte(strings.Repeat("k", 32)), purpose)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(key); got != want {
			t.Errorf("DeriveKey for %s = %s, want %s", purpose, got, want)
		}
	}
}

func TestFingerprints(t *testing.T) {
	t.Parallel()
	prints := testKeyring(t).Fingerprints()
	if len(prints) != 2 || prints['n'] == prints['o'] {
		t.Errorf("Fingerprints has %d entries, want two that differ", len(prints))
	}
	alone, err := NewKeyring("AZDO", testKey('o'))
	if err != nil {
		t.Fatal(err)
	}
	if got := alone.Fingerprints(); len(got) != 1 || got['o'] != prints['o'] {
		t.Error("a key's fingerprint depends on more than the key")
	}
}

func TestNewKeyringFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		signature string
		keys      []ServerKey
		want      string
	}{
		{"no key", "", nil, "no server key"},
		{"short key", "", []ServerKey{{ID: 'a', Secret: make([]byte, 31)}}, "31 bytes"},
		{"key without id", "", []ServerKey{{Secret: make([]byte, 32)}}, "one letter or digit"},
		{"id beyond ASCII", "", []ServerKey{{ID: 0xe9, Secret: make([]byte, 32)}}, "one letter or digit"},
		{"punctuation as id", "", []ServerKey{{ID: '-', Secret: make([]byte, 32)}}, "one letter or digit"},
		{"id used twice", "", []ServerKey{testKey('a'), testKey('b'), testKey('a')}, `'a' is used twice`},
		{"short signature", "PTR", []ServerKey{testKey('a')}, "four letters or digits"},
		{"long signature", "PTRLL", []ServerKey{testKey('a')}, "four letters or digits"},
		{"digit first", "1TRL", []ServerKey{testKey('a')}, "four letters or digits"},
		{"base64 in it", "PT+L", []ServerKey{testKey('a')}, "four letters or digits"},
		{"two characters in four bytes", "éé", []ServerKey{testKey('a')}, "four letters or digits"},
		{"a character that ends like a letter", "PŁ1", []ServerKey{testKey('a')}, "four letters or digits"},
	}
	for _, tt := range tests {
		_, err := NewKeyring(tt.signature, tt.keys...)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: NewKeyring = %v, want it to say %q", tt.name, err, tt.want)
		}
	}
}

func sealedToken(ring *Keyring) Token {
	secret, keyID := ring.mint(9, testTime)
	t := Token{
		ID: newID(9, testTime), Owner: RandomUUID(), Tenant: RandomUUID(), Organization: RandomUUID(),
		DisplayName: "ci", Scope: "vso.code vso.work", ValidFrom: testTime, ValidTo: testTime.Add(time.Hour),
		KeyID: keyID, C3ID: C3ID(secret), Version: 1,
	}
	t.Digest, _ = ring.Digest(secret)
	ring.seal(&t)
	return t
}

// Every field of a token is either sealed or named here, so that a new one
// cannot be forgotten.
func TestSealCoversEveryField(t *testing.T) {
	t.Parallel()
	unsealed := map[string]bool{"DisplayName": true, "RevokedAt": true, "Version": true, "C3ID": true}
	ring := testKeyring(t)
	token := sealedToken(ring)
	if !ring.Sealed(token) {
		t.Fatal("Sealed = false for a token as it was sealed")
	}
	fields := reflect.TypeFor[Token]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		changed := token
		change(t, name, reflect.ValueOf(&changed).Elem().Field(i))
		if got := ring.Sealed(changed); got != unsealed[name] {
			t.Errorf("Sealed after a change of %s = %v, want %v", name, got, unsealed[name])
		}
	}
}

// change makes field another value.
func change(t *testing.T, name string, field reflect.Value) {
	t.Helper()
	switch value := field.Interface().(type) {
	case time.Time:
		field.Set(reflect.ValueOf(value.Add(time.Microsecond)))
	case bool:
		field.SetBool(!value)
	case byte:
		field.SetUint(uint64('o')) // a key that the ring knows
	case int64:
		field.SetInt(value + 1)
	case string:
		field.SetString(value + "x")
	case Scope:
		field.SetString(string(value) + " vso.wiki")
	default:
		if field.Kind() != reflect.Array {
			t.Fatalf("Token.%s is of a kind that this test cannot change: teach it", name)
		}
		last := field.Index(field.Len() - 1)
		last.SetUint(last.Uint() ^ 1)
	}
}

func TestSealKeepsFieldsApart(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	token := sealedToken(ring)
	token.OwnerName = "alice app_token"
	ring.seal(&token)
	for name, swap := range map[string]func(*Token){
		"owner and tenant":        func(t *Token) { t.Owner, t.Tenant = t.Tenant, t.Owner },
		"tenant and organization": func(t *Token) { t.Tenant, t.Organization = t.Organization, t.Tenant },
		"begin and end":           func(t *Token) { t.ValidFrom, t.ValidTo = t.ValidTo, t.ValidFrom },
		"no scope":                func(t *Token) { t.Scope = "" },
		"no seal":                 func(t *Token) { t.Seal = Seal{} },
		"an unknown key":          func(t *Token) { t.KeyID = 'z' },
		"no key":                  func(t *Token) { t.KeyID = 0 },
		"a key beyond ASCII":      func(t *Token) { t.KeyID |= 0x80 },
		"another token's seal":    func(t *Token) { t.Seal = sealedToken(ring).Seal },
		"scope and owner's name":  func(t *Token) { t.Scope, t.OwnerName = t.Scope+"\x00"+Scope(t.OwnerName), "" },
	} {
		changed := token
		swap(&changed)
		if ring.Sealed(changed) {
			t.Errorf("%s: Sealed = true, want false", name)
		}
	}
}

func TestSealStaysUnderTheMintingKey(t *testing.T) {
	t.Parallel()
	older, err := NewKeyring("", testKey('o'))
	if err != nil {
		t.Fatal(err)
	}
	token := sealedToken(older)
	ring := testKeyring(t) // mints with 'n', still knows 'o'
	if !ring.Sealed(token) {
		t.Fatal("a seal is broken when another key mints")
	}
	token.Scope = "vso.wiki"
	ring.seal(&token)
	if token.KeyID != 'o' || !older.Sealed(token) {
		t.Error("a token changed its key when it was sealed anew")
	}
}

func TestKeyringIsConcurrent(t *testing.T) {
	t.Parallel()
	ring := testKeyring(t)
	secret, _ := ring.mint(3, testTime)
	want, _ := ring.Digest(secret)
	done := make(chan bool)
	for range 4 {
		go func() {
			good := true
			for range 500 {
				got, _ := ring.Digest(secret)
				other, _ := ring.mint(5, testTime)
				good = good && got == want && ring.Minted(secret) && ring.Minted(other)
			}
			done <- good
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("keys disturb each other when used side by side")
		}
	}
}

func TestServerKeyNeverPrints(t *testing.T) {
	t.Parallel()
	key := ServerKey{ID: 'A', Secret: []byte("0123456789abcdef0123456789abcdef")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{key, []ServerKey{key}, struct{ Key ServerKey }{key}} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, "0123456789abcdef") || strings.Contains(got, "3031323334") {
				t.Errorf("%s prints the key of %T", verb, value)
			}
		}
	}
}

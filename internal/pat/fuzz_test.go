package pat_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// vector is a synthetic secret in the published layout.
const vector = "0123456789" + "0123456789" + "0123456789" + "0123456789" + "0123456789ab" + "JQQJ99CK" + "ACAAAAAAAAAA" + "AAAS" + "AZDO" + "2VhB"

func FuzzParseSecret(f *testing.F) {
	f.Add(vector)
	f.Add(vector[:83])
	f.Add(strings.Replace(vector, "JQQJ99", "JQQJ9D", 1))
	f.Add("aaatoaqdaqc3cyiga4eascqlbqgq4dyqcejhaeyuculbogazdinq")
	f.Add(strings.Repeat("\xff", pat.SecretLength))
	ring, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := pat.ParseSecret(text)
		if err != nil {
			if secret != (pat.Secret{}) {
				t.Error("ParseSecret refuses and gives a secret all the same")
			}
			return
		}
		if secret.Reveal() != text || len(text) != pat.SecretLength {
			t.Errorf("a secret of %d characters does not read back as it was", len(text))
		}
		if strings.Trim(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") != "" {
			t.Error("a secret has other characters than letters and digits")
		}
		again, err := pat.ParseSecret(secret.Reveal())
		if err != nil || again.Reveal() != text {
			t.Error("a secret does not parse again")
		}
		if ring.Minted(secret) {
			t.Error("a secret was invented without the key")
		}
		if _, known := ring.Digest(secret); known != (secret.KeyID() == 'A') {
			t.Errorf("Digest knows key %q: %v", secret.KeyID(), known)
		}
	})
}

func FuzzParseScope(f *testing.F) {
	f.Add("vso.code vso.work_full")
	f.Add(" VSO.Code\tvso.code\r\n")
	f.Add("app_token")
	f.Add("app_token vso.code")
	f.Add("vso.\u212a\xff\x00")
	catalogue := azureDevOps(f)
	f.Fuzz(func(t *testing.T, text string) {
		scope, err := catalogue.Parse(text)
		if err != nil {
			if scope != "" || pat.CodeOf(err) != pat.CodeInvalidScope {
				t.Errorf("Parse(%q) = %q, %v, want nothing but a refusal as %s", text, scope, err, pat.CodeInvalidScope)
			}
			return
		}
		names := scope.Names()
		if len(names) == 0 || string(scope) != strings.Join(names, " ") {
			t.Errorf("Parse(%q) = %q, want names with one space between", text, scope)
		}
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Errorf("Parse(%q) = %q, want each name once, in order", text, scope)
		}
		if again, err := catalogue.Parse(string(scope)); err != nil || again != scope {
			t.Errorf("Parse(%q) = %q, %v, want it unchanged", scope, again, err)
		}
		for _, name := range names {
			if !catalogue.Grants(scope, name) {
				t.Errorf("%q does not grant %s, which it names", scope, name)
			}
		}
	})
}

func FuzzParseUUID(f *testing.F) {
	f.Add("01234567-89ab-cdef-0123-456789abcdef")
	f.Add("{01234567-89AB-CDEF-0123-456789ABCDEF}")
	f.Add("01234567-89ab-cdef-0123-456789abcd-f")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := pat.ParseUUID(text)
		if err != nil {
			if !id.IsZero() {
				t.Errorf("ParseUUID(%q) = %v besides an error", text, id)
			}
			return
		}
		if want := strings.ToLower(strings.Trim(text, "{}")); id.String() != want {
			t.Errorf("ParseUUID(%q) = %v, want %s", text, id, want)
		}
		if again, err := pat.ParseUUID(id.String()); err != nil || again != id {
			t.Errorf("ParseUUID(%q) = %v, %v, want %v", id, again, err, id)
		}
	})
}

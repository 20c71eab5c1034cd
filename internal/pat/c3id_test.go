package pat

import (
	"encoding/base64"
	"testing"
)

func TestC3ID(t *testing.T) {
	t.Parallel()
	id := correlate("test")
	if got, want := base64.StdEncoding.EncodeToString(id[:]), "rPHgxCVAOw6CZsT9xXEw"; got != want {
		t.Errorf("the identifier of %q = %s, want %s", "test", got, want)
	}
	secret, err := ParseSecret(vector)
	if err != nil {
		t.Fatal(err)
	}
	if C3ID(secret) != correlate(vector) {
		t.Error("C3ID is not that of the secret's characters")
	}
}

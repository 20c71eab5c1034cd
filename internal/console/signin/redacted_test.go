package signin_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/console/signin"
)

func TestNewAttempt(t *testing.T) {
	t.Parallel()
	a, b := signin.NewAttempt(), signin.NewAttempt()
	if a.Nonce == b.Nonce || a.Verifier == b.Verifier || len(a.Nonce) < 26 || len(a.Verifier) < 43 {
		t.Error("attempts are not fresh, want 128 bits of each")
	}
}

func TestSecretsArePrintedNowhere(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	own, err := signin.NewCertificate([]*x509.Certificate{newCertificate(t, key)}, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		value any
		not   string
	}{
		{signin.Credentials{AccessToken: "eyJ-access"}, "access"},
		{signin.Credentials{Renewal: []byte("refresh")}, "refresh"},
		{&signin.Attempt{Verifier: "verifier-of-it"}, "verifier-of"},
		{signin.Config{Secret: "sesame-open"}, "sesame"},
		{own, key.D.String()},
		{struct{ C *signin.Certificate }{own}, key.D.String()},
	} {
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("it", "value", test.value)
		texts := []string{logged.String()}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			texts = append(texts, fmt.Sprintf(verb, test.value))
		}
		for _, text := range texts {
			if strings.Contains(text, test.not) || strings.Contains(text, fmt.Sprint([]byte(test.not))) {
				t.Errorf("a %T shows what it holds: %q", test.value, text)
			}
		}
	}
}

package console

import (
	"net/http"
	"testing"
)

func TestHasOtherName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		public, host string
		want         bool
	}{
		{"http://127.0.0.1:8080", "localhost:8080", true},
		{"http://localhost:5000", "127.0.0.1:5000", true},
		{"http://localhost:5000", "[::1]:5000", true},
		{"http://127.0.0.1:8080", "127.0.0.1:8080", false},
		{"http://127.0.0.1:8080", "localhost:8081", false},
		{"http://127.0.0.1:8080", "attacker.example:8080", false},
		{"https://pats.example.com", "localhost:8080", false},
		{"https://pats.example.com", "pats.example.com", false},
	} {
		v := &visit{Request: &http.Request{Host: test.host}, console: &Console{Config: Config{PublicURL: test.public}}}
		if got := v.hasOtherName(); got != test.want {
			t.Errorf("at %s, whose public URL is %s, hasOtherName = %v, want %v", test.host, test.public, got, test.want)
		}
	}
}

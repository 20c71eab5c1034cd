package identity

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// BenchmarkAuthenticate measures what a request pays before anything else is
// done for it. Most of an accepted token's cost is its signature; what is
// refused before that must cost less.
func BenchmarkAuthenticate(b *testing.B) {
	v := newVerifier(b, config(newProvider(oldKey(), jose.JSONWebKey{Key: p256Key().Public(), KeyID: "p256"}), fixed))
	entra := v2Claims().with(claimSet{"aio": strings.Repeat("x", 200), "rh": strings.Repeat("x", 60), "uti": strings.Repeat("x", 22)})
	benchmarks := []struct {
		name, token string
		accepted    bool
	}{
		{"RS256", good(b, entra), true},
		{"ES256", signed(b, jose.ES256, p256Key(), map[string]any{"kid": "p256"}, entra), true},
		{"groups", good(b, entra.with(claimSet{"groups": strings.Fields(strings.Repeat(aliceID+" ", 200))})), true},
		{"expired", good(b, entra.with(claimSet{"exp": 1})), false},
		{"unknown key", signed(b, jose.RS256, nextRSAKey(), map[string]any{"kid": "next"}, entra), false},
		{"unknown issuer", good(b, entra.with(claimSet{"iss": "https://evil.example"})), false},
		{"PAT", strings.Repeat("a1B2", 21), false},
		{"noise", strings.Repeat("x", maxToken), false},
	}
	for _, benchmark := range benchmarks {
		b.Run(benchmark.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.known.young, v.known.older = nil, nil // so that each is the first request with its token
				if _, err := v.Authenticate(b.Context(), benchmark.token); (err == nil) != benchmark.accepted {
					b.Fatalf("Authenticate = %v, want acceptance %v", err, benchmark.accepted)
				}
			}
		})
	}
}

// BenchmarkAuthenticateKnown is every request with a token but its first.
func BenchmarkAuthenticateKnown(b *testing.B) {
	v := newVerifier(b, config(newProvider(), fixed))
	token := good(b, v2Claims())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Authenticate(b.Context(), token); err != nil {
			b.Fatalf("Authenticate = %v", err)
		}
	}
}

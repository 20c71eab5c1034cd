package pat_test

import (
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// noise is what the internet sends in place of secrets.
func noise() map[string]string {
	return map[string]string{
		"wrong length":   "dapi0123456789abcdef0123456789abcdef",
		"nothing":        "",
		"wrong mark":     strings.Repeat("a", pat.SecretLength),
		"wrong checksum": vector[:80] + "AAAA",
		"no base62":      vector[:10] + "+" + vector[11:],
		"long":           strings.Repeat(vector, 1000),
	}
}

func TestNoiseAllocatesNothing(t *testing.T) { // allocations are counted by process: not parallel
	for name, text := range noise() {
		if got := testing.AllocsPerRun(1000, func() {
			if _, err := pat.ParseSecret(text); err == nil {
				t.Errorf("%s: ParseSecret accepts it", name)
			}
		}); got != 0 {
			t.Errorf("%s: ParseSecret allocates %v times, want none", name, got)
		}
	}
}

func BenchmarkParseNoise(b *testing.B) {
	for name, text := range noise() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := pat.ParseSecret(text); err == nil {
					b.Fatal("ParseSecret accepts noise")
				}
			}
		})
	}
}

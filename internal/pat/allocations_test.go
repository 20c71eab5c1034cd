//go:build !race

// Under the race detector pools forget at random.

package pat_test

import (
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// TestIdentifyAllocatesNothing: neither for what was minted nor for what was
// not.
func TestIdentifyAllocatesNothing(t *testing.T) { // allocations are counted by process: not parallel
	w := newWorld(t)
	_, secret, err := w.Create(t.Context(), w.alice, pat.Creation{DisplayName: "ci", Scope: "vso.code"})
	if err != nil {
		t.Fatal(err)
	}
	presented := noise()
	presented["minted"], presented["invented"] = secret.Reveal(), vector
	for name, text := range presented {
		if got := testing.AllocsPerRun(1000, func() {
			if _, _, ok := w.ring.Identify(text); ok != (name == "minted") {
				t.Errorf("%s: Identify = %v", name, ok)
			}
		}); got != 0 {
			t.Errorf("%s: Identify allocates %v times, want none", name, got)
		}
	}
}

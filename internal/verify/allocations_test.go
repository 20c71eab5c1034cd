//go:build !race

// Under the race detector pools forget at random.

package verify

import (
	"net/http"
	"testing"

	"github.com/patrolhq/patrol/internal/pat"
)

// TestVerifyAllocatesNothing holds it of hits, noise and invented secrets, with
// the clock of a process that is alone.
func TestVerifyAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	w.Service.Now, w.Verifier.Lease = nil, NewAlone()
	_, secret := w.token(t, "vso.code_write", true)
	demand := w.demand(t, w.fabrikam, "vso.code")
	found := new(Found)
	for name, tt := range map[string]struct {
		text string
		want pat.Verdict
	}{"hit": {secret, pat.Good}, "noise": {"noise", pat.Dead}, "invented": {invented(t), pat.Dead}} {
		verify := func() {
			verdict, err := w.Verifier.Verify(t.Context(), tt.text, demand, found)
			if verdict != tt.want || err != nil {
				t.Errorf("%s: Verify = %v, %v, want %v", name, verdict, err, tt.want)
			}
			if verdict == pat.Good {
				w.Verifier.Used(found, Use{Scope: 3, Agent: AgentGit})
			}
		}
		verify()
		if got := testing.AllocsPerRun(1000, verify); got != 0 {
			t.Errorf("%s: Verify allocates %v times, want never", name, got)
		}
	}
}

// TestForwardAuthAllocates: a hit costs two allocations besides what net/http
// needs, one more by Basic.
func TestForwardAuthAllocates(t *testing.T) {
	w := newWorld(t)
	w.Service.Now, w.Verifier.Lease = nil, NewAlone()
	_, secret := w.token(t, "vso.code", false)
	for authorization, want := range map[string]float64{"Bearer " + secret: 2, basic("alice", secret): 3, "Bearer noise": 0} {
		r := request(http.MethodGet, "/verify/contoso/vso.code/x", "", "Authorization", authorization, "User-Agent", "git/2")
		answer := &bare{header: make(http.Header, 16)}
		serve := func() {
			clear(answer.header)
			w.Front.ServeHTTP(answer, r)
		}
		serve()
		if got := testing.AllocsPerRun(1000, serve); got > want {
			t.Errorf("%.10s: %v allocations, want %v", authorization, got, want)
		}
	}
}

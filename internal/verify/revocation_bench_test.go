package verify

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// BenchmarkRevocation revokes tokens at one node and asks two others all the
// time, which have each cached: how long after the call they refuse it, and
// how long the call takes, medians in milliseconds.
func BenchmarkRevocation(b *testing.B) {
	s := newService(b)
	revoker, others := s.start(), []*peer{s.start(), s.start()}
	var refused, answered []time.Duration
	for b.Loop() {
		token, secret, err := revoker.Create(s.Context(), s.caller, pat.Creation{DisplayName: "t", Scope: "vso.code"})
		if err != nil {
			b.Fatalf("Create = %v", err)
		}
		l := &life{token: token, secret: secret.Reveal()}
		for _, p := range others {
			if _, verdict, err := s.ask(p, l); verdict != pat.Good || err != nil {
				b.Fatalf("Verify = %v, %v, want %v", verdict, err, pat.Good)
			}
		}
		began := time.Now()
		times := make([]time.Duration, len(others))
		var work sync.WaitGroup
		for i, p := range others {
			work.Go(func() {
				poll := time.NewTicker(100 * time.Microsecond)
				defer poll.Stop()
				for range poll.C {
					if _, verdict, err := s.ask(p, l); verdict == pat.Dead || err != nil {
						times[i] = time.Since(began)
						return
					}
				}
			})
		}
		if err := revoker.Revoke(s.Context(), s.caller, token.ID); err != nil {
			b.Fatalf("Revoke = %v", err)
		}
		l.stage.Store(ended) // from here on ask fails for who accepts it
		answered = append(answered, time.Since(began))
		work.Wait()
		refused = append(refused, slices.Max(times))
	}
	b.ReportMetric(median(refused), "ms-to-refusal")
	b.ReportMetric(median(answered), "ms-to-answer")
}

// median is in milliseconds.
func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}

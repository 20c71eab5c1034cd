package store

import (
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// BenchmarkCreatePostgres measures durable creates by 32 goroutines.
func BenchmarkCreatePostgres(b *testing.B) {
	db, _ := newPostgres(b)
	owners := make([]pat.UUID, 500)
	for i := range owners {
		owners[i] = pat.RandomUUID()
	}
	b.ResetTimer()
	start := time.Now()
	createSideBySide(b, db, 32, b.N, owners, pat.RandomUUID())
	stats := db.Stats()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "creates/s")
	b.ReportMetric(float64(stats.Changes)/float64(stats.Commits), "creates/commit")
}

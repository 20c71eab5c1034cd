package daemon

import (
	"database/sql"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/patrolhq/patrol/internal/store"
)

// storeCollector reads the store's counts whenever somebody scrapes.
type storeCollector struct{ db *store.DB }

var (
	commitSizes = prometheus.NewDesc("patrol_store_commit_changes",
		"Changes that shared a commit: the count is that of commits, the sum that of changes.", nil, nil)
	failedTransactions = prometheus.NewDesc("patrol_store_failed_transactions_total",
		"Transactions that were not committed, or of which that is not known.", nil, nil)
	connections = prometheus.NewDesc("patrol_store_connections",
		"Open connections to the database.", []string{"pool", "state"}, nil)
	connectionLimit = prometheus.NewDesc("patrol_store_connections_limit",
		"How many connections there may be.", []string{"pool"}, nil)
	connectionWaits = prometheus.NewDesc("patrol_store_connection_waits_total",
		"How often somebody had to wait for a connection.", []string{"pool"}, nil)
	connectionWaited = prometheus.NewDesc("patrol_store_connection_wait_seconds_total",
		"How long all of them waited.", []string{"pool"}, nil)
)

// Describe implements [prometheus.Collector].
func (c storeCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{commitSizes, failedTransactions, connections, connectionLimit, connectionWaits, connectionWaited} {
		descriptions <- d
	}
}

// Collect implements [prometheus.Collector].
func (c storeCollector) Collect(values chan<- prometheus.Metric) {
	s := c.db.Stats()
	sizes, upTo := map[float64]uint64{}, uint64(0)
	for i, n := range s.CommitSizes {
		upTo += uint64(n)
		sizes[float64(uint64(1)<<i)] = upTo
	}
	values <- prometheus.MustNewConstHistogram(commitSizes, upTo, float64(s.Changes), sizes)
	values <- prometheus.MustNewConstMetric(failedTransactions, prometheus.CounterValue, float64(s.Failures))
	collectPool(values, "readers", s.Readers)
	collectPool(values, "writers", s.Writers)
}

func collectPool(values chan<- prometheus.Metric, pool string, s sql.DBStats) {
	values <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(s.InUse), pool, "in_use")
	values <- prometheus.MustNewConstMetric(connections, prometheus.GaugeValue, float64(s.Idle), pool, "idle")
	values <- prometheus.MustNewConstMetric(connectionLimit, prometheus.GaugeValue, float64(s.MaxOpenConnections), pool)
	values <- prometheus.MustNewConstMetric(connectionWaits, prometheus.CounterValue, float64(s.WaitCount), pool)
	values <- prometheus.MustNewConstMetric(connectionWaited, prometheus.CounterValue, s.WaitDuration.Seconds(), pool)
}

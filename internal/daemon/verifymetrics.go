package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/patrolhq/patrol/internal/verify"
)

// verifyCollector reads the counts of verification whenever somebody scrapes:
// they are kept without the library, which the hot path could not afford.
type verifyCollector struct{ front *verify.Front }

var (
	verifications = prometheus.NewDesc("patrol_verify_requests_total",
		"Requests that asked about a token, by their outcome.", []string{"endpoint", "outcome"}, nil)
	verifyDuration = prometheus.NewDesc("patrol_verify_duration_seconds",
		"How long their answers took.", []string{"endpoint"}, nil)
	cacheLookups = prometheus.NewDesc("patrol_verify_cache_lookups_total",
		"Tokens that were looked for in the cache. Each miss asks the database.", []string{"result"}, nil)
	cacheEvictions = prometheus.NewDesc("patrol_verify_cache_evictions_total",
		"Tokens that left the cache to make room for others.", nil, nil)
	cachedTokens = prometheus.NewDesc("patrol_verify_cache_tokens",
		"Tokens in the cache.", nil, nil)
	cacheLimit = prometheus.NewDesc("patrol_verify_cache_limit_bytes",
		"Memory that the cache may take.", nil, nil)
	unsealedTokens = prometheus.NewDesc("patrol_verify_unsealed_total",
		"Refusals of tokens whose seal is broken: somebody wrote to the database.", nil, nil)
	lostUses = prometheus.NewDesc("patrol_verify_lost_uses_total",
		"Uses of tokens that could not be recorded.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c verifyCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		verifications, verifyDuration, cacheLookups, cacheEvictions, cachedTokens, cacheLimit, unsealedTokens, lostUses,
	} {
		descriptions <- d
	}
}

// Collect implements [prometheus.Collector].
func (c verifyCollector) Collect(values chan<- prometheus.Metric) {
	s := c.front.Stats()
	collectEndpoint(values, "forward_auth", s.ForwardAuth)
	collectEndpoint(values, "introspection", s.Introspection)
	values <- prometheus.MustNewConstMetric(cacheLookups, prometheus.CounterValue, float64(s.Hits), "hit")
	values <- prometheus.MustNewConstMetric(cacheLookups, prometheus.CounterValue, float64(s.Misses), "miss")
	values <- prometheus.MustNewConstMetric(cacheEvictions, prometheus.CounterValue, float64(s.Evictions))
	values <- prometheus.MustNewConstMetric(cachedTokens, prometheus.GaugeValue, float64(s.Rows))
	values <- prometheus.MustNewConstMetric(cacheLimit, prometheus.GaugeValue, float64(s.Size))
	values <- prometheus.MustNewConstMetric(unsealedTokens, prometheus.CounterValue, float64(s.Unsealed))
	values <- prometheus.MustNewConstMetric(lostUses, prometheus.CounterValue, float64(s.LostUses))
}

func collectEndpoint(values chan<- prometheus.Metric, endpoint string, s verify.EndpointStats) {
	for outcome, n := range s.Outcomes {
		values <- prometheus.MustNewConstMetric(verifications, prometheus.CounterValue, float64(n), endpoint, verify.Outcome(outcome).String())
	}
	buckets, upTo := map[float64]uint64{}, uint64(0)
	for i, bound := range verify.LatencyBounds {
		upTo += uint64(s.Latency.Buckets[i])
		buckets[bound.Seconds()] = upTo
	}
	upTo += uint64(s.Latency.Buckets[len(verify.LatencyBounds)])
	values <- prometheus.MustNewConstHistogram(verifyDuration, upTo, s.Latency.Sum.Seconds(), buckets, endpoint)
}

// leaseCollector tells how the lease of one of many nodes stands.
type leaseCollector struct{ node *verify.Node }

var (
	leaseHeld = prometheus.NewDesc("patrol_lease_held",
		"1 where the node has a lease, 0 where it accepts no token.", nil, nil)
	leaseAge = prometheus.NewDesc("patrol_lease_age_seconds",
		"How long ago the lease was renewed.", nil, nil)
	leasesTaken = prometheus.NewDesc("patrol_lease_taken_total",
		"How often the node took a lease after it had none.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c leaseCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{leaseHeld, leaseAge, leasesTaken} {
		descriptions <- d
	}
}

// Collect implements [prometheus.Collector]. There is no age without a lease.
func (c leaseCollector) Collect(values chan<- prometheus.Metric) {
	s := c.node.Stats()
	held := 0.0
	if s.Held {
		held = 1
		values <- prometheus.MustNewConstMetric(leaseAge, prometheus.GaugeValue, s.Age.Seconds())
	}
	values <- prometheus.MustNewConstMetric(leaseHeld, prometheus.GaugeValue, held)
	values <- prometheus.MustNewConstMetric(leasesTaken, prometheus.CounterValue, float64(s.Epochs))
}

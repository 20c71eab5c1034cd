package patroltest_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// BenchmarkMillionHTTP fills a service with a million tokens, 100,000 of them
// alice's and 200 bob's, and measures over HTTP what either waits for, taking
// turns. Figures are medians, and alice's as a multiple of bob's.
func BenchmarkMillionHTTP(b *testing.B) {
	const total, large, small = 1_000_000, 100_000, 200
	data := filepath.Join(b.TempDir(), "data")
	s, stop := startBench(b, data)
	for name, n := range map[string]int{"carol": total - large - small, "alice": large, "bob": small} {
		clients := make([]*connection, connections)
		for i := range clients {
			clients[i] = dial(b, s)
		}
		spread(b, clients, n, createRequest(b, s, name))
		for _, c := range clients {
			c.conn.Close()
		}
	}
	stop()
	b.Run("Ready", func(b *testing.B) {
		for b.Loop() {
			s, stop := startBench(b, data)
			resp, err := s.HTTP.Get(s.API + "/readyz")
			if err != nil || resp.StatusCode != http.StatusOK {
				b.Fatalf("readyz = %v, %v", resp, err)
			}
			resp.Body.Close()
			b.StopTimer()
			stop()
			b.StartTimer()
		}
	})
	s, stop = startBench(b, data)
	defer stop()
	alice, bob := person{s, b, "alice"}.sign(), person{s, b, "bob"}.sign()
	many, few := ids(b, alice), ids(b, bob)
	compare(b, "List", 100, func(c *client.Client, _ int) error {
		page, err := c.Page(b.Context(), client.ListOptions{PageSize: 100}, "")
		if err == nil && len(page.PatTokens) != 100 {
			err = fmt.Errorf("a page of %d", len(page.PatTokens))
		}
		return err
	}, alice, bob)
	compare(b, "Get", 180, func(c *client.Client, i int) error {
		_, err := c.Get(b.Context(), pick(c == alice, many, few, i))
		return err
	}, alice, bob)
	compare(b, "Revoke", 180, func(c *client.Client, i int) error {
		return c.Revoke(b.Context(), pick(c == alice, many, few, i))
	}, alice, bob)
}

// startBench starts a service that the caller stops.
func startBench(b *testing.B, data string) (s *patroltest.Server, stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dev, err := daemon.StartDev(ctx, daemon.DevOptions{Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", Data: data})
	if err != nil {
		cancel()
		b.Fatal(err)
	}
	s = patroltest.Attach(b, dev)
	return s, func() {
		s.HTTP.CloseIdleConnections()
		cancel()
		if err := dev.Wait(ctx); err != nil {
			b.Error(err)
		}
	}
}

type person struct {
	s    *patroltest.Server
	b    *testing.B
	name string
}

// sign is a client signed in as that person.
func (p person) sign() *client.Client {
	token := p.s.Token(p.b, p.name)
	return &client.Client{
		BaseURL: p.s.API, Organization: "contoso", HTTP: p.s.HTTP,
		Token: func(context.Context) (string, error) { return token, nil },
	}
}

func ids(b *testing.B, c *client.Client) (all []string) {
	b.Helper()
	for token, err := range c.List(b.Context(), client.ListOptions{Filter: api.FilterActive, PageSize: 100}) {
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, token.AuthorizationID)
	}
	return all
}

// pick is the i-th id in an order that jumps about.
func pick(large bool, many, few []string, i int) string {
	if large {
		return many[i*7919%len(many)]
	}
	return few[i%len(few)]
}

// compare has both clients operate n times by turns, once however often the
// benchmark is run, and reports under name.
func compare(b *testing.B, name string, n int, operate func(*client.Client, int) error, many, few *client.Client) {
	b.Helper()
	times := map[*client.Client][]time.Duration{}
	for i := range n {
		for _, c := range []*client.Client{many, few} {
			started := time.Now()
			if err := operate(c, i); err != nil {
				b.Fatal(err)
			}
			times[c] = append(times[c], time.Since(started))
		}
	}
	median := func(c *client.Client) float64 {
		slices.Sort(times[c])
		return float64(times[c][n/2].Microseconds())
	}
	b.Run(name, func(b *testing.B) {
		b.ReportMetric(median(many), "µs/many")
		b.ReportMetric(median(few), "µs/few")
		b.ReportMetric(median(many)/median(few), "ratio")
		b.ReportMetric(0, "ns/op")
	})
}

package patroltest_test

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// BenchmarkCreateHTTP creates tokens over HTTP on 32 connections, each create
// durable before its answer. The client shares the cores with the service.
func BenchmarkCreateHTTP(b *testing.B) {
	s := patroltest.Start(b, patroltest.Options{})
	authorization := "Bearer " + s.Token(b, "alice")
	url := s.Pats("contoso") + "?api-version=7.1-preview.1"
	body := []byte(`{"displayName":"benchmark","scope":"vso.code","allOrgs":false}`)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var work sync.WaitGroup
	for range 32 {
		work.Go(func() {
			for left.Add(-1) >= 0 {
				req, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
				req.Header.Set("Authorization", authorization)
				req.Header.Set("Content-Type", "application/json")
				resp, err := s.HTTP.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					b.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	work.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
}

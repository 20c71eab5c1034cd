package patroltest_test

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// tokensOfOne is how many tokens the person has whose pages are measured.
const tokensOfOne = 10_000

// pageLog reads of what the service logs how long pages took it, and how often
// the API was called.
type pageLog struct {
	mu    sync.Mutex
	took  []float64 // milliseconds
	calls int
}

var tookTime = regexp.MustCompile(`duration_ms=([0-9.]+)`)

func (l *pageLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case bytes.Contains(line, []byte(" msg=request ")):
		l.calls++
	case bytes.Contains(line, []byte(" msg=page ")):
		if match := tookTime.FindSubmatch(line); match != nil {
			took, err := strconv.ParseFloat(string(match[1]), 64)
			if err != nil {
				return 0, err
			}
			l.took = append(l.took, took)
		}
	}
	return len(line), nil
}

// reset forgets what was logged so far.
func (l *pageLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took, l.calls = nil, 0
}

// quantile is the value below which that share of values lies.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// startConsole starts a service where alice has ten thousand tokens.
func startConsole(b *testing.B, log io.Writer) *patroltest.Server {
	b.Helper()
	s := patroltest.Start(b, patroltest.Options{Log: log})
	clients := make([]*connection, connections)
	for i := range clients {
		clients[i] = dial(b, s)
		defer clients[i].conn.Close()
	}
	spread(b, clients, tokensOfOne, createRequest(b, s, "alice"))
	return s
}

// signedIn is a browser, without the looks, where a user is signed in.
func signedIn(b *testing.B, s *patroltest.Server, name string) *http.Client {
	b.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	b.Cleanup(browser.CloseIdleConnections)
	address, page := look(b, browser, s.Console+"sign-in")
	action := find(b, page, `<form method="post" action="([^"]*)" class="people"`)
	target, err := address.Parse(html.UnescapeString(action))
	if err != nil {
		b.Fatal(err)
	}
	for _, user := range s.Users {
		if user.Username != name+"@contoso.example" {
			continue
		}
		form := url.Values{"ctx": {html.UnescapeString(find(b, page, `name="ctx" value="([^"]*)"`))}, "pick": {user.ObjectID}}
		resp, err := browser.PostForm(target.String(), form)
		if err != nil {
			b.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.HasSuffix(resp.Request.URL.Path, "/tokens") {
			b.Fatalf("signing in as %s ended with status %d at %s", name, resp.StatusCode, resp.Request.URL.Path)
		}
	}
	return browser
}

func look(b *testing.B, browser *http.Client, address string) (*url.URL, string) {
	b.Helper()
	resp, err := browser.Get(address)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("status %d, %v", resp.StatusCode, err)
	}
	return resp.Request.URL, string(page)
}

// find is the group of a pattern that must be in a page.
func find(b *testing.B, page, pattern string) string {
	b.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(page)
	if match == nil {
		b.Fatalf("the page has no %s", pattern)
	}
	return match[1]
}

// firstByte loads a page as a browser does, and returns how many milliseconds
// its first byte and its last took.
func firstByte(browser *http.Client, address string) (first, last float64, err error) {
	var started time.Time
	request, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	request.Header.Set("Accept-Encoding", "gzip")
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GotFirstResponseByte: func() { first = float64(time.Since(started).Microseconds()) / 1000 },
	}))
	started = time.Now()
	resp, err := browser.Do(request)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("answered %s", resp.Status)
	}
	return first, float64(time.Since(started).Microseconds()) / 1000, nil
}

// BenchmarkTokensPage loads pages of the tokens of a user who has ten thousand,
// and reports the time that they took the server, the time to the first byte
// over HTTP, and the calls of the API. To meet: a median of 10 ms at the
// server, 30 ms to the first byte, two calls a page; a search is one call for
// each hundred tokens besides.
func BenchmarkTokensPage(b *testing.B) {
	log := &pageLog{}
	s := startConsole(b, log)
	browser := signedIn(b, s, "alice")
	list := s.Console + "contoso/tokens"
	deep := list
	for range 50 {
		_, page := look(b, browser, deep)
		deep = strings.TrimSuffix(s.Console, "/") + html.UnescapeString(find(b, page, `href="([^"]*)" rel="next"`))
	}
	for _, page := range []struct{ name, address string }{
		{"first", list}, {"by name", list + "?sort=name"}, {"fiftieth", deep}, {"search", list + "?q=nothing+like+that"},
	} {
		b.Run(page.name, func(b *testing.B) {
			for range 10 { // warm up: statements, buffers
				if _, _, err := firstByte(browser, page.address); err != nil {
					b.Fatal(err)
				}
			}
			log.reset()
			var firsts []float64
			for b.Loop() {
				first, _, err := firstByte(browser, page.address)
				if err != nil {
					b.Fatal(err)
				}
				firsts = append(firsts, first)
			}
			b.ReportMetric(quantile(log.took, .5), "median-ms")
			b.ReportMetric(quantile(log.took, .99), "p99-ms")
			b.ReportMetric(quantile(firsts, .5), "median-first-byte-ms")
			b.ReportMetric(float64(log.calls)/float64(len(log.took)), "calls/page")
		})
	}
}

// BenchmarkConsoleConcurrent has sixteen people use the console at once, each
// in a session of their own, six of them with ten thousand tokens. To meet: no
// error, and a 99th percentile of 150 ms, with the client on the same cores.
func BenchmarkConsoleConcurrent(b *testing.B) {
	const people = 16
	s := startConsole(b, io.Discard)
	pages := []string{"contoso/tokens", "contoso/tokens?tab=all&sort=name", "fabrikam/tokens?tab=revoked", "contoso/tokens?sort=status", "contoso/tokens/new"}
	var all [people]struct {
		browser *http.Client
		took    []float64
	}
	for i := range all {
		all[i].browser = signedIn(b, s, []string{"alice", "bob", "carol"}[i%3])
	}
	b.ResetTimer()
	var left, failed atomic.Int64
	left.Store(int64(b.N))
	var done sync.WaitGroup
	for i := range all {
		done.Go(func() {
			for n := i; left.Add(-1) >= 0; n++ {
				_, took, err := firstByte(all[i].browser, s.Console+pages[n%len(pages)])
				if err != nil {
					failed.Add(1)
					b.Error(err)
					return
				}
				all[i].took = append(all[i].took, took)
			}
		})
	}
	done.Wait()
	b.StopTimer()
	var took []float64
	for i := range all {
		took = append(took, all[i].took...)
	}
	b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "pages/s")
	b.ReportMetric(quantile(took, .5), "median-ms")
	b.ReportMetric(quantile(took, .99), "p99-ms")
	b.ReportMetric(float64(failed.Load()), "errors")
}

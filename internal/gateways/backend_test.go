package gateways_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// backend is the service behind a gateway. It remembers what reached it.
type backend struct {
	*httptest.Server
	mu      sync.Mutex
	reached []arrival
}

// arrival is a request that reached the service.
type arrival struct {
	method, uri, body string
	header            http.Header
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	b := new(backend)
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reached = append(b.reached, arrival{r.Method, r.RequestURI, string(body), r.Header})
	_, _ = io.WriteString(w, "served")
}

// take returns what has arrived since it was last called.
func (b *backend) take() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	reached := b.reached
	b.reached = nil
	return reached
}

// identity is what a request says of its caller: every header whose name could
// be taken for one of Patrol's.
func (a arrival) identity() map[string][]string {
	said := map[string][]string{}
	for name, values := range a.header {
		if strings.Contains(strings.ToLower(name), "patrol") {
			said[name] = values
		}
	}
	return said
}

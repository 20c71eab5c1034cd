package gateways_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// watcher stands between a gateway and Patrol, hands everything on as it is,
// and notes what Patrol is asked, and for whom.
type watcher struct {
	question
	mu    sync.Mutex
	asked []string
}

// watch starts a watcher before Patrol.
func watch(t testing.TB, patrol question) *watcher {
	t.Helper()
	w := new(watcher)
	transport := &http.Transport{TLSClientConfig: trusting(t, patrol), DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	w.question = standIn(t, func(rw http.ResponseWriter, r *http.Request) {
		w.note(r.RequestURI + " for " + strings.Join(r.Header["X-Forwarded-For"], ", "))
		on := r.Clone(r.Context())
		on.RequestURI, on.URL = "", &url.URL{Scheme: "https", Host: patrol.address, Opaque: "//" + patrol.address + r.RequestURI}
		answer, err := transport.RoundTrip(on)
		if err != nil {
			t.Errorf("asking Patrol: %v", err)
			return
		}
		defer answer.Body.Close()
		for name, values := range answer.Header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(rw, answer.Body)
	})
	return w
}

func (w *watcher) note(asked string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, asked)
}

// take returns what was asked since it was last called.
func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

// standIn serves handler in the place of Patrol.
func standIn(t testing.TB, handler http.HandlerFunc) question {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are tried on purpose
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := filepath.Join(t.TempDir(), "authority.pem")
	writePEM(t, authority, "CERTIFICATE", server.Certificate().Raw)
	return question{address: server.Listener.Addr().String(), name: "example.com", authority: authority}
}

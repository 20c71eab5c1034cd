package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// TestAgainstSockets covers what only a real connection shows.
func TestAgainstSockets(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s followed a redirect", r.Method, r.URL)
	}))
	t.Cleanup(elsewhere.Close)
	entered := make(chan struct{}, 1)
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Query().Get("authorizationId") {
		case "302":
			http.Redirect(w, r, elsewhere.URL+"/_signin?realm=x", http.StatusFound)
		case "307":
			http.Redirect(w, r, elsewhere.URL+"/moved", http.StatusTemporaryRedirect)
		case "cut":
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"patToken":`))
		case "huge":
			w.Write(bytes.Repeat([]byte(" "), 5<<20))
		case "slow":
			w.Write([]byte(`{"patToken":`))
			w.(http.Flusher).Flush()
			entered <- struct{}{}
			<-released
		default: // a creation, cut behind the secret
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(`{"patToken":{"authorizationId":"` + tokenID + `","token":"` + secret + `"`))
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(release)
	c := newClient(nil)
	c.BaseURL = server.URL

	for id, want := range map[string]client.Kind{
		"302": client.KindAuthentication, "307": client.KindProtocol, "cut": client.KindTransport, "huge": client.KindProtocol,
	} {
		if _, err := c.Get(t.Context(), id); client.KindOf(err) != want {
			t.Errorf("Get(%s) = %v of kind %s, want kind %s", id, err, client.KindOf(err), want)
		}
		if err := c.Revoke(t.Context(), id); client.KindOf(err) != want {
			t.Errorf("Revoke(%s) = %v of kind %s, want kind %s", id, err, client.KindOf(err), want)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-entered
		cancel()
	}()
	c.Attempts = 4
	if _, err := c.Get(ctx, "slow"); client.KindOf(err) != client.KindTransport || !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want kind transport and context.Canceled", err)
	}

	release()

	want := api.PatToken{AuthorizationID: tokenID, Token: new(secret)}
	got, err := c.Create(t.Context(), api.PatTokenCreateRequest{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Create = %v (-want +got):\n%s", err, diff)
	}

	server.Close()
	_, err = c.Create(t.Context(), api.PatTokenCreateRequest{})
	if e := asError(t, err); e.Kind != client.KindTransport || e.Uncertain {
		t.Errorf("Create without a server = %v, want kind transport, certain", e)
	}
}

// TestTransportRepeatsNoCreation: net/http sends some requests again by itself
// when a connection that it reused breaks. A creation is not among them.
func TestTransportRepeatsNoCreation(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		var creations atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if r.Method == http.MethodPost {
				creations.Add(1)
				panic(http.ErrAbortHandler) // breaks the connection
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		server.EnableHTTP2 = http2
		server.StartTLS()
		t.Cleanup(server.Close)
		c := newClient(nil)
		c.BaseURL, c.HTTP, c.Attempts = server.URL, server.Client(), 4
		if err := c.Revoke(t.Context(), tokenID); err != nil {
			t.Fatal(err)
		}
		_, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "nightly"})
		if e := asError(t, err); e.Kind != client.KindTransport || !e.Uncertain {
			t.Errorf("Create = %v, want kind transport, uncertain", e)
		}
		if n := creations.Load(); n != 1 {
			t.Errorf("HTTP/2 %t: the service got %d creations, want 1", http2, n)
		}
	}
}

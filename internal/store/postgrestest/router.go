package postgrestest

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Router leads connections to a cluster, and can lead those that come later to
// another: those that there are stay where they are, as they do behind a proxy
// when a database fails over.
type Router struct {
	listener net.Listener
	url      *url.URL
	mu       sync.Mutex
	target   string
	open     map[net.Conn]struct{}
	work     sync.WaitGroup
}

// NewRouter leads to c until the test ends.
func NewRouter(t testing.TB, c *Cluster) *Router {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Router{listener: listener, open: map[net.Conn]struct{}{}}
	r.Lead(c)
	if r.url, err = url.Parse(c.URL("postgres")); err != nil {
		t.Fatal(err)
	}
	r.url.Host = listener.Addr().String()
	r.work.Go(r.accept)
	t.Cleanup(func() {
		listener.Close()
		r.Cut()
		r.work.Wait()
	})
	return r
}

// URL is that of a database of the cluster where the router leads.
func (r *Router) URL(database string) string {
	u := *r.url
	u.Path = "/" + database
	return u.String()
}

// Lead leads connections that come later to c.
func (r *Router) Lead(c *Cluster) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = c.Address()
}

// Cut closes all connections.
func (r *Router) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		conn.Close()
	}
	clear(r.open)
}

func (r *Router) accept() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return // it is closed
		}
		r.work.Go(func() { r.serve(conn) })
	}
}

// serve carries both ways until either end closes.
func (r *Router) serve(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	target := r.target
	r.open[conn] = struct{}{}
	r.mu.Unlock()
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn) // as far as it goes
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

//go:build linux

package faults

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a node and its database, and can be a bad network.
type proxy struct {
	listener net.Listener
	work     sync.WaitGroup

	mu sync.Mutex
	// targets are where new connections lead, by turns.
	targets []string
	// delay is how long each question to the database takes.
	delay time.Duration
	// open is closed while bytes pass.
	open chan struct{}
	// refuses new connections.
	refuses bool
	closed  chan struct{}
	conns   map[net.Conn]struct{}
}

// newProxy starts a proxy for target, which ends with the test.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		listener: listener, targets: []string{target}, open: make(chan struct{}), closed: make(chan struct{}), conns: map[net.Conn]struct{}{},
	}
	close(p.open)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		close(p.closed)
		p.drop()
		p.work.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(conn) {
			conn.Close()
			continue
		}
		p.work.Go(func() { p.connect(conn) })
	}
}

// keep remembers conn, unless connections are refused.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuses {
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *proxy) forget(conn net.Conn) {
	conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, conn)
}

// connect takes conn to the server whose turn it is once bytes pass.
func (p *proxy) connect(conn net.Conn) {
	defer p.forget(conn)
	if _, passes := p.pass(); !passes {
		return
	}
	server, err := net.Dial("tcp", p.next())
	if err != nil || !p.keep(server) {
		return
	}
	defer p.forget(server)
	var back sync.WaitGroup
	back.Go(func() {
		p.copy(conn, server, false)
		conn.Close()
	})
	p.copy(server, conn, true)
	server.Close()
	back.Wait()
}

// next is the target whose turn it is.
func (p *proxy) next() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.targets[0]
	p.targets = append(p.targets[1:], first)
	return first
}

// copy forwards bytes. What was sent while none passed arrives late, as after a
// partition of the network.
func (p *proxy) copy(to, from net.Conn, delayed bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		delay, passes := p.pass()
		if delayed && delay > 0 && isQuestion(buffer[0]) {
			time.Sleep(delay) // this is what the fault is
			_, passes = p.pass()
		}
		if !passes {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// isQuestion reports whether a message of PostgreSQL's protocol that begins so
// asks for something, rather than sets up the connection. All but that have
// types in capital letters.
func isQuestion(first byte) bool { return first >= 'A' && first <= 'Z' }

// pass waits until bytes pass, or never will again.
func (p *proxy) pass() (delay time.Duration, passes bool) {
	for {
		p.mu.Lock()
		open := p.open
		p.mu.Unlock()
		select {
		case <-open:
			p.mu.Lock()
			defer p.mu.Unlock()
			return p.delay, true
		case <-p.closed:
			return 0, false
		}
	}
}

// drop closes all connections.
func (p *proxy) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		conn.Close()
	}
}

// cut closes all connections and takes no new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	p.refuses = true
	p.mu.Unlock()
	p.drop()
}

// silence keeps all connections, and takes new ones, and lets nothing pass.
func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = make(chan struct{})
}

// heal ends cut and silence.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = false
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// slow has each question to the database take that long.
func (p *proxy) slow(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = delay
}

// point has new connections lead elsewhere, by turns where there are several
// targets. Those that there are stay.
func (p *proxy) point(targets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
}

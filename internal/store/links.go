package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// links are the network connections to a database server, so that all can be
// cut at once.
type links struct {
	mu   sync.Mutex
	open map[*link]struct{}
	// cuts counts how often all were cut.
	cuts int
}

// link is one of them.
type link struct {
	net.Conn
	of *links
}

var errCut = errors.New("the connections to the database were cut")

// dial connects. A connection that was begun before a cut does not outlive it.
func (l *links) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	cuts := l.cuts
	l.mu.Unlock()
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cuts != cuts {
		conn.Close()
		return nil, errCut
	}
	opened := &link{conn, l}
	l.open[opened] = struct{}{}
	return opened, nil
}

// cut closes every connection, whoever uses it.
func (l *links) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cuts++
	for opened := range l.open {
		opened.Conn.Close()
	}
	clear(l.open)
}

// Close closes the connection.
func (l *link) Close() error {
	l.of.mu.Lock()
	delete(l.of.open, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

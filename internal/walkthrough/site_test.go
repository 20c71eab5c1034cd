package walkthrough_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// site is a patrold with its console. What it logs as an error fails the test.
type site struct {
	*patroltest.Server
	log *errorLog
}

// start starts a patrold that ends with the test.
func start(t testing.TB, o patroltest.Options) *site {
	t.Helper()
	log := &errorLog{}
	o.Log = log
	t.Cleanup(func() {
		for _, line := range log.take() {
			t.Errorf("patrold logged an error: %s", line)
		}
	})
	return &site{patroltest.Start(t, o), log}
}

// errorLog keeps the errors among lines of a log.
type errorLog struct {
	mu     sync.Mutex
	errors []string
}

func (l *errorLog) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("level=ERROR")) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.errors = append(l.errors, strings.TrimSpace(string(line)))
	}
	return len(line), nil
}

// take returns the errors so far, and forgets them.
func (l *errorLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	errors := l.errors
	l.errors = nil
	return errors
}

package store

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPace shows for whom a transaction waits, and for how long.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pace{timer: time.NewTimer(0)}
		p.end(3, time.Millisecond)
		if p.callers != 3 {
			t.Errorf("callers = %d, want those of the last transaction and behind it", p.callers)
		}
		started := time.Now()
		p.begin()
		<-p.late()
		if waited := time.Since(started); waited != time.Millisecond {
			t.Errorf("waited for %v, want as long as the last commit took", waited)
		}
		p.end(2, time.Minute)
		started = time.Now()
		p.begin()
		late := p.late()
		time.Sleep(maxPatience / 2)
		if p.late() != late {
			t.Error("a second wait starts the clock again")
		}
		<-p.late()
		if waited := time.Since(started); waited != maxPatience {
			t.Errorf("waited for %v, want %v at most however long a commit took", waited, maxPatience)
		}
	})
}

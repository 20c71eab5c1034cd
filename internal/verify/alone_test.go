package verify

import (
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/pat"
)

// clocks are those of a machine, which tests set.
type clocks struct {
	wall    int64
	elapsed time.Duration
}

func (c *clocks) read() (int64, time.Duration) { return c.wall, c.elapsed }

func (c *clocks) pass(d time.Duration) {
	c.wall += d.Microseconds()
	c.elapsed += d
}

// TestAloneNeverGoesBack steps the wall clock both ways and suspends the
// machine: time goes on, and no token that had expired comes back.
func TestAloneNeverGoesBack(t *testing.T) {
	t.Parallel()
	start := noon.UnixMicro()
	minute := time.Minute.Microseconds()
	tests := map[string]struct {
		happen func(*clocks)
		want   int64
	}{
		"nothing":                  {func(*clocks) {}, 0},
		"a minute":                 {func(c *clocks) { c.pass(time.Minute) }, minute},
		"set back":                 {func(c *clocks) { c.wall -= minute }, 0},
		"set back, then a minute":  {func(c *clocks) { c.wall -= minute; c.pass(time.Minute) }, minute},
		"set forward":              {func(c *clocks) { c.wall += minute }, minute},
		"suspended, clock stopped": {func(c *clocks) { c.wall += 60 * minute }, 60 * minute},
		"suspended, clock lost":    {func(c *clocks) { c.wall -= 60 * minute; c.elapsed += time.Hour }, 60 * minute},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clocks{wall: start, elapsed: time.Hour}
			a := newAlone(c.read)
			w := newWorld(t)
			w.Verifier.Lease = a
			token, secret := w.token(t, "vso.code", false)
			tt.happen(c)
			now, epoch, ok := a.Now()
			if held, err := a.Hold(t.Context()); !ok || err != nil || held != epoch || now != start+tt.want {
				t.Errorf("Now = %d, %d, %v, want %d µs later, and the epoch of Hold, %d, %v", now-start, epoch, ok, tt.want, held, err)
			}
			// Whatever happens next, an expired token stays so.
			c.wall = token.ValidTo.UnixMicro()
			if got := w.verify(t, secret, w.demand(t, w.contoso)); got != pat.Dead {
				t.Errorf("Verify at the end = %v, want dead", got)
			}
			c.wall -= 60 * minute
			c.elapsed += time.Second
			if got := w.verify(t, secret, w.demand(t, w.contoso)); got != pat.Dead {
				t.Errorf("Verify after the clock was set back = %v, want dead", got)
			}
		})
	}
}

// TestNewAlone goes by the clock of the machine.
func TestNewAlone(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMicro()
	a := NewAlone()
	first, _, _ := a.Now()
	second, _, ok := a.Now()
	if after := time.Now().UnixMicro(); !ok || first < before || second < first || second > after {
		t.Errorf("Now = %d, then %d, want within %d and %d", first, second, before, after)
	}
}

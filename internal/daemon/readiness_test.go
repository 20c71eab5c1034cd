package daemon

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks for readiness costs the database next to nothing, and fills no
// log.
func TestReadinessIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		probes, broken := 0, errors.New("no database")
		failing := true
		var logged bytes.Buffer
		r := &readiness{log: slog.New(slog.NewTextHandler(&logged, nil)), probe: func(context.Context) error {
			probes++
			time.Sleep(time.Second)
			if failing {
				return broken
			}
			return nil
		}}
		ask := func(n int, want error) {
			t.Helper()
			var asking sync.WaitGroup
			for range n {
				asking.Go(func() {
					if got := r.ask(t.Context()); !errors.Is(got, want) {
						t.Errorf("ask = %v, want %v", got, want)
					}
				})
			}
			asking.Wait()
		}
		ask(100, broken)
		ask(100, broken)
		if probes != 1 {
			t.Errorf("%d probes for those who came close together, want one", probes)
		}
		time.Sleep(time.Second)
		ask(10, broken)
		failing = false
		time.Sleep(time.Second)
		ask(10, nil)
		synctest.Wait()
		if probes != 3 {
			t.Errorf("%d probes, want one each time that the last was no longer fresh", probes)
		}
		if got := logged.String(); strings.Count(got, "not ready") != 1 || strings.Count(got, "ready again") != 1 {
			t.Errorf("the log has\n%s\nwant one line for each change", got)
		}
	})
}

func TestReadinessWaitsNoLongerThanItsAsker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &readiness{log: slog.New(slog.DiscardHandler), probe: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := r.ask(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("ask = %v after %v, want it to end with its asker", err, time.Since(began))
		}
		if err := r.ask(t.Context()); err == nil || time.Since(began) != readinessTimeout {
			t.Errorf("ask = %v after %v, want the probe to end", err, time.Since(began))
		}
	})
}

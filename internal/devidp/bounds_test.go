package devidp

import (
	"strconv"
	"testing"
	"time"
)

// TestLedgerIsBounded holds that a full ledger forgets the oldest and says so.
func TestLedgerIsBounded(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	l := newLedger(start)
	for i := range ledgerSize + 10 {
		if _, again := l.use(strconv.Itoa(i), start.Add(time.Duration(i+1))); again {
			t.Fatalf("use(%d) = used, want unused", i)
		}
	}
	if len(l.at) != ledgerSize || len(l.order) != ledgerSize {
		t.Errorf("the ledger has %d and %d entries, want %d", len(l.at), len(l.order), ledgerSize)
	}
	if l.covers(start.Add(10)) || !l.covers(start.Add(11)) {
		t.Error("covers does not tell what was forgotten")
	}
	if at, again := l.use("10", start); !again || !at.Equal(start.Add(11)) {
		t.Errorf("use(10) = %v, %v, want used at its first time", at, again)
	}
}

func TestDeviceGrantsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	ds := newDeviceGrants()
	first := ds.add(deviceGrant{ID: "first", Expires: now.Add(time.Second)})
	for i := range devicesWaiting {
		ds.add(deviceGrant{ID: strconv.Itoa(i), Expires: now.Add(time.Minute)})
	}
	if len(ds.byCode) != devicesWaiting {
		t.Errorf("%d sign-ins are remembered, want %d", len(ds.byCode), devicesWaiting)
	}
	if _, err := ds.find(first.UserCode, now); err == nil {
		t.Error("find of the oldest = a sign-in, want it forgotten")
	}
}

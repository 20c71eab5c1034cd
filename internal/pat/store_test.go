package pat

import (
	"strings"
	"testing"
)

func TestFilterStates(t *testing.T) {
	t.Parallel()
	want := map[Filter]string{FilterActive: "active", FilterExpired: "expired", FilterRevoked: "revoked", FilterAll: "active expired revoked"}
	for filter, want := range want {
		var names []string
		for _, state := range filter.States() {
			names = append(names, state.String())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("States of %d = %s, want %s", filter, got, want)
		}
	}
}

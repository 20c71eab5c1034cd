package console

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

var row = regexp.MustCompile(`(?s)<tr id="t-.*?<bdi>(.*?)</bdi>.*?<span class="badge[^"]*">([^<]*)</span></td>\s*</tr>`)

// statuses are the names of the tokens on a page, each with its status.
func statuses(body string) (all []string) {
	for _, match := range row.FindAllStringSubmatch(body, -1) {
		all = append(all, match[1]+": "+match[2])
	}
	return all
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		silent      bool
		calls       int64
		want        []string
	}{
		{"told", "tab=all", false, 2, []string{"a: Active", "b: Expires soon", "c: Expired", "d: Revoked", "e: Revoked"}},
		{"active, told", "", false, 2, []string{"a: Active", "b: Expires soon"}},
		{"active, not told", "", true, 2, []string{"a: Active", "b: Expires soon"}},
		{"revoked, not told", "tab=revoked", true, 2, []string{"d: Revoked", "e: Revoked"}},
		{"all, not told", "tab=all", true, 3, []string{"a: Active", "b: Expires soon", "c: Expired", "d: Revoked", "e: Revoked"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			imitation := &tokenAPI{silent: tt.silent}
			imitation.add("a", "vso.code", 30*day, api.StateActive)
			imitation.add("b", "vso.code", 6*day, api.StateActive)
			imitation.add("c", "vso.code", -time.Minute, api.StateExpired)
			imitation.add("d", "vso.code", 30*day, api.StateRevoked)
			imitation.add("e", "vso.code", -time.Minute, api.StateRevoked)
			body := listed(t, newConsole(t, imitation), tt.query)
			if diff := cmp.Diff(tt.want, statuses(body)); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			if got := imitation.calls.Load(); got != tt.calls {
				t.Errorf("%d calls of the API, want %d", got, tt.calls)
			}
			if got := strings.Contains(body, "Last used"); got == tt.silent {
				t.Errorf("the page has the last use: %t, want it where the service tells", got)
			}
		})
	}
}

// TestStatusesWithinBounds: where the list of revoked tokens is too long or too
// slow to read, what is not known says so.
func TestStatusesWithinBounds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query string
		call        time.Duration
		// calls besides those for the list and the uses.
		calls int64
		last  string
	}{
		{"by creation, up to the page's last", "tab=all", 0, 1, "active 99: Active"},
		{"by name, as far as it goes", "tab=all&sort=name", 0, revokedPages, "active 99: Active or revoked"},
		{"slow", "tab=all&sort=name", time.Second / 2, 2, "active 99: Active or revoked"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := noon
			imitation := &tokenAPI{silent: true, called: func() { now = now.Add(tt.call) }}
			for i := range 100 {
				imitation.add(fmt.Sprintf("active %d", i), "vso.code", 30*day, api.StateActive)
			}
			for i := range 1500 {
				imitation.add(fmt.Sprintf("revoked %d", i), "vso.code", 30*day, api.StateRevoked)
			}
			c := newConsole(t, imitation)
			c.Now = func() time.Time { return now }
			got := statuses(listed(t, c, tt.query))
			if len(got) != 100 || got[99] != tt.last {
				t.Errorf("the last of %d is %q, want %q, the last of 100", len(got), got[len(got)-1], tt.last)
			}
			if got := imitation.calls.Load() - 2; got != tt.calls {
				t.Errorf("%d calls for the revoked tokens, want %d", got, tt.calls)
			}
		})
	}
}

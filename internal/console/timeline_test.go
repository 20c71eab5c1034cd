package console

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// endings are tokens called a, b, c … that end after those times.
func endings(after ...time.Duration) (all []ending) {
	for i, d := range after {
		name := string(rune('a' + i))
		all = append(all, ending{name, "/contoso/tokens/" + name, "t-" + name, noon.Add(d)})
	}
	return all
}

// drawn is a timeline in short: each brick's place, height, and whether it is
// soon; and the labels.
func drawn(l *timeline) (bricks, labels []string) {
	for _, b := range l.Bricks {
		text := fmt.Sprintf("%s %d+%d %s", b.X, b.Y, b.Height, b.Address)
		if b.Soon {
			text += " soon"
		}
		if b.Count != "" {
			text += " of " + b.Count
		}
		bricks = append(bricks, text)
	}
	for _, tick := range l.Ticks {
		labels = append(labels, tick.Label)
	}
	return bricks, labels
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		ends           []time.Duration
		summary        string
		bricks, labels []string
	}{
		{
			"one",
			[]time.Duration{10 * day},
			"None of these expires within a week. Next: a, in 10 days.",
			[]string{"34.77% 14+10 /contoso/tokens/a"},
			[]string{"30 Nov", "7 Dec", "14 Dec", "21 Dec"},
		},
		{
			"soon, and past",
			[]time.Duration{7*day - 1, -day, 7 * day, time.Hour, 0},
			"2 of these expire within a week. Next: d, in 60 minutes.",
			[]string{"0.15% 14+10 /contoso/tokens/d soon", "23.23% 14+10 /contoso/tokens/a soon", "25.15% 14+10 /contoso/tokens/c"},
			[]string{"30 Nov", "7 Dec", "14 Dec", "21 Dec"},
		},
		{
			"piled up",
			[]time.Duration{100 * day, 100*day + 1, 100*day + 2, 300 * day},
			"None of these expires within a week. Next: a, in 3 months.",
			[]string{
				"32.85% 38+10 /contoso/tokens/a", "32.85% 26+10 /contoso/tokens/b", "32.85% 14+10 /contoso/tokens/c",
				"98.23% 38+10 /contoso/tokens/d",
			},
			[]string{"", "Jan 2027", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep"},
		},
		{
			"crowded",
			[]time.Duration{1, 2, 3, 4, 5, 6},
			"6 of these expire within a week. Next: a, in a moment.",
			[]string{"0.15% 14+58 #t-a soon of 6"},
			[]string{"30 Nov", "7 Dec", "14 Dec", "21 Dec"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newTimeline(endings(tt.ends...), noon)
			if got := strings.NewReplacer("\u2068", "", "\u2069", "").Replace(l.Summary); got != tt.summary {
				t.Errorf("summary = %q, want %q", got, tt.summary)
			}
			bricks, labels := drawn(l)
			if diff := cmp.Diff(tt.bricks, bricks); diff != "" {
				t.Errorf("bricks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.labels, labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
	if l := newTimeline(endings(-1, 0), noon); l != nil {
		t.Errorf("a timeline of what has expired = %v, want none", l)
	}
}

// TestTimelineFits: whatever there is, it is within the picture, and no month
// is too many.
func TestTimelineFits(t *testing.T) {
	t.Parallel()
	for _, longest := range []time.Duration{time.Second, day, 70 * day, year, 10 * year, 290 * year} {
		var after []time.Duration
		for i := range 20 {
			after = append(after, longest/20*time.Duration(i+1))
		}
		l := newTimeline(endings(after...), noon)
		if len(l.Ticks) > 14 {
			t.Errorf("%d ticks for %v, want at most 14", len(l.Ticks), longest)
		}
		for _, b := range l.Bricks {
			var x, width float64
			if _, err := fmt.Sscanf(b.X+" "+b.Width, "%f%% %f%%", &x, &width); err != nil || x < 0 || x+width > 100 || b.Y < 0 || b.Y+b.Height > l.Base {
				t.Errorf("a brick of %v is at %s,%d, %s wide and %d high, outside of a picture %d high", longest, b.X, b.Y, b.Width, b.Height, l.Base)
			}
		}
	}
}

func TestIsolate(t *testing.T) {
	t.Parallel()
	if got, want := isolate("a\u202eb\u2069c\u2066"), "\u2068abc\u2069"; got != want {
		t.Errorf("isolate = %q, want %q", got, want)
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, want string }{
		{"deploy", "“\u2068deploy\u2069”"},
		{"a\u2069\u202eb", "“\u2068ab\u2069”"}, // which would turn the sentence around it
		{strings.Repeat("é", 61), "“\u2068" + strings.Repeat("é", 59) + "…\u2069”"},
	}
	for _, tt := range tests {
		if got := quoted(tt.name); got != tt.want {
			t.Errorf("quoted(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

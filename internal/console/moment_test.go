package console

import (
	"testing"
	"time"
)

func TestRelative(t *testing.T) {
	t.Parallel()
	tests := []struct {
		distance time.Duration
		want     string
	}{
		{0, "in a moment"},
		{59 * time.Second, "in a moment"},
		{-time.Second, "just now"},
		{-59 * time.Second, "just now"},
		{time.Minute, "in 1 minute"},
		{-89 * time.Second, "1 minute ago"},
		{-90 * time.Second, "2 minutes ago"},
		{99 * time.Minute, "in 99 minutes"},
		{100 * time.Minute, "in 2 hours"},
		{-26 * time.Hour, "26 hours ago"},
		{47*time.Hour - time.Second, "in 47 hours"},
		{2*day - time.Minute, "in 2 days"},
		{7*day - time.Hour, "in 7 days"},
		{-59 * day, "59 days ago"},
		{60 * day, "in 2 months"},
		{364 * day, "in 12 months"},
		{-500 * day, "16 months ago"},
		{2 * year, "in 2 years"},
		{200 * year, "in 200 years"},
	}
	for _, tt := range tests {
		if got := relative(noon.Add(tt.distance), noon); got != tt.want {
			t.Errorf("relative of %v = %q, want %q", tt.distance, got, tt.want)
		}
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.December, 1, 0, 30, 15, 0, time.FixedZone("", 3600))
	const before = `<time datetime="2026-11-30T23:30:15Z" title="Mon, 30 Nov 2026 23:30:15 UTC"`
	tests := []struct {
		name, got, want string
	}{
		{"a day", string(moment(at)), before + `>30 Nov 2026</time>`},
		{"a minute", string(exactly(at)), before + ` data-minute>30 Nov 2026, 23:30 UTC</time>`},
		{"words", string(relatively(at, noon)), before + ` data-words>in 6 days</time>`},
		{"a day and words", string(momentAndWords(at, noon)), before + `>30 Nov 2026</time> <span class="relative">in 6 days</span>`},
		{"no time", string(moment(time.Time{}) + exactly(time.Time{}) + relatively(time.Time{}, noon) + momentAndWords(time.Time{}, noon)), ""},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s = %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

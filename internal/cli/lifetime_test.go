package cli

import (
	"errors"
	"testing"
	"time"

	"github.com/charmbracelet/colorprofile"

	"github.com/patrolhq/patrol/api"
)

func TestParseSpan(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "12h": 12 * time.Hour, "30d": 30 * day, "6w": 42 * day, "1y": 365 * day, "1w2d": 9 * day, "007d": 7 * day,
		"": 0, "30": 0, "d": 0, "-30d": 0, "30 d": 0, "30D": 0, "1.5d": 0, "0d": 0, "30dd": 0,
		"300y": 0, "99999999999999999999d": 0, "290y5y": 0,
	} {
		got, err := parseSpan(in)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseSpan(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
}

func FuzzParseSpan(f *testing.F) {
	for _, seed := range []string{"30d", "1w2d", "9223372036854775807m", "292y", "d1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseSpan(s)
		if (err == nil) != (got > 0) {
			t.Errorf("parseSpan(%q) = %v, %v, want a positive span or an error", s, got, err)
		}
	})
}

func TestLifetime(t *testing.T) {
	t.Parallel()
	date := time.Date(2027, 6, 30, 23, 59, 59, 0, time.Local)
	for _, test := range []struct {
		in   lifetime
		want time.Time
		code int
	}{
		{lifetime{}, time.Time{}, exitOK},
		{lifetime{span: "30d"}, testNow.Add(30 * day), exitOK},
		{lifetime{until: "2027-06-30"}, date, exitOK},
		{lifetime{until: "2027-06-30T12:00:00+02:00"}, time.Date(2027, 6, 30, 10, 0, 0, 0, time.UTC), exitOK},
		{lifetime{until: "2026-11-23T12:00:00Z"}, time.Time{}, exitUsage},
		{lifetime{until: "2027-02-30"}, time.Time{}, exitUsage},
		{lifetime{until: "30.6.2027"}, time.Time{}, exitUsage},
		{lifetime{span: "never"}, time.Time{}, exitUsage},
		{lifetime{span: "1d", until: "2027-06-30"}, time.Time{}, exitUsage},
	} {
		got, err := test.in.end(testNow)
		code := exitOK
		if f, ok := errors.AsType[*failure](err); ok {
			code = f.code
		}
		if code != test.code || (got == nil) != test.want.IsZero() || got != nil && !got.Equal(test.want) {
			t.Errorf("%+v ends %v, %v, want %v with code %d", test.in, got, err, test.want, test.code)
		}
	}
}

func TestRelative(t *testing.T) {
	t.Parallel()
	for span, want := range map[time.Duration]string{
		0: "in less than a minute", 30 * time.Second: "in less than a minute", -time.Second: "less than a minute ago",
		time.Minute: "in 1 minute", 100 * time.Minute: "in 1 hour", 2 * time.Hour: "in 2 hours", day: "in 1 day", -day: "1 day ago",
		30 * day: "in 30 days", 58 * day: "in 58 days", 60 * day: "in 2 months", 30*day - time.Second: "in 30 days", 23*time.Hour + 59*time.Minute: "in 1 day", 365 * day: "in 12 months", 800 * day: "in 2 years",
	} {
		if got := relative(testNow.Add(span), testNow); got != want {
			t.Errorf("relative(%v) = %q, want %q", span, got, want)
		}
	}
}

func TestNoteClamp(t *testing.T) {
	t.Parallel()
	moment := func(d time.Duration) *api.Time { return &api.Time{Time: testNow.Add(d)} }
	for _, test := range []struct {
		name  string
		asked *api.Time
		got   time.Duration
		want  string
	}{
		{"not asked", nil, day, ""},
		{"as asked", moment(day), day, ""},
		{"rounded", moment(day), day - time.Second, ""},
		{"later", moment(day), 2 * day, ""},
		{
			"shortened", moment(30 * day), 7 * day,
			"note: the service shortened the lifetime: valid until " + localTime(testNow.Add(7*day)) + " instead of " + localTime(testNow.Add(30*day)) + "\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, b := terminalProgram(80, colorprofile.NoTTY)
			p.noteClamp(test.asked, api.PatToken{ValidTo: *moment(test.got)})
			if got := b.String(); got != test.want {
				t.Errorf("noteClamp says %q, want %q", got, test.want)
			}
		})
	}
}

func TestSplitScopes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   []string
		want string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{" , "}, ""},
		{[]string{"a"}, "a"},
		{[]string{"a b", "c,d", " e,\tf "}, "a b c d e f"},
	} {
		if got := splitScopes(test.in); got != test.want {
			t.Errorf("splitScopes(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

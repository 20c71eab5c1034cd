package pat

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		code             Code
	}{
		{"plain", "ci", "ci", ""},
		{"trimmed", " \t ci for main \n", "ci for main", ""},
		{"trimmed of wide spaces", "\u00a0\u3000ci\u2003", "ci", ""},
		{"one character", "x", "x", ""},
		{"255 characters", strings.Repeat("x", 255), strings.Repeat("x", 255), ""},
		{"255 wide characters", strings.Repeat("\U0001F600", 255), strings.Repeat("\U0001F600", 255), ""},
		{"255 and spaces", strings.Repeat("x", 255) + "  ", strings.Repeat("x", 255), ""},
		{"any script", "Größe שלום 日本", "Größe שלום 日本", ""},
		{"quotes and markup", `<b>"a" & 'b'</b>`, `<b>"a" & 'b'</b>`, ""},
		{"nothing", "", "", CodeDisplayNameRequired},
		{"only space", " \u2003\r\n", "", CodeDisplayNameRequired},
		{"only characters of no width", "\u200b\u200d\ufeff", "", CodeInvalidDisplayName},
		{"256 characters", strings.Repeat("x", 256), "", CodeInvalidDisplayName},
		{"256 wide characters", strings.Repeat("é", 256), "", CodeInvalidDisplayName},
		{"very long", strings.Repeat("x", 1<<20), "", CodeInvalidDisplayName},
		{"line feed inside", "a\nb", "", CodeInvalidDisplayName},
		{"tab inside", "a\tb", "", CodeInvalidDisplayName},
		{"NUL", "a\x00b", "", CodeInvalidDisplayName},
		{"escape sequence", "\x1b[31mred", "", CodeInvalidDisplayName},
		{"delete", "a\x7fb", "", CodeInvalidDisplayName},
		{"C1 control", "a\u0085b", "", CodeInvalidDisplayName},
		{"broken UTF-8", "a\xffb", "", CodeInvalidDisplayName},
		{"replacement character", "a\ufffdb", "", CodeInvalidDisplayName},
		{"line separator", "a\u2028b", "", CodeInvalidDisplayName},
		{"paragraph separator", "a\u2029b", "", CodeInvalidDisplayName},
		{"first embedding", "a\u202ab", "", CodeInvalidDisplayName},
		{"right-to-left override", "a\u202eb", "", CodeInvalidDisplayName},
		{"first isolate", "a\u2066b", "", CodeInvalidDisplayName},
		{"last isolate", "a\u2069b", "", CodeInvalidDisplayName},
		{"direction mark", "a\u200eb", "", CodeInvalidDisplayName},
		{"word joiner", "a\u2060b", "", CodeInvalidDisplayName},
		{"Hangul filler", "\u3164", "", CodeInvalidDisplayName},
		{"joined emoji", "\U0001F469\u200d\U0001F4BB", "\U0001F469\u200d\U0001F4BB", ""},
		{"narrow space", "a\u202fb", "a\u202fb", ""},
	}
	for _, tt := range tests {
		got, err := parseName(tt.text)
		if got != tt.want || CodeOf(err) != tt.code {
			t.Errorf("%s: parseName = %.50q, %q, want %.50q, %q", tt.name, got, CodeOf(err), tt.want, tt.code)
		}
		if (err == nil) != (tt.code == "") {
			t.Errorf("%s: parseName = %v", tt.name, err)
		}
	}
}

func TestParseNameKeepsWhatItAccepts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name, err := parseName(rapid.String().Draw(t, "text"))
		if err != nil {
			return
		}
		if again, err := parseName(name); err != nil || again != name {
			t.Fatalf("parseName(%q) = %q, %v, want it unchanged", name, again, err)
		}
	})
}

func TestCheckEnd(t *testing.T) {
	t.Parallel()
	created := testTime
	tests := []struct {
		name         string
		limits       Limits
		validTo, now time.Time
		code         Code
	}{
		{"soon", Limits{}, created.Add(time.Microsecond), created, ""},
		{"now", Limits{}, created, created, CodeInvalidValidTo},
		{"past", Limits{}, created.Add(-day), created, CodeInvalidValidTo},
		{"year one", Limits{}, time.Time{}, created, CodeInvalidValidTo},
		{"a year", Limits{}, created.Add(365 * day), created, ""},
		{"a year by a clock ahead", Limits{}, created.Add(365*day + clockSkew), created, ""},
		{"a year and more", Limits{}, created.Add(365*day + clockSkew + time.Microsecond), created, CodeInvalidValidTo},
		{"year 9999", Limits{}, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), created, CodeInvalidValidTo},
		{"own ceiling", Limits{MaxLifetime: day}, created.Add(day), created, ""},
		{"above own ceiling", Limits{MaxLifetime: day}, created.Add(day + time.Hour), created, CodeInvalidValidTo},
		{"later, from creation", Limits{MaxLifetime: day}, created.Add(25 * time.Hour), created.Add(2 * time.Hour), CodeInvalidValidTo},
		{"later, before now", Limits{}, created.Add(time.Hour), created.Add(2 * time.Hour), CodeInvalidValidTo},
	}
	for _, tt := range tests {
		err := tt.limits.checkEnd(tt.validTo, created, tt.now)
		if CodeOf(err) != tt.code || (err == nil) != (tt.code == "") {
			t.Errorf("%s: checkEnd = %v, want %q", tt.name, err, tt.code)
		}
	}
}

func TestDefaultLifetime(t *testing.T) {
	t.Parallel()
	tests := []struct {
		limits Limits
		want   time.Duration
	}{
		{Limits{}, 30 * day},
		{Limits{DefaultLifetime: day}, day},
		{Limits{DefaultLifetime: day, MaxLifetime: 7 * day}, day},
		{Limits{MaxLifetime: 7 * day}, 7 * day}, // never above the ceiling
	}
	for _, tt := range tests {
		if got := tt.limits.defaultLifetime(); got != tt.want {
			t.Errorf("%+v: default lifetime = %v, want %v", tt.limits, got, tt.want)
		}
	}
}

func TestCheckGlobal(t *testing.T) {
	t.Parallel()
	for _, global := range []GlobalTokens{GlobalAllowed, GlobalBlocked, GlobalRetired} {
		limits := Limits{Global: global}
		want := Code("")
		if global != GlobalAllowed {
			want = CodeGlobalBlocked
		}
		if got := CodeOf(limits.checkGlobal(true, false)); got != want {
			t.Errorf("under %d a new global token is refused with %q, want %q", global, got, want)
		}
		for _, tokens := range [][2]bool{{false, false}, {false, true}, {true, true}} {
			if err := limits.checkGlobal(tokens[0], tokens[1]); err != nil {
				t.Errorf("under %d, asked %v, held %v: %v, want no refusal", global, tokens[0], tokens[1], err)
			}
		}
	}
}

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/colorprofile"
	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
)

var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// terminalProgram prints on a terminal of that width into the buffer.
func terminalProgram(width int, colors colorprofile.Profile) (*program, *bytes.Buffer) {
	var b bytes.Buffer
	return &program{
		out: output{w: &b, isTerminal: true, width: width, profile: colors}, notes: output{w: &b},
		now: func() time.Time { return testNow }, env: func(string) string { return "" },
	}, &b
}

func testTokens() []api.PatToken {
	token := func(id, name, scope string, end time.Duration) api.PatToken {
		return api.PatToken{
			AuthorizationID: "00000000-0000-8000-8000-00000000000" + id, DisplayName: name, Scope: scope,
			ValidFrom: api.Time{Time: testNow.Add(-day)}, ValidTo: api.Time{Time: testNow.Add(end)}, TargetAccounts: []string{"o"},
		}
	}
	return []api.PatToken{
		token("1", "ci", "vso.code", 29*day),
		token("2", "a name that is rather long", "vso.build vso.code vso.packaging", 3*time.Hour),
		token("3", "näme\x1b[2J\n\u202e漢字", "app_token", -2*day),
	}
}

// testUsages are of the test tokens but the last, which was never used.
func testUsages() usages {
	tokens := testTokens()
	return usages{
		tokens[0].AuthorizationID: {LastUsed: &api.Time{Time: testNow.Add(-3 * time.Hour)}, Address: "192.0.2.7", Client: "git\x1b[2J", Scope: "vso.code"},
		tokens[1].AuthorizationID: {LastUsed: &api.Time{Time: testNow.Add(2 * time.Second)}}, // by another clock
	}
}

func TestTokenTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		width  int
		filter api.DisplayFilterOption
		used   usages
		want   string
	}{
		{"wide", 200, api.FilterAll, nil, `
ID                                    NAME                        SCOPES                            STATUS   EXPIRES
00000000-0000-8000-8000-000000000001  ci                          vso.code                          revoked  -
00000000-0000-8000-8000-000000000002  a name that is rather long  vso.build vso.code vso.packaging  active   in 3 hours
00000000-0000-8000-8000-000000000003  näme\u001b[2J\n\u202e漢字   app_token                         expired  2 days ago
`},
		{"narrow", 80, api.FilterActive, nil, `
ID                                    NAME            SCOPES          EXPIRES
00000000-0000-8000-8000-000000000001  ci              vso.code        -
00000000-0000-8000-8000-000000000002  a name that i…  vso.build vso…  in 3 hours
00000000-0000-8000-8000-000000000003  näme\u001b[2J…  app_token       2 days ago
`},
		{"too narrow", 20, api.FilterActive, nil, `
ID                                    NAME          SCOPES        EXPIRES
00000000-0000-8000-8000-000000000001  ci            vso.code      -
00000000-0000-8000-8000-000000000002  a name that…  vso.build v…  in 3 hours
00000000-0000-8000-8000-000000000003  näme\u001b[…  app_token     2 days ago
`},
		{"with last uses", 100, api.FilterActive, testUsages(), `
ID                                    NAME               SCOPES              EXPIRES     LAST USED
00000000-0000-8000-8000-000000000001  ci                 vso.code            -           3 hours ago
00000000-0000-8000-8000-000000000002  a name that is r…  vso.build vso.cod…  in 3 hours  just now
00000000-0000-8000-8000-000000000003  näme\u001b[2J\n\…  app_token           2 days ago  never
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, b := terminalProgram(test.width, colorprofile.NoTTY)
			tokens := testTokens()
			if err := p.out.table(p.tokenTable(tokens, test.filter, map[string]bool{tokens[0].AuthorizationID: true}, test.used)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); diff != "" {
				t.Errorf("table differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokenTablePiped(t *testing.T) {
	t.Parallel()
	p, b := terminalProgram(0, colorprofile.NoTTY)
	p.out.isTerminal = false
	tokens := testTokens()
	tokens[0].TargetAccounts = nil
	if err := p.out.table(p.tokenTable(tokens, api.FilterActive, nil, testUsages())); err != nil {
		t.Fatal(err)
	}
	const from = "2026-11-22T12:00:00Z"
	want := strings.Join([]string{
		"00000000-0000-8000-8000-000000000001", "ci", "vso.code", "active", from, "2026-12-22T12:00:00Z", "all", "2026-11-23T09:00:00Z\n" +
			"00000000-0000-8000-8000-000000000002", "a name that is rather long", "vso.build vso.code vso.packaging", "active", from, "2026-11-23T15:00:00Z", "o", "2026-11-23T12:00:02Z\n" +
			"00000000-0000-8000-8000-000000000003", `näme\u001b[2J\n\u202e漢字`, "app_token", "expired", from, "2026-11-21T12:00:00Z", "o", "never\n",
	}, "\t")
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("lines differ (-want +got):\n%s", diff)
	}
}

func TestColors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		profile colorprofile.Profile
		want    bool
	}{{colorprofile.NoTTY, false}, {colorprofile.ASCII, false}, {colorprofile.ANSI, true}, {colorprofile.TrueColor, true}} {
		p, b := terminalProgram(100, test.profile)
		if err := p.out.table(p.tokenTable(testTokens(), api.FilterAll, nil, nil)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), "\x1b[31mexpired\x1b[m"); got != test.want {
			t.Errorf("%v: coloured is %t, want %t:\n%q", test.profile, got, test.want, b.String())
		}
		if !test.want && strings.Contains(b.String(), "\x1b") {
			t.Errorf("%v: there is an escape sequence:\n%q", test.profile, b.String())
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		"plain näme 漢字 👩‍💻":    "plain näme 漢字 👩‍💻",
		`back\slash`:           `back\slash`,
		"a\tb\nc\rd":           `a\tb\nc\rd`,
		"\x1b]0;title\x07":     `\u001b]0;title\u0007`,
		"\u009b31m\x7f":        `\u009b31m\u007f`,
		"\u202eright\u2066":    `\u202eright\u2066`,
		"line\u2028\u2029":     `line\u2028\u2029`,
		"\ufeff\u200b\u00ad":   `\ufeff\u200b\u00ad`,
		"bad \xff utf":         "bad \ufffd utf",
		"tag \U000e0041":       `tag \U000e0041`,
		"private \ue000 use":   `private \ue000 use`,
		"no\u00a0break\u3000.": "no\u00a0break\u3000.",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[2J\u202e\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s)
		if strings.ContainsFunc(got, hostile) || !utf8.ValidString(got) {
			t.Errorf("printable(%q) = %q, want nothing that a terminal acts on", s, got)
		}
		if again := printable(got); again != got {
			t.Errorf("printable(%q) = %q, want it unchanged", got, again)
		}
	})
}

func TestJSONOutput(t *testing.T) {
	t.Parallel()
	p, b := terminalProgram(80, colorprofile.TrueColor)
	in := map[string]string{"name": "<&> \u009b31m \u202e \U000e0041 näme\n"}
	if err := p.out.json(in); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"name\": \"<&> \\u009b31m \\u202e \\udb40\\udc41 näme\\n\"\n}\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("JSON differs (-want +got):\n%s", diff)
	}
	var back map[string]string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, back); diff != "" {
		t.Errorf("read back, it differs (-want +got):\n%s", diff)
	}
}

func TestShowOnTerminal(t *testing.T) {
	t.Parallel()
	tokens := testTokens()
	token := tokens[0]
	shown := "id             00000000-0000-8000-8000-000000000001\n" +
		"name           ci\n" +
		"scopes         vso.code\n" +
		"status         active\n" +
		"created        " + localTime(token.ValidFrom.Time) + "\n" +
		"expires        " + localTime(token.ValidTo.Time) + " (in 29 days)\n" +
		"organizations  o\n"
	for _, test := range []struct {
		name string
		used []field
		want string
	}{
		{"not known", usages(nil).fields(token.AuthorizationID, testNow), ""},
		{"never used", usages{}.fields(token.AuthorizationID, testNow), "last used      never\n"},
		{
			"used", testUsages().fields(token.AuthorizationID, testNow),
			"last used      " + localTime(testNow.Add(-3*time.Hour)) + " (3 hours ago)\n" +
				"used from      192.0.2.7\n" +
				"used by        git\\u001b[2J\n" +
				"used for       vso.code\n",
		},
		{"used, no more is known", testUsages().fields(tokens[1].AuthorizationID, testNow), "last used      " + localTime(testNow.Add(2*time.Second)) + " (just now)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, b := terminalProgram(80, colorprofile.NoTTY)
			if err := p.printToken(token, api.FilterActive, test.used...); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shown+test.want, b.String()); diff != "" {
				t.Errorf("output differs (-want +got):\n%s", diff)
			}
		})
	}
}

// brokenPipe is standard output whose reader has gone.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestReport(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"plain", errors.New("no luck"), exitFailed, "patrol: no luck\n"},
		{"hint", fail(exitUsage, "what?").with("say %s", "it"), exitUsage, "patrol: what?\nhint: say it\n"},
		{"wrapped", errors.Join(fail(exitNotFound, "gone")), exitNotFound, "patrol: gone\n"},
		{"hostile", errors.New("said\nhint: run rm\x1b[2J\u202e"), exitFailed, "patrol: said\n  hint: run rm\\u001b[2J\\u202e\n"},
		{"reader gone", output{w: brokenPipe{}}.write("x"), exitPipe, ""},
		{
			"reader of a secret gone", fail(exitFailed, "%w; the token is revoked again", output{w: brokenPipe{}}.write("x")), exitFailed,
			"patrol: writing the result: broken pipe; the token is revoked again\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, b := terminalProgram(80, colorprofile.NoTTY)
			p.started = true
			if got := p.report(test.err); got != test.code {
				t.Errorf("report = %d, want %d", got, test.code)
			}
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("output differs (-want +got):\n%s", diff)
			}
		})
	}
}

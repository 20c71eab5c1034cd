package console

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
)

func TestShortScopes(t *testing.T) {
	t.Parallel()
	tests := []struct{ scope, first, more string }{
		{"", "", ""},
		{"app_token", "app_token", ""},
		{" vso.build  vso.code ", "vso.build, vso.code", ""},
		{"a b c", "a, b, c", ""},
		{"a b c d", "a, b", "and 2 more"},
	}
	for _, tt := range tests {
		if first, more := shortScopes(tt.scope); first != tt.first || more != tt.more {
			t.Errorf("shortScopes(%q) = %q, %q, want %q, %q", tt.scope, first, more, tt.first, tt.more)
		}
	}
}

// hostileNames are what others may call their tokens, if a service lets them.
var hostileNames = []string{
	`<img src=x onerror=alert(1)>`,
	`"><script>alert(1)</script>`,
	"{{.Title}} ${1} `'\"",
	"\u202egnp.exe",
	"\u2069\u202eout of its isolation",
	strings.Repeat("\U0001F980", 255),
	strings.Repeat("x", 255),
	"e" + strings.Repeat("\u0323\u0300\u0304", 80),
	"\U0001F680 \U0001F469\u200d\U0001F469\u200d\U0001F467",
	"שלום, مرحبا",
	"a\x00b\x1b[31m\r\nc",
}

// TestHostileNames: a name is text, whose direction ends with it.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	imitation := &tokenAPI{}
	for _, name := range hostileNames {
		imitation.add(name, name, 30*day, api.StateActive)
	}
	body := listed(t, newConsole(t, imitation), "")
	for _, name := range hostileNames {
		escaped := strings.NewReplacer(`&`, "&amp;", `<`, "&lt;", `>`, "&gt;", `"`, "&#34;", `'`, "&#39;", "\x00", "\ufffd", "`", "&#96;", "+", "&#43;").Replace(name)
		if !strings.Contains(body, "<bdi>"+escaped+"</bdi>") && !strings.Contains(body, "<bdi>"+html.EscapeString(name)+"</bdi>") {
			t.Errorf("the page does not have the name %+q, isolated", name)
		}
	}
	if strings.Contains(body, "<img") || strings.Contains(body, "<script>") {
		t.Error("a name became an element")
	}
	for _, title := range regexp.MustCompile(`(?s)<title>\x{2068}.*?</title>`).FindAllString(body, -1) {
		if strings.ContainsAny(title, "\u202e") || strings.Count(title, "\u2069") != 1 {
			t.Errorf("a name changes the direction of what follows it: %+q", title)
		}
	}
	sure := map[string][]string{}
	for _, token := range imitation.tokens {
		sure["id"] = append(sure["id"], token.AuthorizationID)
	}
	w, err := alice(newConsole(t, imitation), form("/contoso/tokens/revoke", sure), (*visit).revokeSeveral)
	if err != nil {
		t.Fatal(err)
	}
	if body := w.Body.String(); strings.Contains(body, "<img") || strings.Contains(body, "<script>") || !strings.Contains(body, "<bdi>&lt;img") {
		t.Error("a name became an element on the page that asks")
	}
}

// inline is what the Content-Security-Policy does not let pass.
var inline = regexp.MustCompile(`(?i)<style|<script(\s+[a-z]+)*\s*>|\sstyle\s*=|<[^>]*\son[a-z]+\s*=\s*["']|javascript:`)

func TestNothingInline(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(templateFiles, "templates", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := templateFiles.ReadFile(name)
		if found := inline.Find(text); found != nil {
			t.Errorf("%s has %q", name, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	imitation := &tokenAPI{}
	imitation.add("a", "vso.code", day, api.StateActive)
	for _, query := range []string{"", "tab=all&sort=name", "tab=revoked", "tab=expired", "q=x"} {
		if found := inline.FindString(listed(t, newConsole(t, imitation), query)); found != "" {
			t.Errorf("the list of tokens with %q has %q", query, found)
		}
	}
}

// maxFirstPage is what a first visit may load, compressed.
const maxFirstPage = 60_000

func TestFirstPageIsLight(t *testing.T) {
	t.Parallel()
	imitation := &tokenAPI{}
	for i := range pageSize {
		imitation.add(fmt.Sprintf("a token whose name says what it is for, %d", i), "vso.build_execute vso.code_write vso.packaging_write vso.work", day*200/pageSize*100, api.StateActive)
	}
	c := newConsole(t, imitation)
	r := httptest.NewRequest(http.MethodGet, "/contoso/tokens", http.NoBody)
	r.Header.Set("Accept-Encoding", "gzip")
	w, err := alice(c, r, (*visit).listTokens)
	if err != nil {
		t.Fatal(err)
	}
	total := w.Body.Len()
	sizes := fmt.Sprintf("page %d", total)
	for path, file := range c.assets.served {
		total += len(file.compressed)
		sizes += fmt.Sprintf(", %s %d", path, len(file.compressed))
	}
	t.Logf("%d bytes: %s", total, sizes)
	if total > maxFirstPage {
		t.Errorf("a first page of %d tokens is %d bytes, want at most %d: %s", pageSize, total, maxFirstPage, sizes)
	}
	reader, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if _, err := page.ReadFrom(reader); err != nil || !strings.HasSuffix(strings.TrimSpace(page.String()), "</html>") {
		t.Errorf("the page does not end as one: %v", err)
	}
}

// TestEmptyLists: a list without tokens says what belongs there.
func TestEmptyLists(t *testing.T) {
	t.Parallel()
	c := newConsole(t, &tokenAPI{})
	for query, want := range map[string]string{
		"": "No active tokens", "tab=all": "No tokens yet", "tab=expired": "Nothing has expired", "tab=revoked": "Nothing was revoked",
		"q=x": "No token matches",
	} {
		if body := listed(t, c, query); !strings.Contains(body, want) || strings.Contains(body, "<table") {
			t.Errorf("the empty list with %q does not say %q alone", query, want)
		}
	}
}

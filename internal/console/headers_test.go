package console_test

import (
	"flag"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/patroltest"
)

var update = flag.Bool("update", false, "write the headers of the console to testdata instead of comparing them")

// TestHeaders holds all headers of one answer of each kind, over http and over
// https.
func TestHeaders(t *testing.T) {
	t.Parallel()
	for scheme, tls := range map[string]bool{"http": false, "https": true} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			v := enter(t, patroltest.Start(t, patroltest.Options{TLS: tls}), "alice")
			stranger := newVisitor(t, v.server, "")
			account := v.get("/account")
			sheet := regexp.MustCompile(`/assets/console-[0-9a-f]+\.css`).FindString(account.body)
			answers := map[string]seen{
				"page":     account,
				"asset":    v.get(sheet),
				"problem":  v.get("/nothing"),
				"method":   v.post("/account", nil),
				"foreign":  v.post("/account/sessions/end-others", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
				"redirect": stranger.get("/contoso/tokens"),
				"provider": stranger.get("/sign-in"),
				"changed":  v.post("/account/organizations", nil),
				"sign-out": v.post("/sign-out", nil),
			}
			for name, answer := range answers {
				holdHeaders(t, scheme+"-"+name, answer)
			}
		})
	}
}

func holdHeaders(t *testing.T, name string, answer seen) {
	t.Helper()
	var b strings.Builder
	b.WriteString(http.StatusText(answer.status) + "\n")
	for _, header := range slices.Sorted(maps.Keys(answer.header)) {
		for _, value := range answer.header[header] {
			b.WriteString(header + ": " + value + "\n")
		}
	}
	got := masked(b.String())
	file := filepath.Join("testdata", "headers", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the headers of %s differ (-want +got):\n%s", name, diff)
	}
}

// masked is a text without what is another each time.
func masked(text string) string {
	for _, mask := range []struct{ form, with string }{
		{`(?m)^Date: .*`, "Date: DATE"},
		{`(?m)^Content-Length: .*`, "Content-Length: LENGTH"},
		{`(?m)^Location: https?://.*`, "Location: PROVIDER"},
		{`patrol-[0-9]+`, "patrol-PORT"},
		{`(patrol-PORT[a-z-]*=)[A-Za-z0-9_-]+;`, "${1}VALUE;"},
	} {
		text = regexp.MustCompile(mask.form).ReplaceAllString(text, mask.with)
	}
	return text
}

package walkthrough_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
)

// axe is axe-core, a checker of accessibility, at the version that
// package-lock.json pins. It is installed once for all tests.
var axe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "patrol-axe-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))); err != nil {
		return "", err
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		return string(output), err
	}
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// checkAccess fails for each barrier that axe-core finds on the page, by the
// rules with those names or by all.
func (b *browser) checkAccess(rules ...string) {
	b.Helper()
	script, err := axe()
	if err != nil {
		b.Fatalf("installing axe-core by npm, which needs Node.js and a package registry or a filled cache: %v\n%s", err, script)
	}
	b.do(chromedp.Evaluate[chromedp.Void](script + "\n;undefined"))
	options := "{}"
	if len(rules) > 0 {
		options = fmt.Sprintf(`{ runOnly: { type: "rule", values: %q.split(" ") } }`, strings.Join(rules, " "))
	}
	found := evaluate[[]string](b, `axe.run(`+options+`).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.failureSummary + " " + n.html.slice(0, 200))))`, chromedp.EvalAwaitPromise)
	for _, barrier := range found {
		b.Errorf("%s: %s", b.place(), barrier)
	}
}

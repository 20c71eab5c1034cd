package gateways_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/gateways.md"

// configuration is the block of the page that begins with the name of that
// file.
func configuration(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n# "+file+"\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatalf("docs/gateways.md has no block that begins with %q", "# "+file)
	}
	return block + "\n"
}

// fitted is a configuration in which, pair by pair, something that it says of
// its surroundings is replaced. It must be there.
func fitted(t testing.TB, configuration string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(configuration, pairs[i]) {
			t.Fatalf("docs/gateways.md no longer says %q", pairs[i])
		}
		configuration = strings.ReplaceAll(configuration, pairs[i], pairs[i+1])
	}
	return configuration
}

// quoted is what the page has at the parentheses of pattern, in the block that
// begins with the name of that file.
func quoted(t testing.TB, file, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(configuration(t, file))
	if found == nil {
		t.Fatalf("docs/gateways.md has nothing like %s in %s", pattern, file)
	}
	return found[1]
}

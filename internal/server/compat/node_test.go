package compat_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestNodeLibrary does every operation with Microsoft's library for Node.js,
// at the version that package-lock.json pins.
func TestNodeLibrary(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("this test runs a JavaScript library and needs %s: install Node.js 20 or newer with npm (%v)", tool, err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci = %v, want the library installed; it needs a package registry or a filled cache\n%s", err, output)
	}
	s := patroltest.Start(t, patroltest.Options{})
	setup, err := json.Marshal(map[string]any{
		"url": s.API, "organization": s.Organizations[0], "user": s.Users[0].ObjectID,
		"token": s.Token(t, "alice"), "application": s.AppToken(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "node", "pats.mjs")
	run.Dir = dir
	run.Env = append(os.Environ(), "COMPAT_SETUP="+string(setup))
	if output, err := run.CombinedOutput(); err != nil {
		t.Fatalf("node pats.mjs = %v, want success\n%s", err, output)
	}
}

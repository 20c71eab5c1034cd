package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestConsoleCheck reports the faults of a configuration, and none in the
// example of the documentation.
func TestConsoleCheck(t *testing.T) {
	t.Setenv("CLIENT_SECRET", "hunter2-of-the-client")
	example, err := os.ReadFile("../../docs/console.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ from, to, out, fault string }{
		"the example":       {out: " is good\n"},
		"a secret in clear": {from: "env:CLIENT_SECRET", to: "hunter2", fault: " has faults:\nsign_in: client_secret: a secret must not stand"},
		"an unknown key":    {from: "idle =", to: "idel =", fault: `unknown key "sessions.idel"`},
	} {
		path := filepath.Join(t.TempDir(), "console.toml")
		if err := os.WriteFile(path, []byte(strings.Replace(string(example), tt.from, tt.to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		cmd := command()
		cmd.SetOut(&out)
		cmd.SetArgs([]string{"console", "--check", "--config", path})
		err := cmd.ExecuteContext(t.Context())
		if (err == nil) != (tt.fault == "") || err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want %q and no secret", name, err, tt.fault)
		}
		if !strings.HasSuffix(out.String(), tt.out) {
			t.Errorf("%s: printed %q, want %q", name, out.String(), tt.out)
		}
	}
	cmd := command()
	cmd.SetArgs([]string{"console"})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "docs/console.example.toml") {
		t.Errorf("console without a configuration = %v, want a sentence that says what to do", err)
	}
}

package devidp_test

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/patrolhq/patrol/internal/devidp"
)

// TestNode runs the JavaScript libraries, at the versions that package-lock.json
// pins, through all their flows.
func TestNode(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("this test runs JavaScript libraries and needs %s: install Node.js 20 or newer with npm (%v)", tool, err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "node"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci = %v, want the libraries installed; it needs a package registry or a filled cache\n%s", err, output)
	}
	t.Run("msal-node", func(t *testing.T) {
		t.Parallel()
		runNode(t, startTLS(t), dir, "msal.mjs")
	})
	t.Run("openid-client", func(t *testing.T) {
		t.Parallel()
		runNode(t, startPlain(t), dir, "openid.mjs")
	})
}

// runNode runs a script, which exits with an error when a flow fails.
func runNode(t *testing.T, s *site, dir, script string) {
	t.Helper()
	setup, err := json.Marshal(map[string]any{
		"url": s.URL, "tenant": tenant, "domain": domain, "audience": devidp.DefaultAudience, "publicID": publicID,
		"confidential": map[string]string{"id": confidentialID, "secret": secret, "redirectUri": "http://localhost:5000/getAToken"},
		"user": map[string]string{
			"objectId": alice.ObjectID, "username": alice.Username, "password": alice.Password, "name": alice.Name,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "node", script)
	run.Dir = dir
	run.Env = append(os.Environ(), "DEVIDP_SETUP="+string(setup))
	if s.CA != nil {
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.CA.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		run.Env = append(run.Env, "NODE_EXTRA_CA_CERTS="+ca)
	}
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("node %s = %v, want success\n%s", script, err, output)
	}
	t.Logf("node %s:\n%s", script, output)
}

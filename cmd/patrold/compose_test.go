package main

import (
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yaml "github.com/oasdiff/yaml3"

	"github.com/patrolhq/patrol/internal/daemon"
)

const deploy = "../../deploy"

// compose is what the tests read of a Compose file.
type compose struct {
	Services map[string]struct {
		Build struct{ Context, Dockerfile string }
		// Command is absent where the image's own is run.
		Command []string
		Secrets []string
		Volumes []string
		User    string
	}
	Volumes map[string]any
	Secrets map[string]struct{ File string }
}

func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deploy, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return c
}

// TestCompose: every file and secret that the services are given is there or
// named, and the nodes are built from what is there.
func TestCompose(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	if want, got := []string{"patrold-1", "patrold-2", "postgres", "proxy"}, slices.Sorted(maps.Keys(c.Services)); !cmp.Equal(want, got) {
		t.Fatalf("services = %q, want %q", got, want)
	}
	for name, service := range c.Services {
		for _, secret := range service.Secrets {
			if want := "./secrets/" + secret; c.Secrets[secret].File != want {
				t.Errorf("%s: the secret %s is the file %q, want %s", name, secret, c.Secrets[secret].File, want)
			}
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			_, named := c.Volumes[source]
			if _, err := os.Stat(filepath.Join(deploy, source)); !named && err != nil {
				t.Errorf("%s: the volume %s is neither named nor a file", name, source)
			}
		}
		if service.Build.Dockerfile != "" {
			if _, err := os.Stat(filepath.Join(deploy, service.Build.Context, service.Build.Dockerfile)); err != nil {
				t.Errorf("%s is built from what is not there: %v", name, err)
			}
			if service.Command != nil {
				isCommand(t, service.Command)
			}
		}
	}
	if diff := cmp.Diff(c.Services["patrold-1"], c.Services["patrold-2"]); diff != "" {
		t.Errorf("the nodes differ:\n%s", diff)
	}
}

// TestComposeConfig: the nodes' configuration has no faults, refers to secrets
// that the nodes are given, and serves where the proxy asks.
func TestComposeConfig(t *testing.T) {
	t.Parallel()
	node := readCompose(t).Services["patrold-1"]
	if !slices.Contains(node.Volumes, "./patrold.toml:/etc/patrol/patrold.toml:ro") {
		t.Errorf("the nodes are given %q, want the configuration where the image reads it", node.Volumes)
	}
	text, err := os.ReadFile(filepath.Join(deploy, "patrold.toml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	secret := base64.StdEncoding.EncodeToString(make([]byte, 32))
	local := regexp.MustCompile(`file:/run/secrets/([a-z-]+)`).ReplaceAllStringFunc(string(text), func(ref string) string {
		name := filepath.Base(ref)
		if !slices.Contains(node.Secrets, name) {
			t.Errorf("the configuration reads the secret %s, which the nodes are not given", name)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + path
	})
	path := filepath.Join(dir, "patrold.toml")
	if err := os.WriteFile(path, []byte(local), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := daemon.ReadConfig(path)
	if err == nil {
		err = config.Check(t.Context())
	}
	if err != nil {
		t.Fatalf("patrold.toml has faults:\n%v", err)
	}
	proxy, err := os.ReadFile(filepath.Join(deploy, "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []string{config.PublicURL + " {", "reverse_proxy patrold-1:8080 patrold-2:8080 {", "health_uri /readyz"} {
		if !strings.Contains(string(proxy), wanted) {
			t.Errorf("the Caddyfile does not say %q", wanted)
		}
	}
	if config.Listen != "0.0.0.0:8080" || config.ClientAddressHeader != "X-Forwarded-For" {
		t.Errorf("the nodes listen at %s and believe %q, want what the proxy uses", config.Listen, config.ClientAddressHeader)
	}
}

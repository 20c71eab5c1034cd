package main

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// isCommand fails the test where patrold does not take what is asked of it:
// the command line of a unit or a container, without the program itself.
func isCommand(t *testing.T, arguments []string) {
	t.Helper()
	root := command()
	cmd, rest, err := root.Find(arguments)
	if err != nil || cmd == root {
		t.Errorf("patrold %q is no command: %v", arguments, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("patrold %q: %v", arguments, err)
	}
	if left := cmd.Flags().Args(); cmd.ValidateArgs(left) != nil {
		t.Errorf("patrold %q: %q are too many arguments", arguments, left)
	}
}

// unit is the settings of a systemd unit, each with its values in order.
func unit(t *testing.T, path string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "[") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%s: %q is no setting", path, line)
		}
		settings[name] = append(settings[name], value)
	}
	return settings
}

// TestUnit: the unit starts a command that there is, with the example's
// configuration where its keys are what systemd shows the service.
func TestUnit(t *testing.T) {
	t.Parallel()
	settings := unit(t, "../../deploy/patrold.service")
	if len(settings["ExecStart"]) != 1 {
		t.Fatalf("ExecStart = %q, want one", settings["ExecStart"])
	}
	start := strings.Fields(settings["ExecStart"][0])
	if start[0] != "/usr/local/bin/patrold" || !slices.Contains(start, "/etc/patrol/patrold.toml") {
		t.Errorf("ExecStart = %q", start)
	}
	isCommand(t, start[1:])
	if state := settings["StateDirectory"]; len(state) != 1 || "/var/lib/"+state[0] != "/var/lib/patrol" {
		t.Errorf("StateDirectory = %q, want that of the example's database", state)
	}
	if !slices.Contains(settings["Type"], "notify") {
		t.Errorf("Type = %q, want notify: the service says when it is ready", settings["Type"])
	}
}

func TestContainerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	instructions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		instructions[name] = value // the last of each is that of the image
	}
	var start, arguments []string
	if err := json.Unmarshal([]byte(instructions["ENTRYPOINT"]), &start); err != nil || len(start) != 1 {
		t.Fatalf("ENTRYPOINT = %s, %v, want the program alone", instructions["ENTRYPOINT"], err)
	}
	if err := json.Unmarshal([]byte(instructions["CMD"]), &arguments); err != nil {
		t.Fatalf("CMD = %s, %v", instructions["CMD"], err)
	}
	isCommand(t, arguments)
	if user := instructions["USER"]; user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("USER = %q, want one that is not root", user)
	}
	if !strings.Contains(string(text), "CGO_ENABLED=0 go build -trimpath -o /out/ ./cmd/patrold") {
		t.Error("the program is not built static, or not this one")
	}
}

// TestManagerIsTold: a service under systemd says when it is ready, and when
// it begins to stop.
func TestManagerIsTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	socket := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	told := func() string {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 256)
		n, err := manager.Read(buffer)
		if err != nil {
			t.Fatalf("the service manager was told nothing: %v", err)
		}
		return string(buffer[:n])
	}
	key := filepath.Join(dir, "key")
	config := filepath.Join(dir, "patrold.toml")
	for path, content := range map[string]string{
		key: base64.StdEncoding.EncodeToString(make([]byte, 32)),
		config: `listen = "127.0.0.1:0"
public_url = "http://127.0.0.1:8080"
database.path = "` + filepath.Join(dir, "patrol.db") + `"
keys = [{id = "A", secret = "file:` + key + `"}]
issuers = [{kind = "oidc", url = "http://127.0.0.1:1", audiences = ["patrol"]}]
organizations = [{name = "acme", id = "7d1f0c55-55cb-4d0a-9f4c-0c60a2b1f001"}]
`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "serve", "--config", config)
	cmd.Env = append(os.Environ(), runMain+"=1", "NOTIFY_SOCKET="+socket)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "READY=1" {
		t.Errorf("the service manager was told %q, want READY=1", got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := told(); got != "STOPPING=1" {
		t.Errorf("the service manager was told %q, want STOPPING=1", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

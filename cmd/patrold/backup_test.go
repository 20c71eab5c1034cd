package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/patrolhq/patrol/api"
)

// runCommand runs patrold to its end, as a process of its own.
func runCommand(t *testing.T, arguments ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], arguments...)
	cmd.Env = append(os.Environ(), runMain+"=1")
	printed, err := cmd.CombinedOutput()
	return string(printed), err
}

// TestBackup copies the database of a running service whose clients create and
// revoke all the while, and once more after the service was killed. A service
// on the copy has everything that was acknowledged before the copying began.
func TestBackup(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p := startProcess(t, data)
	c := p.client(t)
	l := &ledger{tokens: map[string]fate{}}
	const workers = 8
	ctx, stop := context.WithCancel(t.Context())
	acknowledgements := make(chan struct{}, 1)
	var work sync.WaitGroup
	for worker := range workers {
		work.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if l.operate(t.Context(), c, fmt.Sprintf("worker %d token %d", worker, i)) {
					select {
					case acknowledgements <- struct{}{}:
					default: // nobody counts any more
					}
				}
			}
		})
	}
	for range 200 {
		<-acknowledgements
	}
	before := l.copy()
	live := filepath.Join(t.TempDir(), "live.db")
	output, err := runCommand(t, "backup", "--database", filepath.Join(data, "patrol.db"), "--output", live)
	stop()
	work.Wait()
	if err != nil || !strings.Contains(output, live+" has ") {
		t.Fatalf("patrold backup = %v: %s", err, output)
	}
	c.HTTP.CloseIdleConnections()
	p.kill()
	killed := filepath.Join(t.TempDir(), "killed.db")
	if output, err := runCommand(t, "backup", "--database", "sqlite:"+filepath.Join(data, "patrol.db"), "--output", killed); err != nil {
		t.Fatalf("patrold backup of what a killed service left = %v: %s", err, output)
	}
	checkRestored(t, data, live, before)
	checkRestored(t, data, killed, l.copy())
}

// copy is what was acknowledged up to now.
func (l *ledger) copy() map[string]fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.tokens)
}

// checkRestored starts a service with the keys of data on a backup, and
// compares it with what was acknowledged before the backup was made.
func checkRestored(t *testing.T, data, backup string, acknowledged map[string]fate) {
	t.Helper()
	restored := filepath.Join(t.TempDir(), "restored")
	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{filepath.Join(data, "material.json"): "material.json", backup: "patrol.db"} {
		content, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(restored, to), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := startProcess(t, restored)
	defer p.kill()
	c := p.client(t)
	states := states(t, c)
	revoked := 0
	for id, f := range acknowledged {
		if states[id] == "" {
			t.Errorf("token %s was acknowledged before the backup and is not in it", id)
		}
		if f == revokeAcknowledged {
			revoked++
			if states[id] != api.FilterRevoked {
				t.Errorf("token %s was revoked before the backup and lives in it", id)
			}
		}
	}
	if len(acknowledged) < 100 || revoked < 10 {
		t.Errorf("%d tokens, %d of them revoked: too few for this test to mean something", len(acknowledged), revoked)
	}
	if _, err := c.Create(t.Context(), api.PatTokenCreateRequest{DisplayName: "after", Scope: "vso.code"}); err != nil {
		t.Errorf("Create in the restored service = %v", err)
	}
	c.HTTP.CloseIdleConnections()
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "patrold.toml")
	if err := os.WriteFile(config, []byte("[database]\npath = \"/nowhere/patrol.db\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(dir, "new.db")
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"no database":    {[]string{"--output", output}, "which database?"},
		"no output":      {[]string{"--database", "x"}, "where to?"},
		"both":           {[]string{"--database", "x", "--config", config, "--output", output}, "not with both"},
		"PostgreSQL":     {[]string{"--database", "postgres://user:hunter2@host/db", "--output", output}, "PostgreSQL has tools of its own"},
		"configuration":  {[]string{"--config", config, "--output", output}, "/nowhere/patrol.db: no such file"},
		"missing file":   {[]string{"--database", filepath.Join(dir, "x"), "--output", output}, "no such file"},
		"extra argument": {[]string{"x"}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			printed, err := runCommand(t, append([]string{"backup"}, test.arguments...)...)
			if err == nil || !strings.Contains(printed, test.want) || strings.Contains(printed, "hunter2") {
				t.Errorf("patrold backup = %v, %q, want %q", err, printed, test.want)
			}
		})
	}
}

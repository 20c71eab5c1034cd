package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
)

// runMain makes the test binary be patrold, so that the tests can kill it.
const runMain = "PATROLD_TEST_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a patrold dev that runs until it is killed.
type process struct {
	cmd  *exec.Cmd
	info daemon.DevInfo
}

func startProcess(t *testing.T, data string, flags ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"dev", "--listen", "127.0.0.1:0", "--idp-listen", "127.0.0.1:0", "--data", data}, flags...)...)
	cmd.Env = append(os.Environ(), runMain+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting patrold: %v", err)
	}
	p := &process{cmd: cmd}
	t.Cleanup(p.kill)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "ready" {
	}
	if lines.Text() != "ready" {
		t.Fatalf("patrold ended before it was ready")
	}
	go io.Copy(io.Discard, stdout)
	encoded, err := os.ReadFile(filepath.Join(data, "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, &p.info); err != nil {
		t.Fatalf("dev.json: %v", err)
	}
	return p
}

// kill ends the process as a power cut would, as far as a process can tell.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// client is an SDK client of alice's that never tries twice.
func (p *process) client(t *testing.T) *client.Client {
	t.Helper()
	user := p.info.Users[0]
	resp, err := http.PostForm(p.info.Authority+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"password"}, "client_id": {p.info.Clients.CLI.ID}, "scope": {p.info.Audience + "/.default"},
		"username": {user.Username}, "password": {user.Password},
	})
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		t.Fatalf("signing in: status %d, %v", resp.StatusCode, err)
	}
	return &client.Client{
		BaseURL: p.info.API, Organization: "contoso", Attempts: 1,
		Token: func(context.Context) (string, error) { return answer.AccessToken, nil },
		HTTP:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
}

// fate is what a client knows of a token it was given.
type fate int

const (
	alive fate = iota
	revokeAsked
	revokeAcknowledged
)

// ledger is what was acknowledged, over all lives of the service.
type ledger struct {
	mu     sync.Mutex
	tokens map[string]fate
}

func (l *ledger) set(id string, f fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens[id] = f
}

// anyAlive picks a token that nobody has asked to revoke, and marks it asked.
func (l *ledger) anyAlive() (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.tokens {
		if f == alive {
			l.tokens[id] = revokeAsked
			return id, true
		}
	}
	return "", false
}

// TestKill kills the service with SIGKILL in the middle of 200 creates and
// revokes that run side by side, again and again on one directory. Whatever
// was acknowledged must be there after the next start.
func TestKill(t *testing.T) {
	const lives, operations, workers = 50, 200, 16
	data := filepath.Join(t.TempDir(), "data")
	l := &ledger{tokens: map[string]fate{}}
	for life := range lives {
		p := startProcess(t, data)
		c := p.client(t)
		l.check(t, c)
		acknowledgements := make(chan struct{}, operations)
		var work sync.WaitGroup
		for worker := range workers {
			work.Go(func() {
				for i := range operations / workers {
					if l.operate(t.Context(), c, fmt.Sprintf("life %d worker %d token %d", life, worker, i)) {
						acknowledgements <- struct{}{}
					}
				}
			})
		}
		for range rand.IntN(operations * 9 / 10) {
			<-acknowledgements
		}
		p.kill()
		work.Wait()
		c.HTTP.CloseIdleConnections()
	}
	p := startProcess(t, data)
	l.check(t, p.client(t))
	p.kill()
	if len(l.tokens) < lives {
		t.Errorf("only %d creates were acknowledged in %d lives: the test proves nothing", len(l.tokens), lives)
	}
	checkEvents(t, filepath.Join(data, "patrol.db"), l)
}

// operate creates a token or revokes one, and records what was acknowledged.
func (l *ledger) operate(ctx context.Context, c *client.Client, name string) (acknowledged bool) {
	if rand.IntN(3) == 0 {
		if id, ok := l.anyAlive(); ok {
			if c.Revoke(ctx, id) != nil {
				return false
			}
			l.set(id, revokeAcknowledged)
			return true
		}
	}
	token, err := c.Create(ctx, api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code"})
	if err != nil {
		return false
	}
	l.set(token.AuthorizationID, alive)
	return true
}

// states are those of all tokens that the service has, by id.
func states(t *testing.T, c *client.Client) map[string]api.DisplayFilterOption {
	t.Helper()
	states := map[string]api.DisplayFilterOption{}
	for _, filter := range []api.DisplayFilterOption{api.FilterActive, api.FilterRevoked} {
		for token, err := range c.List(t.Context(), client.ListOptions{Filter: filter, PageSize: 100}) {
			if err != nil {
				t.Fatalf("listing %s tokens: %v", filter, err)
			}
			states[token.AuthorizationID] = filter
		}
	}
	return states
}

// check compares the ledger with what the service has.
func (l *ledger) check(t *testing.T, c *client.Client) {
	t.Helper()
	states := states(t, c)
	for id, f := range l.tokens {
		switch state := states[id]; {
		case state == "":
			t.Errorf("token %s was acknowledged and is gone", id)
		case f == revokeAcknowledged && state != api.FilterRevoked:
			t.Errorf("token %s was revoked and lives", id)
		case f == alive && state != api.FilterActive:
			t.Errorf("token %s is %s, and nobody asked for that", id, state)
		}
	}
}

// checkEvents finds, in the database that a killed service left, each
// acknowledged change with its event.
func checkEvents(t *testing.T, path string, l *ledger) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(path)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	counts := map[string]map[string]int{}
	rows, err := db.Query(`SELECT lower(hex(token)), action, count(*) FROM event GROUP BY token, action`)
	if err != nil {
		t.Fatalf("reading events: %v", err)
	}
	defer rows.Close()
	for rows.Next() {
		var token, action string
		var n int
		if err := rows.Scan(&token, &action, &n); err != nil {
			t.Fatal(err)
		}
		if counts[token] == nil {
			counts[token] = map[string]int{}
		}
		counts[token][action] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for id, f := range l.tokens {
		got := counts[hexOf(id)]
		if got["Token.PatCreateEvent"] != 1 {
			t.Errorf("token %s has %d events of its creation, want 1", id, got["Token.PatCreateEvent"])
		}
		if n := got["Token.PatRevokeEvent"]; n > 1 || f == revokeAcknowledged && n != 1 || f == alive && n != 0 {
			t.Errorf("token %s has %d events of its revocation", id, n)
		}
	}
}

// hexOf is a UUID without its hyphens.
func hexOf(id string) string {
	out := make([]byte, 0, 32)
	for i := range len(id) {
		if id[i] != '-' {
			out = append(out, id[i])
		}
	}
	return string(out)
}

// TestStop ends the service as an operator does and expects exit code 0.
func TestStop(t *testing.T) {
	p := startProcess(t, filepath.Join(t.TempDir(), "data"))
	p.cmd.Process.Signal(os.Interrupt)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after SIGINT: %v, want exit code 0", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("still running 30 s after SIGINT")
	}
}

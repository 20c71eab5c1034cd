//go:build linux

package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/patrolhq/patrol/client"
	"github.com/patrolhq/patrol/internal/daemon"
)

// node is one of the nodes of a service, a process that can be killed, stopped
// and continued, and started again.
type node struct {
	name    string
	options daemon.DevOptions
	log     *output

	mu   sync.Mutex
	life *life
}

// life is a node from its start to its end.
type life struct {
	process *os.Process
	exited  chan struct{}
	info    daemon.DevInfo
	access  string // alice's access token
	http    *http.Client
}

// startTimeout bounds how long a node may take to start.
const startTimeout = 30 * time.Second

// newNode starts a node of the service whose shared material is in data, which
// it copies; "" makes a new service. The node ends with the test.
func newNode(t *testing.T, name, data, database string) *node {
	t.Helper()
	own := filepath.Join(t.TempDir(), name)
	if data != "" {
		share(t, data, own)
	}
	n := &node{name: name, log: &output{}, options: daemon.DevOptions{
		Listen: "127.0.0.1:0", IDPListen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0", Data: own, Database: database,
	}}
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, n.log.tail())
		}
	})
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// share copies what nodes have in common.
func share(t *testing.T, from, to string) {
	t.Helper()
	const material = "material.json"
	shared, err := os.ReadFile(filepath.Join(from, material))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, material), shared, 0o600); err != nil {
		t.Fatal(err)
	}
}

// start starts the node, on other ports than before.
func (n *node) start() error {
	l, err := launch(n.options, n.log)
	if err != nil {
		return fmt.Errorf("starting %s: %w", n.name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.life = l
	return nil
}

func launch(options daemon.DevOptions, log io.Writer) (*life, error) {
	encoded, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), runNode+"="+string(encoded))
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started, exited := make(chan error), make(chan struct{})
	ready := make(chan string, 1)
	go func() {
		runtime.LockOSThread() // its end is what the node is told of
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- line
		_ = cmd.Wait() // it is killed
		close(exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	l := &life{process: cmd.Process, exited: exited, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	if err := l.await(ready); err != nil {
		l.end()
		return nil, err
	}
	return l, nil
}

// await waits until the node is ready, and signs alice in.
func (l *life) await(ready <-chan string) error {
	var line string
	select {
	case line = <-ready:
	case <-time.After(startTimeout):
		return errors.New("it was not ready in time")
	}
	file, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		return errors.New("it ended")
	}
	encoded, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(encoded, &l.info); err != nil {
		return err
	}
	return l.signIn()
}

func (l *life) signIn() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	alice := l.info.Users[0]
	form := url.Values{
		"grant_type": {"password"}, "client_id": {l.info.Clients.CLI.ID}, "scope": {l.info.Audience + "/.default"},
		"username": {alice.Username}, "password": {alice.Password},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.info.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := l.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.AccessToken == "" {
		return fmt.Errorf("signing in: status %d, %w", resp.StatusCode, err)
	}
	l.access = answer.AccessToken
	return nil
}

func (l *life) end() {
	_ = l.process.Kill() // it may have ended
	<-l.exited
	l.http.CloseIdleConnections()
}

// kill ends the node as a power cut would, as far as a process can tell.
func (n *node) kill() {
	n.mu.Lock()
	l := n.life
	n.life = nil
	n.mu.Unlock()
	if l != nil {
		l.end()
	}
}

// stop stops the node where it is, and cont has it go on.
func (n *node) stop() { n.signal(syscall.SIGSTOP) }
func (n *node) cont() { n.signal(syscall.SIGCONT) }

func (n *node) signal(signal syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil {
		_ = n.life.process.Signal(signal) // it may have ended
	}
}

var errDown = errors.New("the node is down")

// current is the node's life, if it has one.
func (n *node) current() (*life, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life == nil {
		return nil, errDown
	}
	return n.life, nil
}

// client is the SDK for alice on the node, which never tries twice.
func (n *node) client() (*client.Client, error) {
	l, err := n.current()
	if err != nil {
		return nil, err
	}
	return &client.Client{
		BaseURL: l.info.API, Organization: organization, Attempts: 1, HTTP: l.http,
		Token: func(context.Context) (string, error) { return l.access, nil },
	}, nil
}

// organization is where all tokens are made.
const organization = "contoso"

// output is what a node writes.
type output struct {
	mu      sync.Mutex
	written bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written.String()
}

// tail is the end of it.
func (o *output) tail() string {
	const most = 4 << 10
	all := o.String()
	return all[max(0, len(all)-most):]
}

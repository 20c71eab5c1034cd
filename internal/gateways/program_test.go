package gateways_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program finds one that the tests need.
func program(t testing.TB, name string) string {
	t.Helper()
	if file, err := exec.LookPath(name); err == nil {
		return file
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/usr/lib/git-core"} { // not in everyone's PATH
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file
		}
	}
	t.Fatalf("%s is not installed, and these tests run it: run make setup, or install it by your package manager", name)
	return ""
}

// output collects what a program writes.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) add(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.WriteString(line + "\n")
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

var errExited = errors.New("it exited")

// run starts a program that ends with the test, and returns when it has
// written a line with ready in it. Where it exits before that, the error is
// errExited.
func run(t testing.TB, cmd *exec.Cmd, ready string) (*output, error) {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	err = cmd.Start()
	writer.Close()
	if err != nil {
		reader.Close()
		t.Fatalf("starting %s: %v", cmd.Path, err)
	}
	out, isReady, ended := new(output), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer reader.Close()
		once := sync.OnceFunc(func() { close(isReady) })
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			out.add(lines.Text())
			if strings.Contains(lines.Text(), ready) {
				once()
			}
		}
	}()
	t.Cleanup(func() { stop(t, cmd, ended) })
	select {
	case <-isReady:
		return out, nil
	case <-ended:
		return out, errExited
	case <-time.After(30 * time.Second):
		t.Fatalf("%s is not ready after 30 seconds:\n%s", cmd.Path, out)
		return nil, nil
	}
}

// stop ends a program, and waits until nobody holds its output any more: its
// children have ended too.
func stop(t testing.TB, cmd *exec.Cmd, ended <-chan struct{}) {
	t.Helper()
	_ = cmd.Process.Signal(syscall.SIGTERM) // where it still runs
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Errorf("%s did not end within 30 seconds of SIGTERM", cmd.Path)
		_ = cmd.Process.Kill()
	}
	_ = cmd.Wait()
}

// listening starts a program that listens on an address of its own choice of
// those that are free. Another may take it first: then one more is tried.
func listening(t testing.TB, ready string, command func(address ...string) *exec.Cmd) (addresses []string, out *output) {
	t.Helper()
	for range 5 {
		addresses = []string{free(t), free(t)}
		out, err := run(t, command(addresses...), ready)
		if err == nil {
			return addresses, out
		}
		if !strings.Contains(strings.ToLower(out.String()), "address already in use") {
			t.Fatalf("the program did not start: %v\n%s", err, out)
		}
	}
	t.Fatal("five times the addresses that were free were taken")
	return nil, nil
}

// free is an address on which nobody listens now.
func free(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func writeFile(t testing.TB, text string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

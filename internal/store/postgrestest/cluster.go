package postgrestest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Cluster is a PostgreSQL server with its data, on a loopback port.
type Cluster struct {
	dir, bin string
	port     int
	password string
	account  *account
	// settings are those of the command line, NAME=VALUE.
	settings []string
	process  *exec.Cmd
	exited   chan struct{}
}

// superuser is whom URLs of clusters name.
const superuser = "postgres"

// startTimeout bounds how long a server may take to answer.
const startTimeout = 60 * time.Second

// endTimeout bounds how long one may take to end.
const endTimeout = 30 * time.Second

// New starts a cluster for one test, which may do to it what it likes. settings
// are of the server's configuration, "NAME=VALUE".
func New(t testing.TB, settings ...string) *Cluster {
	t.Helper()
	c, err := newCluster(settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.remove)
	return c
}

func newCluster(settings ...string) (c *Cluster, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	c = &Cluster{bin: bin, password: rand.Text(), settings: settings}
	if c.account, err = unprivileged(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "patrol-postgres-"); err != nil {
		return nil, err
	}
	if err = c.initialize(); err == nil {
		err = c.Start()
	}
	if err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

// binaries is the directory of the newest PostgreSQL of this machine.
func binaries() (string, error) {
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && hasServer(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is a good one
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	for _, dir := range found {
		if hasServer(dir) {
			return dir, nil
		}
	}
	return "", errors.New("PostgreSQL's initdb and postgres were not found: install the package postgresql, run .ci/setup, or set PATROL_TEST_POSTGRES to the URL of a superuser")
}

func version(bin string) int {
	number, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))) // other names come last
	return number
}

func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// account is whom a server runs as where the test runs as root, whom
// PostgreSQL refuses.
type account struct{ uid, gid int }

func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(found.Uid)
		gid, err2 := strconv.Atoi(found.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &account{uid, gid}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run the tests as somebody else")
}

// initialize makes the cluster's files.
func (c *Cluster) initialize() error {
	secret := filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return err
	}
	if c.account != nil {
		if err := errors.Join(os.Chown(c.dir, c.account.uid, c.account.gid), os.Chown(secret, c.account.uid, c.account.gid)); err != nil {
			return err
		}
	}
	initdb := c.command("initdb", "--pgdata", c.data(), "--username", superuser, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	c.account.apply(cmd)
	return cmd
}

// URL is that of a database of the cluster, as a superuser.
func (c *Cluster) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(superuser, c.password), Host: c.Address(), Path: "/" + database}
	return u.String()
}

// Address is where the server listens.
func (c *Cluster) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// Process is the server's, to be stopped and continued.
func (c *Cluster) Process() *os.Process { return c.process.Process }

// Start starts the server, if it does not run, and returns once it answers. It
// keeps its port.
func (c *Cluster) Start() error {
	if c.exited != nil {
		return nil
	}
	for tries := 0; ; tries++ {
		if c.port == 0 {
			port, err := freePort()
			if err != nil {
				return err
			}
			c.port = port
		}
		err := c.launch()
		if err == nil {
			return nil
		}
		if tries == 3 {
			return err
		}
		if c.process == nil {
			c.port = 0 // somebody may have taken it meanwhile
		}
	}
}

// freePort is a port that nobody listens on now.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// launch starts the server on its port. A server outlives no test binary:
// where the system can, it is told when that dies.
func (c *Cluster) launch() error {
	var output bytes.Buffer
	args := []string{"-D", c.data(), "-k", c.dir, "-h", "127.0.0.1", "-p", strconv.Itoa(c.port)}
	for _, setting := range append([]string{"fsync=on", "max_connections=200", "shared_buffers=64MB", "timezone=UTC"}, c.settings...) {
		args = append(args, "-c", setting)
	}
	process := c.command("postgres", args...)
	process.Stdout, process.Stderr = &output, &output
	started, exited := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread() // its death is what the server is told of
		if err := process.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		_ = process.Wait() // it ends as it is told to
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting postgres: %w", err)
	}
	if err := c.answers(exited); err != nil {
		_ = process.Process.Signal(syscall.SIGQUIT) // it may have ended
		<-exited
		return fmt.Errorf("postgres: %w\n%s", err, output.String())
	}
	c.process, c.exited = process, exited
	return nil
}

// answers waits until the server answers.
func (c *Cluster) answers(exited <-chan struct{}) error {
	pool, err := sql.Open("pgx", c.URL("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		err := pool.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return errors.New("it ended")
		case <-ctx.Done():
			return err
		case <-retry.C:
		}
	}
}

// Stop has the server close every connection and end in order.
func (c *Cluster) Stop() { c.end(syscall.SIGINT) }

// Kill has the server end at once, without writing anything, as when its
// machine fails.
func (c *Cluster) Kill() { c.end(syscall.SIGQUIT) }

// Restart stops the server and starts it.
func (c *Cluster) Restart() error {
	c.Stop()
	return c.Start()
}

func (c *Cluster) end(signal syscall.Signal) {
	if c.exited == nil {
		return
	}
	_ = c.process.Process.Signal(signal) // it may have ended
	select {
	case <-c.exited:
	case <-time.After(endTimeout): // it does not listen: somebody may have stopped it
		_ = c.process.Process.Kill()
		<-c.exited
	}
	c.exited = nil
}

// remove ends the server and removes its files.
func (c *Cluster) remove() {
	c.Kill()
	_ = os.RemoveAll(c.dir) // what is left is in the temporary directory
}

package patroltest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
)

// The test binary can be a service or a bare handler instead, so that what is
// measured has a process of its own.
const (
	runService = "PATROLTEST_SERVICE" // options of patrold dev, in JSON
	runBare    = "PATROLTEST_BARE"    // an answer's headers, in JSON
)

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case os.Getenv(runService) != "":
		err = beService(ctx, os.Getenv(runService))
	case os.Getenv(runBare) != "":
		err = beBare(ctx, os.Getenv(runBare))
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beService(ctx context.Context, encoded string) error {
	var options daemon.DevOptions
	if err := json.Unmarshal([]byte(encoded), &options); err != nil {
		return err
	}
	dev, err := daemon.StartDev(ctx, options)
	if err != nil {
		return err
	}
	fmt.Println("ready", dev.Info.API)
	return dev.Wait(ctx)
}

// beBare answers every request alike, as a handler of net/http does that has
// nothing to find out.
func beBare(ctx context.Context, encoded string) error {
	var answer bareAnswer
	if err := json.Unmarshal([]byte(encoded), &answer); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	body := []byte(answer.Body)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for name, values := range answer.Header {
			h[name] = values
		}
		w.WriteHeader(answer.Status)
		w.Write(body)
	})}
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	fmt.Printf("ready http://%s\n", listener.Addr())
	_ = server.Serve(listener)
	return nil
}

// bareAnswer is what a bare handler answers.
type bareAnswer struct {
	Status int
	Header http.Header
	Body   string
}

// answerOf is what the bare handler must answer to answer as resp did, but
// for what net/http adds by itself.
func answerOf(b *testing.B, resp *http.Response) bareAnswer {
	b.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	header := resp.Header.Clone()
	header.Del("Date")
	return bareAnswer{resp.StatusCode, header, string(body)}
}

// process is the test binary as something else.
type process struct {
	cmd *exec.Cmd
	url string
}

// start starts the test binary with a variable set, and ends it with the
// benchmark.
func startProcess(b *testing.B, variable string, value any) *process {
	b.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+string(encoded))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := &process{cmd: cmd}
	b.Cleanup(p.stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ok {
		b.Fatalf("a process for %s did not start: %v", variable, err)
	}
	p.url = url
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is how much memory the process occupies, in megabytes.
func (p *process) resident(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		b.Fatal(err)
	}
	kB, err := strconv.Atoi(string(residentLine.FindSubmatch(status)[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kB) * 1024 / 1e6
}

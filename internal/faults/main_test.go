//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
)

// runNode has the options of patrold dev, in JSON, where the test binary is to
// be a node, so that the tests can kill it.
const runNode = "PATROL_FAULTS_NODE"

func TestMain(m *testing.M) {
	encoded := os.Getenv(runNode)
	if encoded == "" {
		flag.Parse()
		if err := flag.Set("test.parallel", "4"); err != nil { // they wait more than they work
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := beNode(ctx, encoded); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beNode is patrold dev until ctx ends.
func beNode(ctx context.Context, encoded string) error {
	var options daemon.DevOptions
	if err := json.Unmarshal([]byte(encoded), &options); err != nil {
		return err
	}
	options.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	dev, err := daemon.StartDev(ctx, options)
	if err != nil {
		return err
	}
	fmt.Println("ready", dev.File)
	return dev.Wait(ctx)
}

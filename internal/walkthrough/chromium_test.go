package walkthrough_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestMain ends the browser, with which all tests share one process.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := chromium.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "ending chromium:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// chromium is the browser's process. Starting one takes longer than most walks,
// so each has a profile of its own in the same process.
var chromium process

type process struct {
	once   sync.Once
	ctx    context.Context
	err    error
	cancel []context.CancelFunc
}

// start starts the browser where it does not run yet.
func (p *process) start() (context.Context, error) {
	p.once.Do(func() {
		var path string
		if path, p.err = findChromium(); p.err != nil {
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"),
		)
		allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		p.ctx, p.cancel = ctx, []context.CancelFunc{cancel, release}
		p.err = chromedp.Do(ctx)
	})
	return p.ctx, p.err
}

// stop ends the browser, by force where it does not end by itself, and removes
// what it kept.
func (p *process) stop() error {
	if p.ctx == nil {
		return nil
	}
	ctx, expire := context.WithTimeout(p.ctx, 10*time.Second)
	defer expire()
	err := chromedp.Cancel(ctx)
	for _, cancel := range p.cancel {
		cancel()
	}
	return err
}

func findChromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("chromium is not installed, and these tests walk through the console with it: run make setup, or install it by your package manager")
}

// Package walkthrough_test walks through the console with a real browser, as
// people do. Each step leaves a picture of what they saw among the test's
// artefacts: "make browser" keeps them.
package walkthrough_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// patience bounds what a person would wait for in one test.
const patience = 2 * time.Minute

// look is what a browser is like. The zero value is one on a desk, with
// scripts, in daylight.
type look struct {
	dark, noScript bool
	// width is in CSS pixels, 1280 where 0.
	width int64
}

// browser is a tab with a profile of its own.
type browser struct {
	testing.TB
	ctx  context.Context
	site *patroltest.Server
}

// chromium finds the browser.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("chromium is not installed, and these tests walk through the console with it: run make setup, or install it by your package manager")
	return ""
}

// open opens a browser that ends with the test.
func open(t testing.TB, site *patroltest.Server, l look) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.IgnoreCertErrors,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-GB"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	ctx, expire := context.WithTimeout(ctx, patience)
	t.Cleanup(func() { expire(); cancel(); stop() })
	b := &browser{t, ctx, site}
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	if l.width == 0 {
		l.width = 1280
	}
	b.do(chromedp.EmulateViewport(l.width, 900))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err == nil && l.noScript {
		_, err = chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	if err != nil {
		t.Fatalf("setting up the browser: %v", err)
	}
	return b
}

// do carries out steps.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatalf("at %s: %v", b.place(), err)
	}
}

// place is where the browser is, for messages: without the query, which at the
// provider holds codes.
func (b *browser) place() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), 5*time.Second)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "nowhere"
	}
	address, _, _ = strings.Cut(address, "?")
	return address
}

// visit goes to a page of the console, by its path.
func (b *browser) visit(path string) {
	b.Helper()
	b.do(chromedp.Navigate(strings.TrimSuffix(b.site.Console, "/") + path))
}

// signIn goes to the console and signs in as the user with that name before
// the "@".
func (b *browser) signIn(name string) {
	b.Helper()
	b.visit("/")
	b.pick(name)
}

// pick picks a user at the provider.
func (b *browser) pick(name string) {
	b.Helper()
	for _, user := range b.site.Users {
		if user.Username == name+"@contoso.example" {
			b.do(chromedp.Click(`button[name="pick"][value="`+user.ObjectID+`"]`), chromedp.WaitVisible(`main h1`))
			return
		}
	}
	b.Fatalf("no user %q", name)
}

// text is what a person reads in the first element of a selector.
func (b *browser) text(selector string) string {
	b.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(selector))
	if err != nil {
		b.Fatalf("at %s: reading %s: %v", b.place(), selector, err)
	}
	return strings.Join(strings.Fields(text), " ")
}

// picture keeps a picture of the whole page.
func (b *browser) picture(name string) {
	b.Helper()
	image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatalf("taking a picture of %s: %v", b.place(), err)
	}
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), name+".png"), image, 0o600); err != nil {
		b.Fatal(err)
	}
}

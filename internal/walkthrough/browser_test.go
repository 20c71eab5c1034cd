// Package walkthrough_test walks through the console with a real browser, as
// people do: they find things by what they read, or what a screen reader reads to
// them. Each step leaves a picture of what they saw among the test's artefacts:
// "make browser" keeps them.
package walkthrough_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performancetimeline"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for a page, on a machine that has other things to do.
const patience = 45 * time.Second

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
	ctx   context.Context
	site  *site
	watch *watch
	look  look
}

// open opens a browser that ends with the test.
func open(t testing.TB, s *site, l look) *browser {
	t.Helper()
	process, err := chromium.start()
	if err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	b := &browser{TB: t, site: s, watch: newWatch(s.Console, s.IDP), look: l}
	ctx, cancel := chromedp.NewContext(process, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.watch.event))
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		for _, fault := range b.watch.faults() {
			t.Error(fault)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	call(b, performancetimeline.Enable, performancetimeline.EnableParams{EventTypes: []string{"layout-shift"}})
	call(b, audits.Enable, cdp.Empty{})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Pacific/Auckland"})
	call(b, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"})
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: l.noScript})
	b.become(l)
	return b
}

// become changes the width of the window and the time of the day.
func (b *browser) become(l look) {
	b.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	width := l.width
	if width == 0 {
		width = 1280
	}
	b.do(chromedp.EmulateViewport(width, 900))
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"}, // colours are there at once
		},
	})
}

// call has the browser carry out a command.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.Fatalf("at %s: %s: %v", b.place(), command.Method, err)
	}
	return result
}

// do carries out steps.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fatal("%v", err)
	}
}

// evaluate is the value of an expression on the page.
func evaluate[T any](b *browser, expression string, options ...chromedp.EvaluateOption) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		b.fatal("%v", err)
	}
	return value
}

// pause is between two looks at whether a page is as it should be, for what
// scripts change has no event.
const pause = 20 * time.Millisecond

var errNotYet = errors.New("not yet")

// until waits until a look succeeds. What it waits for is for the message.
func (b *browser) until(what string, look func(context.Context) error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	var reason error
	for {
		err := look(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			reason = err
		}
		select {
		case <-ctx.Done():
			b.fatal("waited in vain for %s: %v", what, reason)
		case <-b.watch.loaded:
		case <-time.After(pause):
		}
	}
}

// leave carries out what leads to another page, and waits for that: through
// pages that go on by themselves, until one is there for good.
func (b *browser) leave(act func()) {
	b.Helper()
	before := b.watch.documents()
	act()
	b.until("another page", func(ctx context.Context) error {
		if b.watch.documents() == before {
			return errNotYet
		}
		return b.settled(ctx)
	})
}

// settled fails while a page loads, or is about to go on by itself.
func (b *browser) settled(ctx context.Context) error {
	done, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && !document.querySelector("meta[http-equiv=refresh]")`))
	if err == nil && !done {
		err = errNotYet
	}
	return err
}

// visit goes to a page of the console, by its path.
func (b *browser) visit(path string) {
	b.Helper()
	b.leave(func() {
		call(b, page.Navigate, page.NavigateParams{URL: strings.TrimSuffix(b.site.Console, "/") + path})
	})
}

// reload loads the page again.
func (b *browser) reload() {
	b.Helper()
	b.leave(func() { call(b, page.Reload, page.ReloadParams{}) })
}

// back goes to the page before, as the browser's button does.
func (b *browser) back() {
	b.Helper()
	history := call(b, page.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex == 0 {
		b.fatal("there is nothing to go back to")
	}
	b.leave(func() {
		call(b, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
	})
}

// place is where the browser is, for messages: without the query, which at the
// provider holds codes.
func (b *browser) place() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "nowhere"
	}
	address, _, _ = strings.Cut(address, "?")
	return address
}

// path is the path and query of the page.
func (b *browser) path() string {
	b.Helper()
	return evaluate[string](b, `location.pathname + location.search`)
}

// forget removes the cookies of an origin whose names are not the console's:
// those of the provider, which are sent to every port of the host.
func (b *browser) forget(origin string) {
	b.Helper()
	for _, cookie := range call(b, network.GetCookies, network.GetCookiesParams{URLs: []string{origin}}).Cookies {
		if strings.Contains(cookie.Name, "devidp") {
			call(b, network.DeleteCookies, network.DeleteCookiesParams{Name: cookie.Name, URL: origin})
		}
	}
}

// secrets are personal access tokens, for messages that must not have any.
var secrets = regexp.MustCompile(`[0-9A-Za-z]{52}JQQJ99[0-9A-Za-z]{26}`)

// fatal ends the test, with what a person reads on the page.
func (b *browser) fatal(format string, arguments ...any) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		text = err.Error()
	}
	if image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
		_ = os.WriteFile(filepath.Join(b.ArtifactDir(), "failed.png"), image, 0o600) // the message matters more
	}
	text = secrets.ReplaceAllString(text, "redacted")
	b.Fatalf("at %s: "+format+"; the page reads:\n%.3000s", append(append([]any{b.place()}, arguments...), text)...)
}

// picture keeps a picture of the whole page where pictures are wanted (go test
// -artifacts), and checks what every page promises.
func (b *browser) picture(name string) {
	b.Helper()
	if over := evaluate[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.Errorf("%s (%s) is %d pixels wider than its window", b.place(), name, over)
	}
	if evaluate[bool](b, `document.documentElement.outerHTML.includes("eyJ")`) && !strings.HasPrefix(b.place(), b.site.IDP) {
		b.Errorf("%s (%s) holds a JSON Web Token", b.place(), name)
	}
	if wanted := flag.Lookup("test.artifacts"); wanted != nil && wanted.Value.String() == "true" {
		b.keep(name)
	}
}

// keep keeps a picture of the whole page.
func (b *browser) keep(name string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	image, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.Fatalf("taking a picture of %s: %v", b.place(), err)
	}
	if err := os.WriteFile(filepath.Join(b.ArtifactDir(), name+".png"), image, 0o600); err != nil {
		b.Fatal(err)
	}
}

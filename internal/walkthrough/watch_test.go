package walkthrough_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performancetimeline"
	"github.com/chromedp/cdproto/runtime"
)

// maxShift is how far a page's content may jump while it loads, by the measure
// of the Layout Instability API. 0.1 counts as good elsewhere.
const maxShift = 0.02

// watch notes what no page may do: load from elsewhere, break its
// Content-Security-Policy, complain in the browser's console, jump.
type watch struct {
	// origins are those that may be asked for anything: the console's, whose
	// pages may not jump, and the provider's.
	origins []string
	// loaded has a value after something was loaded.
	loaded chan struct{}

	mu    sync.Mutex
	found []string
	// shown counts the documents shown, address is that of the last one, and
	// shift is how far it jumped.
	shown   int
	address string
	shift   float64
	// pages are the requests for documents: they may be answered by an error,
	// for its page is shown.
	pages map[network.RequestID]bool
}

func newWatch(console, provider string) *watch {
	origins := []string{strings.TrimSuffix(console, "/") + "/", strings.TrimSuffix(provider, "/") + "/"}
	return &watch{origins: origins, loaded: make(chan struct{}, 1), pages: map[network.RequestID]bool{}}
}

// event takes note of an event.
func (w *watch) event(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameNavigated:
		w.shown++
		w.address, w.shift = withoutQuery(e.Frame.URL), 0
		w.signal()
	case *page.EventLoadEventFired:
		w.signal()
	case *network.EventRequestWillBeSent:
		w.pages[e.RequestID] = e.Type == network.ResourceTypeDocument
		if url := e.Request.URL; !strings.HasPrefix(url, "data:") && !slices.ContainsFunc(w.origins, func(origin string) bool { return strings.HasPrefix(url, origin) }) {
			w.note("asks another site: %s", withoutQuery(url))
		}
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceNetwork && w.pages[e.Entry.NetworkRequestID] {
			return
		}
		w.note("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, withoutQuery(e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		w.note("writes to the console (%s)", e.Type)
	case *runtime.EventExceptionThrown:
		w.note("throws: %s", e.ExceptionDetails.Exception.Description)
	case *audits.EventIssueAdded:
		w.note("has an issue: %s%s", e.Issue.Code, about(e.Issue.Details))
	case *performancetimeline.EventTimelineEventAdded:
		if details := e.Event.LayoutShiftDetails; details != nil && !details.HadRecentInput && strings.HasPrefix(w.address, w.origins[0]) {
			if w.shift += details.Value; w.shift > maxShift {
				w.note("jumps while it loads, by %.3f:%s", w.shift, jumps(details.Sources))
			}
		}
	}
}

// jumps are from where to where parts of a page went.
func jumps(parts []*performancetimeline.LayoutShiftAttribution) string {
	var text strings.Builder
	for _, part := range parts {
		from, to := part.PreviousRect, part.CurrentRect
		fmt.Fprintf(&text, " %gx%g at %g,%g to %gx%g at %g,%g;", from.Width, from.Height, from.X, from.Y, to.Width, to.Height, to.X, to.Y)
	}
	return text.String()
}

// about says more of an issue.
func about(d *audits.InspectorIssueDetails) string {
	switch {
	case d.ContentSecurityPolicyIssueDetails != nil:
		return fmt.Sprintf(" %s %s", d.ContentSecurityPolicyIssueDetails.ViolatedDirective, d.ContentSecurityPolicyIssueDetails.BlockedURL)
	case d.GenericIssueDetails != nil:
		return fmt.Sprintf(" %s %s", d.GenericIssueDetails.ErrorType, d.GenericIssueDetails.ViolatingNodeAttribute)
	}
	return ""
}

// note keeps what was found. The lock is held.
func (w *watch) note(format string, arguments ...any) {
	w.found = append(w.found, fmt.Sprintf("the page %s "+format, append([]any{w.address}, arguments...)...))
}

// signal wakes who waits. The lock is held.
func (w *watch) signal() {
	select {
	case w.loaded <- struct{}{}:
	default:
	}
}

// documents is how many were shown.
func (w *watch) documents() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown
}

// faults are what was found.
func (w *watch) faults() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.found)
}

func withoutQuery(url string) string {
	url, _, _ = strings.Cut(url, "?")
	return url
}

// forgive forgets what was found.
func (w *watch) forgive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = nil
}

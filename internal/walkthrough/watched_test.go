package walkthrough_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/daemon"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestWatch notices what no page may do.
func TestWatch(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.NotFoundHandler())
	defer elsewhere.Close()
	for name, test := range map[string]struct{ page, want string }{
		"nothing":        {`<h1>Good</h1>`, ""},
		"another site":   {`<img alt="" src="` + elsewhere.URL + `/pixel">`, "asks another site"},
		"inline script":  {`<script>1</script>`, "Content Security Policy"},
		"an exception":   {`<script src="/throw.js"></script>`, "throws"},
		"a console line": {`<script src="/log.js"></script>`, "writes to the console"},
		"a missing file": {`<script src="/missing.js"></script>`, "404"},
		"a jump":         {`<h1>Here</h1><script src="/jump.js"></script>`, "jumps while it loads"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			console := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Security-Policy", "script-src 'self'")
				switch r.URL.Path {
				case "/":
					w.Header().Set("Content-Type", "text/html; charset=utf-8")
					fmt.Fprint(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Try</title>`+test.page)
				case "/throw.js":
					fmt.Fprint(w, `throw new Error("on purpose")`)
				case "/log.js":
					fmt.Fprint(w, `console.log("on purpose")`)
				case "/jump.js":
					fmt.Fprint(w, `requestAnimationFrame(() => requestAnimationFrame(() => { document.body.style.paddingTop = "300px"; document.title = "Jumped"; }))`)
				default:
					http.NotFound(w, r)
				}
			}))
			defer console.Close()
			info := daemon.DevInfo{Console: console.URL + "/", IDP: console.URL}
			b := open(t, &site{&patroltest.Server{DevInfo: info}, &errorLog{}}, look{})
			b.visit("/")
			if test.want != "" {
				b.until("a fault to be noted", func(context.Context) error {
					if !strings.Contains(strings.Join(b.watch.faults(), "\n"), test.want) {
						return fmt.Errorf("the faults are %q, want %q", b.watch.faults(), test.want)
					}
					return nil
				})
				b.watch.forgive()
			}
		})
	}
}

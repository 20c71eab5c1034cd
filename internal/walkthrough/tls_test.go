package walkthrough_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestTLS signs in by Microsoft's library, for which the console is a client
// with a secret or with a certificate, and looks at what the browser keeps.
func TestTLS(t *testing.T) {
	t.Parallel()
	for name, certificate := range map[string]bool{"secret": false, "certificate": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, patroltest.Options{TLS: true, ConsoleCertificate: certificate})
			b := open(t, s, look{dark: certificate})
			b.signIn("alice")
			b.checkCookies()
			b.the(link, "New token").press()
			b.the(textbox, "Name").fill("over TLS")
			b.chooseScope("Code", "vso.code")
			b.the(button, "Create token").press()
			b.at("Your new token")
			s.accepts(t, b.secret(), "vso.code")
			b.checkCookies()
			b.the(menu, "Account of Alice").click()
			b.the(button, "Sign out").press()
			b.at("You are signed out")
			b.visit("/")
			b.at("Sign in")

			answer, err := s.HTTP.Get(s.Console + "signed-out")
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if got := answer.Header.Get("Strict-Transport-Security"); answer.StatusCode != http.StatusOK || !strings.HasPrefix(got, "max-age=") {
				t.Errorf("the answer is %d with Strict-Transport-Security %q, want 200 and a max-age", answer.StatusCode, got)
			}
		})
	}
}

// checkCookies fails for a cookie of the console that another site, another
// host or a script could have.
func (b *browser) checkCookies() {
	b.Helper()
	var names []string
	for _, cookie := range call(b, network.GetCookies, network.GetCookiesParams{URLs: []string{b.site.Console}}).Cookies {
		if !strings.Contains(cookie.Name, "patrol") {
			continue // the provider's, which is on the same host
		}
		names = append(names, cookie.Name)
		if !strings.HasPrefix(cookie.Name, "__Host-patrol-") || !cookie.Secure || !cookie.HTTPOnly || cookie.SameSite != network.CookieSameSiteLax || cookie.Path != "/" {
			b.Errorf("cookie %s: secure %v, for HTTP only %v, same site %q, path %q", cookie.Name, cookie.Secure, cookie.HTTPOnly, cookie.SameSite, cookie.Path)
		}
		if strings.Contains(cookie.Value, "eyJ") {
			b.Errorf("cookie %s holds a JSON Web Token", cookie.Name)
		}
	}
	if len(names) == 0 {
		b.Error("the console left no cookie")
	}
}

package console

import (
	"net/http"
	"net/url"
	"time"
)

// cookies are what the console keeps in browsers. Cookies are sent to every
// port of a host, so their names hold the port where the console is not on its
// scheme's own.
type cookies struct {
	prefix string
	secure bool
}

// The names of cookies, after their prefix.
const (
	// sessionCookie has the secret of a session.
	sessionCookie = ""
	// browserCookie binds a sign-in to the browser that began it.
	browserCookie = "-browser"
	// noticeCookie has what the next page tells.
	noticeCookie = "-notice"
	// draftCookie has a form that was sent without a session.
	draftCookie = "-draft"
)

func newCookies(public *url.URL) cookies {
	name := "patrol"
	if port := public.Port(); port != "" {
		name += "-" + port
	}
	if public.Scheme == "https" {
		return cookies{prefix: "__Host-" + name, secure: true}
	}
	return cookies{prefix: name} // not every browser keeps __Host- cookies on http
}

// read is the value of a cookie, "" where there is none.
func (c cookies) read(r *http.Request, name string) string {
	cookie, err := r.Cookie(c.prefix + name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// write sets a cookie for a while; a life of 0 is until the browser ends.
func (c cookies) write(w http.ResponseWriter, name, value string, life time.Duration) {
	c.set(w, name, value, int(life.Seconds()))
}

// remove deletes a cookie.
func (c cookies) remove(w http.ResponseWriter, name string) { c.set(w, name, "", -1) }

func (c cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.prefix + name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

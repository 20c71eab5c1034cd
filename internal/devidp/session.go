package devidp

import (
	"net/http"
	"time"
)

// sessionLife bounds how long a browser signs in without being asked.
const sessionLife = 24 * time.Hour

const purposeSession = "session"

// session is a person who signed in with this browser. The browser keeps it, in
// a sealed cookie.
type session struct {
	User     string // object id
	AuthTime time.Time
	Contexts []string `json:",omitempty"` // authentication contexts that the sign-in met
	Refuse   string   `json:",omitempty"` // a chosen refusal that lasts
}

// sessionCookie is the cookie's name. Browsers send cookies to every port of a
// host, so that the name must be nobody else's, and another for every tenant.
func (p *Provider) sessionCookie() string {
	name := "devidp-sso-" + p.cfg.Tenant[:8]
	if p.secure() {
		return "__Host-" + name
	}
	return name
}

func (p *Provider) currentSession(r *http.Request) *session {
	cookie, err := r.Cookie(p.sessionCookie())
	if err != nil {
		return nil
	}
	var s session
	if p.sealer.open(purposeSession, cookie.Value, &s) != nil {
		return nil
	}
	if p.user(s.User) == nil || p.cfg.Now().Sub(s.AuthTime) > sessionLife {
		return nil
	}
	return &s
}

func (p *Provider) startSession(w http.ResponseWriter, s *session) error {
	value, err := p.sealer.seal(purposeSession, s)
	if err != nil {
		return err
	}
	p.setSessionCookie(w, value, 0)
	return nil
}

func (p *Provider) endSession(w http.ResponseWriter) {
	p.setSessionCookie(w, "", -1)
}

func (p *Provider) setSessionCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: p.sessionCookie(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: p.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

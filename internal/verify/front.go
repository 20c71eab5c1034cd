package verify

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Config is what verification by HTTP works with. All fields are needed but
// those that say otherwise.
type Config struct {
	Verifier      *Verifier
	Organizations Organizations
	// Clients may ask for introspection; none means that nobody may.
	Clients []Client
	// Realm is what clients show where they ask for a token: [CheckRealm]
	// accepts it. "" means [DefaultRealm].
	Realm string
	// Address is the IP address of a request's client, "" where it is not
	// known; nil means that it never is.
	Address func(*http.Request) string
	// Rest answers all other requests.
	Rest http.Handler
	Log  *slog.Logger
}

// Front answers requests for verification, and hands all others on. Paths are
// compared as they were sent: nothing is cleaned, and nothing is redirected.
type Front struct {
	Config
	asker       asker
	challenge   []string
	clients     map[string]Client
	unavailable seldom

	forwardAuth, introspection endpoint
}

// endpoint answers the requests for one path.
type endpoint struct {
	answer func(http.ResponseWriter, *http.Request, *scratch) Outcome
	counts
}

// NewFront makes a front.
func NewFront(c Config) *Front {
	f := &Front{
		Config: c, asker: asker{c.Organizations, c.Verifier.Scopes}, challenge: []string{challengeOf(c.Realm)},
		clients: map[string]Client{},
	}
	for _, client := range c.Clients {
		f.clients[client.ID] = client
	}
	f.forwardAuth.answer = f.answerForwardAuth
	f.introspection.answer = f.answerIntrospection
	return f
}

// DefaultRealm is the realm where none is configured.
const DefaultRealm = "Patrol"

// CheckRealm refuses what cannot stand in a challenge as it is.
func CheckRealm(realm string) error {
	if len(realm) > 100 || strings.ContainsFunc(realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return fmt.Errorf("%.100q is not up to 100 characters of plain ASCII without quotes and backslashes", realm)
	}
	return nil
}

func challengeOf(realm string) string {
	if realm == "" {
		realm = DefaultRealm
	}
	return `Basic realm="` + realm + `", charset="UTF-8"`
}

// scratch is space that requests use one after another.
type scratch struct {
	found, other Found
	question     question
	form         form
	buffer       []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// maxScratch bounds the space that is kept.
const maxScratch = 32 << 10

// forget leaves no secret in s for longer than a request.
func (s *scratch) forget() {
	s.form = form{}
	clear(s.buffer[:cap(s.buffer)])
}

// ServeHTTP answers one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := rawPath(r.URL); {
	case strings.HasPrefix(path, forwardPath) && (len(path) == len(forwardPath) || path[len(forwardPath)] == '/'):
		f.serve(&f.forwardAuth, w, r)
	case path == introspectionPath:
		f.serve(&f.introspection, w, r)
	default:
		f.Rest.ServeHTTP(w, r)
	}
}

// serve answers and counts one request. Nothing of a panic reaches the client,
// and its value, which may hold anything, stays out of the log.
func (f *Front) serve(e *endpoint, w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	s := scratches.Get().(*scratch)
	outcome := Failed
	defer func() {
		e.count(outcome, time.Since(began))
		if fault := recover(); fault != nil {
			if fault == http.ErrAbortHandler { //nolint:errorlint // a recovered value, which net/http compares so too
				panic(fault)
			}
			f.Log.Error("panic", "type", fmt.Sprintf("%T", fault), "stack", string(debug.Stack()))
			clear(w.Header())
			refuse(w, http.StatusInternalServerError, "internal error\n")
			return // what it left in s is not used again
		}
		if cap(s.buffer) <= maxScratch {
			s.forget()
			scratches.Put(s)
		}
	}()
	outcome = e.answer(w, r, s)
}

// The headers of answers, which nobody changes.
var (
	noStore    = []string{"no-store"}
	soon       = []string{"1"}
	plainText  = []string{"text/plain; charset=utf-8"}
	inJSON     = []string{"application/json"}
	onlyPost   = []string{http.MethodPost}
	ofRequest  = []string{"request"}
	ofScope    = []string{"scope"}
	ofWhere    = []string{"organization"}
	noSniffing = []string{"nosniff"}
)

// refuse answers with a sentence for people.
func refuse(w http.ResponseWriter, status int, sentence string) {
	h := w.Header()
	h["Cache-Control"], h["Content-Type"], h["X-Content-Type-Options"] = noStore, plainText, noSniffing
	w.WriteHeader(status)
	_, _ = io.WriteString(w, sentence) // the caller has gone
}

// complain logs seldom that something cannot be known, unless nobody waits for
// the answer any more.
func (f *Front) complain(r *http.Request, err error) {
	if r.Context().Err() == nil && f.unavailable.due() {
		f.Log.Error("tokens cannot be verified", "error", err)
	}
}

// use is what a token is used for in a request.
func (f *Front) use(r *http.Request, scope int) Use {
	u := Use{Scope: scope}
	if agents := r.Header["User-Agent"]; len(agents) > 0 {
		u.Agent = AgentOf(agents[0])
	}
	if f.Address != nil {
		if address, err := netip.ParseAddr(f.Address(r)); err == nil {
			u.Address = address
		}
	}
	return u
}

package cli

import (
	"context"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"time"
)

// loopback waits on this machine for the browser to bring the answer to a
// sign-in (RFC 8252 section 7.3).
type loopback struct {
	state, issuer string
	listener      net.Listener
	server        *http.Server
	answers       chan loopbackAnswer
}

type loopbackAnswer struct {
	code string
	err  error
}

const loopbackPath = "/callback"

// listenLoopback takes answers to the request of that state from that issuer,
// and of no other.
func listenLoopback(state, issuer string) (*loopback, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fail(exitFailed, "listening for the browser: %w", err).with("use --device-code")
	}
	l := &loopback{state: state, issuer: issuer, listener: listener, answers: make(chan loopbackAnswer, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+loopbackPath, l.take)
	l.server = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = l.server.Serve(listener) }() // ends when it is closed
	return l, nil
}

func (l *loopback) address() string { return "http://" + l.listener.Addr().String() + loopbackPath }

// wait returns the code, or the error that the issuer sent instead.
func (l *loopback) wait(ctx context.Context) (string, error) {
	select {
	case a := <-l.answers:
		return a.code, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// close lets the page that is being sent reach the browser.
func (l *loopback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		l.server.Close()
	}
}

// take reads the answer. One with another state is not for us and changes
// nothing, so that no other page can end the sign-in.
func (l *loopback) take(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(l.state)) != 1 {
		showPage(w, http.StatusBadRequest, "This is not the answer to a sign-in that is under way.")
		return
	}
	answer := loopbackAnswer{code: query.Get("code")}
	switch {
	case query.Get("iss") != "" && query.Get("iss") != l.issuer: // RFC 9207
		answer.err = errors.New("another issuer answered")
	case query.Get("error") != "":
		answer.err = errors.New(firstLine(query.Get("error_description"), query.Get("error")))
	case answer.code == "":
		answer.err = errors.New("the issuer sent no code")
	}
	select {
	case l.answers <- answer:
	default: // it came twice
	}
	if answer.err != nil {
		showPage(w, http.StatusOK, "Nobody was signed in. The terminal says why; you can close this page.")
		return
	}
	showPage(w, http.StatusOK, "You are signed in. You can close this page and go back to the terminal.")
}

// showPage sends one of our sentences.
func showPage(w http.ResponseWriter, status int, sentence string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>patrol</title>" +
		"<style>body{font:1.1rem system-ui,sans-serif;margin:20vh auto;max-width:32em;padding:0 1em}</style><p>" + sentence + "</p></html>\n"))
}

package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
	"github.com/patrolhq/patrol/internal/patroltest"
	"github.com/patrolhq/patrol/internal/server"
)

// dial opens a bare connection to a service.
func dial(t testing.TB, url string) *net.TCPConn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// exchange writes bytes as they are and reads n answers.
func exchange(t testing.TB, conn net.Conn, n int, text string) []answer {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return answers(t, conn, n)
}

func answers(t testing.TB, conn net.Conn, n int) (list []answer) {
	t.Helper()
	r := bufio.NewReader(conn)
	for range n {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("reading an answer: %v", err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("reading an answer: %v", err)
		}
		list = append(list, answer{resp.StatusCode, resp.Header, string(body)})
	}
	return list
}

// TestRawRequests speaks to a whole patrold over bare sockets.
func TestRawRequests(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	host := strings.TrimPrefix(s.API, "http://")
	auth := "Authorization: Bearer " + s.Token(t, "alice") + "\r\n"
	const target = "/contoso/_apis/tokens/pats?api-version=7.1-preview.1"
	request := func(line, headers, body string) string {
		return line + "\r\nHost: " + host + "\r\n" + headers + "\r\n" + body
	}
	const create = `{"displayName":"t","scope":"vso.code"}`
	length := fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(create))
	flood := func(n, size int) string {
		return strings.Repeat("X-Flood: "+strings.Repeat("x", size)+"\r\n", n)
	}
	tests := []struct {
		name, text string
		want       int
	}{
		{"HTTP/1.0", request("GET "+target+" HTTP/1.0", auth, ""), 200},
		{"HTTP/1.0 without Host", "GET " + target + " HTTP/1.0\r\n" + auth + "\r\n", 200},
		{"HTTP/1.0 with a body", request("POST "+target+" HTTP/1.0", auth+length, create), 200},
		{"HTTP/1.1 without Host", "GET " + target + " HTTP/1.1\r\n" + auth + "\r\n", 400},
		{"absolute form", request("GET http://elsewhere.example"+target+" HTTP/1.1", auth, ""), 200},
		{"asterisk form", request("OPTIONS * HTTP/1.1", "", ""), 404},
		{"asterisk form with a token", request("OPTIONS * HTTP/1.1", auth, ""), 404},
		{"chunked body", request("POST "+target+" HTTP/1.1", auth+"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(create), create)), 200},
		{"many headers", request("GET "+target+" HTTP/1.1", auth+flood(500, 50), ""), 200},
		{"flood of headers", request("GET "+target+" HTTP/1.1", auth+flood(5000, 50), ""), 431},
		{"huge header", request("GET "+target+" HTTP/1.1", auth+flood(1, 200<<10), ""), 431},
		{"huge Authorization", request("GET "+target+" HTTP/1.1", "Authorization: Bearer "+strings.Repeat("A", 30<<10)+"\r\n", ""), 401},
		{"flood of Authorization", request("GET "+target+" HTTP/1.1", "Authorization: Bearer "+strings.Repeat("A", 100<<10)+"\r\n", ""), 431},
		{"two Authorizations", request("GET "+target+" HTTP/1.1", auth+"Authorization: Basic eDp5\r\n", ""), 401},
		{"Authorization twice", request("GET "+target+" HTTP/1.1", auth+auth, ""), 401},
		{"empty Authorization", request("GET "+target+" HTTP/1.1", "Authorization:\r\n", ""), 401},
		{"two lengths", request("POST "+target+" HTTP/1.1", auth+length+"Content-Length: 3\r\n", create), 400},
		{"length that is none", request("POST "+target+" HTTP/1.1", auth+"Content-Length: -1\r\n", create), 400},
		{"broken chunks", request("POST "+target+" HTTP/1.1", auth+"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", "zz\r\n"+create+"\r\n0\r\n\r\n"), 400},
		{"unknown encoding", request("POST "+target+" HTTP/1.1", auth+"Transfer-Encoding: gzip\r\n", create), 501},
		{"NUL in the path", request("GET /contoso/_apis\x00/tokens/pats HTTP/1.1", auth, ""), 400},
		{"space in the path", request("GET /contoso/_apis/tokens/pats x HTTP/1.1", auth, ""), 400},
		{"control character in a header", request("GET "+target+" HTTP/1.1", auth+"X-A: a\x01b\r\n", ""), 400},
		{"no HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400},
		{"Expect without a credential", request("POST "+target+" HTTP/1.1", length+"Expect: 100-continue\r\n", ""), 401},
	}
	for _, tt := range tests {
		if got := exchange(t, dial(t, s.API), 1, tt.text)[0]; got.Status != tt.want {
			t.Errorf("%s = %d %s, want %d", tt.name, got.Status, got.Body, tt.want)
		}
	}
	// A foreign Host is not believed.
	text := "GET /contoso/_apis/resourceareas HTTP/1.1\r\nHost: elsewhere.example\r\n"
	both := exchange(t, dial(t, s.API), 2, text+auth+"\r\n"+text+"\r\n")
	for _, a := range both {
		if strings.Contains(fmt.Sprint(a), "elsewhere") {
			t.Errorf("the answer names the foreign host: %v", a)
		}
	}
}

// TestPipelining: requests that come at once are answered in order, one by
// one.
func TestPipelining(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	var text strings.Builder
	for i := range 20 {
		body := fmt.Sprintf(`{"displayName":"%02d","scope":"vso.code"}`, i)
		if i%5 == 4 {
			body = "{" // a broken one must not disturb the next
		}
		fmt.Fprintf(&text, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", alice.pats(), alice.Authorization, len(body), body)
		fmt.Fprintf(&text, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n", alice.pats("$top=1"), alice.Authorization)
		s.Clock.Advance(1)
	}
	var last string
	for i, a := range exchange(t, dial(t, s.URL), 40, text.String()) {
		switch {
		case i%2 == 0 && i/2%5 == 4:
			if a.Status != http.StatusBadRequest {
				t.Errorf("answer %d = %d, want 400", i, a.Status)
			}
		case i%2 == 0:
			if last = token(t, a).DisplayName; last != fmt.Sprintf("%02d", i/2) {
				t.Errorf("answer %d is about %q", i, last)
			}
		case a.Status != http.StatusOK:
			t.Errorf("answer %d = %d, want 200", i, a.Status)
		}
	}
	if got := len(alice.page(t).PatTokens); got != 16 {
		t.Errorf("there are %d tokens, want 16", got)
	}
}

// TestHangUpInBody: a body that ends early creates nothing.
func TestHangUpInBody(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	alice := s.as(t, "alice")
	before := s.dump(t)
	const whole = `{"displayName":"t","scope":"vso.code"}`
	head := func(c caller) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n", c.pats(), c.Authorization, len(whole)+10)
	}
	conn := dial(t, s.URL)
	if _, err := io.WriteString(conn, head(alice)+whole); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	a := answers(t, conn, 1)[0]
	if got, want := faultOf(t, a), (fault{http.StatusBadRequest, "JsonReaderException"}); got != want || !strings.Contains(message(t, a), "the body ended early") {
		t.Errorf("a body that ends early = %v %s, want %v", got, a.Body, want)
	}
	gone := dial(t, s.URL)
	if _, err := io.WriteString(gone, head(alice.in("fabrikam"))+whole); err != nil {
		t.Fatal(err)
	}
	gone.SetLinger(0) // hang up with a reset
	gone.Close()
	s.Logs.Await(t, "organization=fabrikam")
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("bodies that end early changed (-before +after):\n%s", diff)
	}
}

// TestHangUpWhileWaiting: the work for a client that is gone ends, quietly.
func TestHangUpWhileWaiting(t *testing.T) {
	t.Parallel()
	working := make(chan struct{})
	s := start(t, options{Change: func(c *server.Config) {
		c.Service.Policy = func(ctx context.Context, _ pat.Organization) (pat.Policy, error) {
			working <- struct{}{}
			<-ctx.Done()
			return pat.Policy{}, ctx.Err()
		}
	}})
	alice := s.as(t, "alice")
	before := s.dump(t)
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+alice.pats(), strings.NewReader(`{"displayName":"t","scope":"vso.code"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", alice.Authorization)
	r.Header.Set("Content-Type", "application/json")
	failed := make(chan error)
	go func() {
		_, err := s.http.Do(r)
		failed <- err
	}()
	<-working
	hangUp()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("Do = %v, want it cancelled", err)
	}
	s.Logs.Await(t, "status=499")
	if diff := cmp.Diff(before, s.dump(t)); diff != "" {
		t.Errorf("a client that hung up changed (-before +after):\n%s", diff)
	}
	for line := range strings.Lines(s.Logs.String()) {
		if strings.Contains(line, "status=499") && !strings.Contains(line, "level=DEBUG") || strings.Contains(line, "level=ERROR") {
			t.Errorf("a client that hung up is logged as %s", line)
		}
	}
}

// TestWithoutConnection: the handler works without net/http's server, as
// in-process clients use it.
func TestWithoutConnection(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
	r.RemoteAddr = ""
	s.Handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("GET /healthz = %d %q, want 200 and ok", w.Code, w.Body)
	}
}

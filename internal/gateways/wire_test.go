package gateways_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// exchange sends what stands in wire to an address, and returns the status of
// the last answer, 0 where the connection just ends.
func exchange(t testing.TB, address string, config *tls.Config, wire string) (status int) {
	t.Helper()
	conn := dial(t, address, config)
	defer conn.Close()
	if _, err := io.WriteString(conn, wire); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	for outstanding := strings.Count(wire, " HTTP/1."); outstanding > 0; {
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			return status
		}
		if status = response.StatusCode; status >= 200 {
			outstanding--
			_, _ = io.Copy(io.Discard, response.Body)
		}
		response.Body.Close()
	}
	return status
}

// directly asks Patrol over one connection, each time with a request line and
// headers that stay as they are written.
func directly(t testing.TB, patrol question) func(line string, headers ...string) (status int, header http.Header) {
	t.Helper()
	conn := dial(t, patrol.address, trusting(t, patrol))
	t.Cleanup(func() { conn.Close() })
	answers := bufio.NewReader(conn)
	return func(line string, headers ...string) (int, http.Header) {
		t.Helper()
		if _, err := io.WriteString(conn, line+" HTTP/1.1\r\nHost: patrol.example\r\n"+strings.Join(headers, "\r\n")+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		method, _, _ := strings.Cut(line, " ")
		response, err := http.ReadResponse(answers, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%.60s: %v", line, err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode, response.Header
	}
}

func dial(t testing.TB, address string, config *tls.Config) net.Conn {
	t.Helper()
	conn, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

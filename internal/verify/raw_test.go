package verify

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRealServer sends what an HTTP client cannot: through net/http, several
// Authorization headers, odd targets and smuggled headers.
func TestRealServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	server := httptest.NewUnstartedServer(w.Front)
	server.Config.DisableGeneralOptionsHandler = true // as the daemon has it
	server.Start()
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	good := "Authorization: Bearer " + secret + "\r\n"
	for raw, want := range map[string]int{
		"GET /verify/contoso/vso.code/x HTTP/1.1\r\nHost: x\r\n" + good:                         200,
		"GET /verify/contoso/vso.code HTTP/1.0\r\n" + good:                                      200,
		"GET http://elsewhere/verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good:           200,
		"BREW /verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good:                          200,
		"GET /verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good + good:                    401,
		"GET /verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\nauthorization: Basic x\r\n" + good: 401,
		"GET //verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good:                          404,
		"GET /verify/../verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good:                 403,
		"GET /x/../verify/contoso/vso.code HTTP/1.1\r\nHost: x\r\n" + good:                      404,
		"GET /verify/contoso/vso.build#/vso.code HTTP/1.1\r\nHost: x\r\n" + good:                403,
		"GET /verify/contoso/vso.code\x00 HTTP/1.1\r\nHost: x\r\n" + good:                       400,
		"GET /verify/contoso/vso.code%0 HTTP/1.1\r\nHost: x\r\n" + good:                         400,
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n" + good:                                              404,
	} {
		resp := exchange(t, address, raw+"X-Patrol-User: carol\r\nX-Patrol-Scopes: app_token\r\nConnection: close\r\n\r\n")
		if resp.StatusCode != want {
			t.Errorf("%.80q = %d, want %d", raw, resp.StatusCode, want)
		}
		if got := strings.Join(resp.Header["X-Patrol-User"], ","); got == "carol" || strings.HasPrefix(got, "carol,") || resp.Header.Get("X-Patrol-Scopes") == "app_token" {
			t.Errorf("%.80q: a smuggled header came back", raw)
		}
	}
}

// exchange sends raw and reads one answer.
func exchange(t *testing.T, address, raw string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.80q: %v", raw, err)
	}
	resp.Body.Close()
	return resp
}

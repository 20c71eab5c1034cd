package daemon_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// TestSite: who answers which request, as it stands on the wire.
func TestSite(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	const theAPI, theConsole, verification = "API", "console", "verification"
	for want, lines := range map[string][]string{
		theAPI: {
			"GET /contoso/_apis/tokens/pats", "POST /contoso/_apis/tokens/pats", "GET /CONTOSO/_APIS/TOKENS/PATS", "GET /contoso/_apis/tokens/pats/",
			"GET /contoso/%5Fapis/tokens/p%61ts", "GET /%5Fapis/patrol/signin", "GET /contoso/_apis", "OPTIONS /contoso/_apis", "OPTIONS /_apis", "GET /_apis/nothing",
			"GET /nobody/_apis/tokens/pats", "GET /contoso/_apis/../tokens", "GET /_apis/_apis", "GET /tokens/_apis/%2e%2e",
			"GET /healthz", "HEAD /healthz", "GET /HEALTHZ", "GET /readyz", "GET /readyz/", "GET /openapi.yaml", "GET /oauth2/%69ntrospect/..",
			"OPTIONS *", "GET http://elsewhere.example/contoso/_apis/tokens/pats",
			// What is not clean is nobody's, and is sent nowhere.
			"GET //", "GET //contoso/_apis/tokens/pats", "GET /x/../contoso/_apis/tokens/pats", "GET /x/../verify/contoso/vso.code", "GET //verify/contoso/vso.code",
			"GET /./verify/contoso/vso.code", "GET /%2e/verify/contoso/vso.code", "GET /contoso//tokens", "GET //evil.example/%2e%2e", "GET /verify%2F../x",
		},
		theConsole: {
			"GET /", "HEAD /", "GET /contoso/tokens", "HEAD /contoso/tokens", "POST /contoso/tokens", "OPTIONS /", "OPTIONS /contoso/tokens", "GET /sign-in", "GET /sign-in/",
			"GET /getAToken", "GET /getAToken?code=x&state=y", "GET /assets/nothing.css", "GET /contoso/tokens/_apis", "GET /contoso%2F_apis/tokens/pats", "GET /healthz/x",
			"GET /contoso/healthz", "GET /metrics", "GET /favicon.ico", "GET /verifyx", "GET /xverify/contoso/vso.code", "GET /contoso/verify", "DELETE /nothing",
			"GET http://elsewhere.example/contoso/tokens",
		},
		verification: {
			"GET /verify", "GET /verify/", "HEAD /verify/contoso/vso.code", "POST /verify/contoso/vso.code", "OPTIONS /verify/contoso/vso.code",
			"GET /verify/contoso/vso.code/_apis/../x", "GET /verify/contoso/vso.code/contoso/tokens", "GET /verify/_apis/x", "GET /verify/contoso/vso.code//assets/x",
			"POST /oauth2/introspect", "GET /oauth2/introspect",
		},
	} {
		for _, line := range lines {
			header := exchange(t, s, line)
			got := verification
			switch {
			case header.Get("Cross-Origin-Opener-Policy") != "":
				got = theConsole
			case header.Get("ActivityId") != "":
				got = theAPI
			}
			if got != want {
				t.Errorf("%s is answered by the %s, want the %s: %v", line, got, want, header)
			}
			if location := header.Get("Location"); got != theConsole && location != "" {
				t.Errorf("%s is sent to %s, want it sent nowhere", line, location)
			}
		}
	}
}

// exchange sends a request by its first line, and returns the headers of the
// answer.
func exchange(t *testing.T, s *patroltest.Server, line string) http.Header {
	t.Helper()
	host := strings.TrimPrefix(s.API, "http://")
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", line, host)
	method, _, _ := strings.Cut(line, " ")
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	answer.Body.Close()
	return answer.Header
}

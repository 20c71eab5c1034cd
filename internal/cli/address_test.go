package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
)

func TestWebAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://issuer.example":                true,
		"HTTPS://issuer.example:8443/a?b=c":     true,
		"http://127.0.0.1:8081/tenant":          true,
		"http://[::1]:8081":                     true,
		"http://LOCALHOST":                      true,
		"http://issuer.example":                 false,
		"http://127.0.0.1.evil.example":         false,
		"http://localhost.evil.example":         false,
		"https://login.example@evil.example":    false,
		"https:issuer.example":                  false,
		"https:///issuer.example":               false,
		"https://:443":                          false,
		"file:///etc/passwd":                    false,
		"file://localhost/etc/passwd":           false,
		"/etc/passwd":                           false,
		"issuer.example":                        false,
		"--help":                                false,
		"javascript:alert(1)":                   false,
		"ms-msdt:/id":                           false,
		"smb://127.0.0.1/share":                 false,
		"https://issuer.example/\x1b[2J":        false,
		"":                                      false,
		"https://issuer.example:port/authorize": false,
	} {
		if _, err := webAddress(address); (err == nil) != want {
			t.Errorf("webAddress(%q) = %v, want it to be one: %t", address, err, want)
		}
	}
	if _, err := webAddress("file:///x?code=secret"); strings.Contains(err.Error(), "secret") {
		t.Errorf("webAddress = %v, want no query in it", err)
	}
}

// evilServer is a Patrol service and its issuer on loopback, which both say what
// a test wants.
type evilServer struct {
	*httptest.Server
	signIn api.SignIn
	// discovery is the issuer's document, device its answer to a request for a
	// device code.
	discovery, device map[string]any
}

// newEvilServer is one that says nothing wrong yet. Its token endpoint refuses.
func newEvilServer(t *testing.T) *evilServer {
	t.Helper()
	s := &evilServer{}
	mux := http.NewServeMux()
	answer := func(path string, value func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(value()); err != nil {
				t.Error(err)
			}
		})
	}
	answer("/_apis/patrol/signin", func() any { return s.signIn })
	answer("/.well-known/openid-configuration", func() any { return s.discovery })
	answer("/device", func() any { return s.device })
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error": "access_denied"}`)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	s.signIn = api.SignIn{Kind: api.SignInOIDC, Authority: s.URL, Scope: "openid", ClientID: "patrol"}
	s.discovery = map[string]any{
		"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token",
		"device_authorization_endpoint": s.URL + "/device", "jwks_uri": s.URL + "/keys",
	}
	s.device = map[string]any{
		"device_code": "d", "user_code": "ABCD", "verification_uri": s.URL + "/activate", "expires_in": 60, "interval": 1,
	}
	return s
}

// TestHostileAddresses has a server and its issuer name addresses that must be
// neither opened, shown nor asked.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*evilServer)
		want   string
	}{
		{"authority", func(s *evilServer) { s.signIn.Authority = "file:///issuer" }, `"file:///issuer" is no web address`},
		{"authority in the clear", func(s *evilServer) { s.signIn.Authority = "http://issuer.example" }, `"http://issuer.example" is neither https nor`},
		{"page", func(s *evilServer) { s.discovery["authorization_endpoint"] = "file:///etc/passwd" }, `authorization_endpoint that is not used: "file:///etc/passwd" is no web address`},
		{"page in the clear", func(s *evilServer) { s.discovery["authorization_endpoint"] = "http://issuer.example/a" }, "authorization_endpoint that is not used"},
		{"token", func(s *evilServer) { s.discovery["token_endpoint"] = "http://issuer.example/token" }, "token_endpoint that is not used"},
		{"no token", func(s *evilServer) { delete(s.discovery, "token_endpoint") }, "token_endpoint that is not used"},
		{"keys", func(s *evilServer) { s.discovery["jwks_uri"] = "http://issuer.example/keys" }, "jwks_uri that is not used"},
		{"device", func(s *evilServer) { s.discovery["device_authorization_endpoint"] = "http://issuer.example/device" }, "device_authorization_endpoint that is not used"},
		{"page for the device", func(s *evilServer) { s.device["verification_uri"] = "file:///etc/passwd" }, `the page to sign in at is not opened: "file:///etc/passwd"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"--device-code"}, nil} {
				s := newEvilServer(t)
				test.change(s)
				if args == nil && strings.HasSuffix(test.name, "device") && s.discovery["device_authorization_endpoint"] == s.URL+"/device" {
					continue // a browser needs no page for a device
				}
				u := newUser(t, nil)
				r := u.patrol(t, append([]string{"login", "--server", s.URL, "--organization", "contoso"}, args...)...)
				if r.code != exitFailed || !strings.Contains(r.notes, test.want) {
					t.Errorf("login %v = %d %q, want %d and %q", args, r.code, r.notes, exitFailed, test.want)
				}
				if strings.Contains(r.notes, "sign in,") || strings.Contains(r.notes, "sign in with the browser") {
					t.Errorf("login %v says %q, want nobody sent anywhere", args, r.notes)
				}
			}
		})
	}
}

// TestRedirectInTheClear has the issuer send the request with the code on to an
// address that others can read.
func TestRedirectInTheClear(t *testing.T) {
	t.Parallel()
	to := httptest.NewServer(http.RedirectHandler("http://issuer.example/token", http.StatusTemporaryRedirect))
	defer to.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.URL, strings.NewReader("code=secret"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := securely(&http.Client{}).Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if want := `"http://issuer.example/token" is neither https nor http on this machine`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Do = %v, want %q in it", err, want)
	}
}

// TestEntraInTheClear has a library ask for what its authority names.
func TestEntraInTheClear(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://issuer.example/token?code=secret", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := webOnly{http.DefaultClient}.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if want := `"http://issuer.example/token" is neither https nor http on this machine`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Do = %v, want %q in it", err, want)
	}
}

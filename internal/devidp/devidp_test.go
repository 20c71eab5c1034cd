package devidp_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/devidp/devidptest"
)

const (
	tenant = "6f1c2b8e-3d4a-4f5b-9c6d-7e8f90a1b2c3"
	domain = "contoso.example"

	publicID       = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	otherPublicID  = "872cd9fa-d31f-45e0-9eab-6e460a02d1f1"
	confidentialID = "3c1f0d2e-7b6a-4859-8a9b-0c1d2e3f4a5b"
	secret         = "s3cret+with/odd=chars &<>\"'%"

	adoScope = devidp.DefaultAudience + "/.default"
	oddState = `s+t/a=te &<>"'`
)

var (
	alice = devidp.User{
		ObjectID: "a0000000-0000-4000-8000-00000000000a", Username: "alice@contoso.example",
		Password: "alice's pass&word+", Name: "Alice Example",
	}
	carol = devidp.User{
		ObjectID: "c0000000-0000-4000-8000-00000000000c", Username: "carol@contoso.example",
		Password: "carol-password", Name: "Carol <b>Admin</b>", Roles: []string{"Patrol.Administrator"}, Groups: []string{"g1", "g2"},
	}
)

// testKey is made once, because making one takes a while.
var testKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func testConfig(tb testing.TB) devidp.Config {
	tb.Helper()
	key, err := testKey()
	if err != nil {
		tb.Fatal(err)
	}
	return devidp.Config{
		BaseURL: "https://idp.example",
		Tenant:  tenant,
		Domain:  domain,
		Users:   []devidp.User{alice, carol},
		Clients: []devidp.Client{
			{ID: publicID, Name: "Public <i>app</i>"},
			{ID: otherPublicID, Name: "Other app"},
			{
				ID: confidentialID, Secret: secret, Name: "Web app", Roles: []string{"Automation"},
				RedirectURIs: []string{"http://localhost:5000/getAToken", "https://app.contoso.example/signed-in"},
			},
		},
		SigningKey: key,
		SealKey:    bytes.Repeat([]byte{7}, 32),
	}
}

// site is a provider that listens.
type site struct {
	*devidp.Provider
	URL       string
	CA        *x509.Certificate // nil over plain http
	Transport *http.Transport
	HTTP      *http.Client // follows no redirects, keeps no cookies
	clock     *clock
}

// clock is real time, shifted.
type clock struct {
	mu    sync.Mutex
	shift time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.shift)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shift += d
}

func startPlain(tb testing.TB, edits ...func(*devidp.Config)) *site { return start(tb, false, edits) }

func startTLS(tb testing.TB, edits ...func(*devidp.Config)) *site { return start(tb, true, edits) }

func start(tb testing.TB, secure bool, edits []func(*devidp.Config)) *site {
	tb.Helper()
	s := &site{clock: &clock{}}
	var handler http.Handler
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	cfg := testConfig(tb)
	cfg.BaseURL = scheme + server.Listener.Addr().String()
	cfg.Now = s.clock.now
	for _, edit := range edits {
		edit(&cfg)
	}
	provider, err := devidp.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	handler = provider
	s.Provider, s.URL, s.Transport = provider, cfg.BaseURL, &http.Transport{}
	if secure {
		server.StartTLS()
		s.CA = server.Certificate()
		pool := x509.NewCertPool()
		pool.AddCert(s.CA)
		s.Transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	} else {
		server.Start()
	}
	tb.Cleanup(server.Close)
	tb.Cleanup(s.Transport.CloseIdleConnections)
	s.HTTP = &http.Client{
		Transport:     s.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

func (s *site) browser() *devidptest.Browser { return devidptest.NewBrowser(s.Transport) }

func (s *site) authority() string { return s.URL + "/" + tenant }

func (s *site) authorizeURL(values url.Values) string {
	return s.authority() + "/oauth2/v2.0/authorize?" + values.Encode()
}

// response is an answer with its JSON body, when it has one.
type response struct {
	*http.Response
	Text string
	JSON map[string]any
}

// String says what came without showing a token.
func (r response) String() string {
	if r.JSON["error"] != nil {
		return fmt.Sprintf("%d %v (%v)", r.StatusCode, r.JSON["error"], r.JSON["error_description"])
	}
	return fmt.Sprintf("%d with %v", r.StatusCode, slices.Sorted(maps.Keys(r.JSON)))
}

func (s *site) do(tb testing.TB, r *http.Request) response {
	tb.Helper()
	resp, err := s.HTTP.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	result := response{Response: resp, Text: string(body)}
	_ = json.Unmarshal(body, &result.JSON) // pages are no JSON
	return result
}

func (s *site) get(tb testing.TB, address string) response {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, address, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return s.do(tb, r)
}

func (s *site) post(tb testing.TB, path string, form url.Values) response {
	tb.Helper()
	return s.do(tb, s.newPost(tb, path, form))
}

func (s *site) newPost(tb testing.TB, path string, form url.Values) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, s.URL+path, bytes.NewBufferString(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (s *site) token(tb testing.TB, form url.Values) response {
	tb.Helper()
	return s.post(tb, "/"+tenant+"/oauth2/v2.0/token", form)
}

// readClaims reads a token without verifying it.
func readClaims(tb testing.TB, token string) map[string]any {
	tb.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		tb.Fatalf("token has %d parts, want 3", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		tb.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		tb.Fatal(err)
	}
	return claims
}

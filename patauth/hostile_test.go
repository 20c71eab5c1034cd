package patauth_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/patrolhq/patrol/patauth"
)

// yes answers that the token may do all that was asked.
func yes(w http.ResponseWriter, r *http.Request) { changed("allowed", true)(w, r) }

// changed is a yes with another value of one member, or without it.
func changed(member string, value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body := good()
		body["allowed"] = true
		if body[member] = value; value == nil {
			delete(body, member)
		}
		reply(w, body)
	}
}

// status is a yes under another status.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		yes(w, r)
	}
}

// raw answers with bytes of its own, and closes the connection. In them
// %TOKEN% stands for what was presented.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, strings.ReplaceAll(answer, "%TOKEN%", r.PostForm.Get("token")))
	}
}

// text answers 200 with that body.
func text(media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		_, _ = io.WriteString(w, body)
	}
}

// zipped is a yes after a mebibyte of spaces, compressed to a thousandth.
func zipped(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	defer z.Close()
	for range 1 << 10 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<10))
	}
	_, _ = io.WriteString(z, `{"active":true,"allowed":true,"sub":"a","jti":"b"}`)
}

// hang never answers. A server notices that a caller has gone once it has read
// the body.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// drip starts a yes and never ends it.
func drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"active": true,`)
	_ = http.NewResponseController(w).Flush()
	hang(w, r)
}

// TestHostileEndpoint: whatever answers in the place of Patrol, nothing but
// Patrol's plain yes lets a caller in, the caller is told to come back, and
// neither PAT nor secret is in what is told to anyone.
func TestHostileEndpoint(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed by %s", r.Method)
		yes(w, r)
	}))
	t.Cleanup(elsewhere.Close)
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

	tests := map[string]struct {
		endpoint http.HandlerFunc
		want     int
		says     string // in the error
		retry    string
	}{
		"a yes":                      {endpoint: yes, want: 200},
		"a yes in HTTP/1.0":          {endpoint: raw("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), want: 200},
		"charset":                    {endpoint: text("application/json; charset=utf-8", `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), want: 200},
		"members nobody knows":       {endpoint: changed("aud", []string{"x"}), want: 200},
		"dead, but allowed":          {endpoint: changed("active", false), want: 401},
		"not allowed":                {endpoint: changed("allowed", false), want: 403},
		"dead and nothing else":      {endpoint: text("application/json", `{"active":false}`), want: 401},
		"no active":                  {endpoint: changed("active", nil), says: "RFC 7662"},
		"active is null":             {endpoint: text("application/json", `{"active":null,"allowed":true,"sub":"a","jti":"b"}`), says: "RFC 7662"},
		"active is a string":         {endpoint: changed("active", "true"), says: "RFC 7662"},
		"active is a number":         {endpoint: changed("active", 1), says: "RFC 7662"},
		"no allowed":                 {endpoint: changed("allowed", nil), says: `lacks "allowed"`},
		"allowed is null":            {endpoint: text("application/json", `{"active":true,"allowed":null,"sub":"a","jti":"b"}`), says: `lacks "allowed"`},
		"allowed is a string":        {endpoint: changed("allowed", "true"), says: "RFC 7662"},
		"no subject":                 {endpoint: changed("sub", nil), says: "whose token"},
		"empty id":                   {endpoint: changed("jti", ""), says: "whose token"},
		"exp is a date":              {endpoint: changed("exp", "2026-11-24"), says: "RFC 7662"},
		"empty":                      {endpoint: text("application/json", ""), says: "RFC 7662"},
		"an empty object":            {endpoint: text("application/json", "{}"), says: "RFC 7662"},
		"null":                       {endpoint: text("application/json", "null"), says: "RFC 7662"},
		"true":                       {endpoint: text("application/json", "true"), says: "RFC 7662"},
		"a list":                     {endpoint: text("application/json", `[{"active":true}]`), says: "RFC 7662"},
		"two answers":                {endpoint: text("application/json", `{"active":false}{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "RFC 7662"},
		"half an answer":             {endpoint: text("application/json", `{"active":true,"allowed":true,"sub":"a","jti":"b"`), says: "RFC 7662"},
		"a page":                     {endpoint: text("text/html", `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "not JSON"},
		"plain text":                 {endpoint: text("text/plain", `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "not JSON"},
		"a signed answer":            {endpoint: text("application/token-introspection+jwt", `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "not JSON"},
		"no media type":              {endpoint: raw("HTTP/1.1 200 OK\r\n\r\n" + `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "not JSON"},
		"too long":                   {endpoint: changed("padding", strings.Repeat("x", 1<<17)), says: "too long"},
		"no end of it":               {endpoint: text("application/json", strings.Repeat(" ", 1<<20)), says: "too long"},
		"a bomb":                     {endpoint: zipped, says: "too long"},
		"201":                        {endpoint: status(201), says: "status 201"},
		"202":                        {endpoint: status(202), says: "status 202"},
		"203, a sign-in page":        {endpoint: status(203), says: "status 203"},
		"204":                        {endpoint: status(204), says: "status 204"},
		"206":                        {endpoint: status(206), says: "status 206"},
		"301":                        {endpoint: status(301, "Location", elsewhere.URL), says: "redirects are not followed"},
		"302":                        {endpoint: status(302, "Location", elsewhere.URL), says: "redirects are not followed"},
		"303":                        {endpoint: status(303, "Location", elsewhere.URL), says: "redirects are not followed"},
		"307":                        {endpoint: status(307, "Location", elsewhere.URL), says: "redirects are not followed"},
		"308":                        {endpoint: status(308, "Location", elsewhere.URL), says: "redirects are not followed"},
		"a redirect to nowhere":      {endpoint: status(302), says: "redirects are not followed"},
		"304":                        {endpoint: status(304), says: "status 304"},
		"400":                        {endpoint: status(400), says: "status 400"},
		"401":                        {endpoint: status(401), says: "does not accept ClientID and ClientSecret"},
		"403":                        {endpoint: status(403), says: "status 403"},
		"404":                        {endpoint: status(404), says: "check that IntrospectionURL is Patrol's"},
		"429":                        {endpoint: status(429, "Retry-After", "7"), says: "status 429", retry: "7"},
		"500":                        {endpoint: status(500), says: "status 500"},
		"503":                        {endpoint: status(503, "Retry-After", "2"), says: "status 503", retry: "2"},
		"503 for a year":             {endpoint: status(503, "Retry-After", "31536000"), says: "status 503", retry: "60"},
		"503 for longer than that":   {endpoint: status(503, "Retry-After", "9223372036854775807"), says: "status 503", retry: "60"},
		"503 until yesterday":        {endpoint: status(503, "Retry-After", "-1"), says: "status 503"},
		"599":                        {endpoint: status(599), says: "status 599"},
		"no answer":                  {endpoint: hang, says: "in time"},
		"an answer without end":      {endpoint: drip, says: "in time"},
		"the connection breaks":      {endpoint: raw(""), says: "connection ended"},
		"it breaks in the header":    {endpoint: raw("HTTP/1.1 200 OK\r\nContent-Type: application/js"), says: "connection ended"},
		"it breaks in the body":      {endpoint: raw(head + "Content-Length: 500\r\n\r\n" + `{"active":true,"allowed":true,"sub":"a","jti":"b"}`), says: "connection ended"},
		"it breaks between chunks":   {endpoint: raw(head + "Transfer-Encoding: chunked\r\n\r\n32\r\n" + `{"active":true,"allowed":true,"sub":"a","jti":"b"}` + "\r\n"), says: "connection ended"},
		"the token as the status":    {endpoint: raw("HTTP/1.1 %TOKEN% OK\r\n\r\n"), says: "no answer that can be read"},
		"the token as the answer":    {endpoint: raw("%TOKEN%\r\n\r\n"), says: "no answer that can be read"},
		"the token as the version":   {endpoint: raw("%TOKEN% 200 OK\r\n\r\n"), says: "no answer that can be read"},
		"the token as the length":    {endpoint: raw(head + "Content-Length: %TOKEN%\r\n\r\n"), says: "no answer that can be read"},
		"the token as a header":      {endpoint: raw(head + "%TOKEN%\r\n\r\n"), says: "no answer that can be read"},
		"the token as a chunk":       {endpoint: raw(head + "Transfer-Encoding: chunked\r\n\r\n%TOKEN%\r\n"), says: "no answer that can be read"},
		"the token as the encoding":  {endpoint: raw(head + "Transfer-Encoding: %TOKEN%\r\n\r\n"), says: "no answer that can be read"},
		"the token as the media":     {endpoint: raw("HTTP/1.1 200 OK\r\nContent-Type: %TOKEN%\r\n\r\n"), says: "not JSON"},
		"the token as the place":     {endpoint: raw("HTTP/1.1 302 Found\r\nLocation: http://%TOKEN% \x7f/\r\n\r\n"), says: ""},
		"the token as the wait":      {endpoint: raw("HTTP/1.1 503 No\r\nRetry-After: %TOKEN%\r\n\r\n"), says: "status 503"},
		"the token in the JSON":      {endpoint: raw(head + "\r\n" + `{"active":true,"exp":"%TOKEN%"}`), says: "RFC 7662"},
		"a header without end":       {endpoint: raw(head + strings.Repeat("X-Padding: x\r\n", 1<<15) + "\r\n"), says: ""},
		"nothing but go-aheads":      {endpoint: raw(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1<<10)), says: ""},
		"two lengths":                {endpoint: raw(head + "Content-Length: 2\r\nContent-Length: 16\r\n\r\n" + `{"active":true}`), says: "no answer that can be read"},
		"an answer in other clothes": {endpoint: raw("SSH-2.0-OpenSSH_9.2\r\n"), says: "no answer that can be read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.want == 0 {
				test.want = 503
			}
			if test.retry == "" {
				test.retry = "3"
			}
			config := start(t, test.endpoint)
			config.HTTP.Timeout = time.Minute
			if test.says == "in time" {
				config.HTTP.Timeout = 100 * time.Millisecond
			}
			w, told := through(t, config)
			if w.Code != test.want {
				t.Fatalf("status %d, want %d\n%s", w.Code, test.want, told)
			}
			if test.want == 503 && (w.Header().Get("Retry-After") != test.retry || !strings.Contains(told, test.says)) {
				t.Errorf("Retry-After %q, error %s, want %q and %q", w.Header().Get("Retry-After"), told, test.retry, test.says)
			}
		})
	}
}

// through sends a request with a good PAT through the middleware, and returns
// the answer and all that an error log would get of it.
func through(t *testing.T, config patauth.Config) (w *httptest.ResponseRecorder, told string) {
	t.Helper()
	var log strings.Builder
	config.Organization = "contoso"
	config.OnRefusal = func(_ *http.Request, err *patauth.Error) {
		fmt.Fprintf(&log, "%v\n%+v\n%#v\n", err, err, err)
		for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(cause) {
			fmt.Fprintf(&log, "%v\n%+v\n%#v\n", cause, cause, cause)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", basic("any", goodPAT))
	w = httptest.NewRecorder()
	newAuthenticator(t, config).Require("vso.code")(whoami).ServeHTTP(w, r)
	for _, secret := range []string{goodPAT, clientSecret} {
		if all := log.String() + fmt.Sprint(w.Header()) + w.Body.String(); strings.Contains(all, secret) || strings.Contains(all, secret[:20]) {
			t.Error("a secret is in the answer or the error")
		}
	}
	if w.Code == 503 && !strings.HasPrefix(w.Body.String(), "the personal access token cannot be checked now") {
		t.Errorf("body %q, want no more than that it cannot be checked", w.Body)
	}
	return w, log.String()
}

// TestNobodyThere: nothing listens, or what listens is not trusted.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	untrusted := httptest.NewUnstartedServer(http.HandlerFunc(yes))
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes are what is tried
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.HandlerFunc(yes))
	t.Cleanup(plain.Close)

	for endpoint, says := range map[string]string{
		"http://" + listener.Addr().String():                    "connection refused",
		untrusted.URL:                                           "certificate",
		"https" + strings.TrimPrefix(plain.URL, "http"):         "no answer that can be read",
		"http" + strings.TrimPrefix(untrusted.URL, "https"):     "status 400",
		"https://patrol.invalid/oauth2/introspect":              "patrol.invalid",
		"http://" + listener.Addr().String() + "/not/a/%2Fpath": "connection refused",
	} {
		w, told := through(t, patauth.Config{IntrospectionURL: endpoint, ClientID: clientID, ClientSecret: clientSecret})
		if w.Code != 503 || !strings.Contains(told, says) {
			t.Errorf("%s: status %d, error %s, want 503 and %q", endpoint, w.Code, told, says)
		}
	}
}

// TestOwnClientIsBound: a client of the service's own may not loosen the rules.
func TestOwnClientIsBound(t *testing.T) {
	t.Parallel()
	config := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/introspect" {
			http.Redirect(w, r, "/yes", http.StatusTemporaryRedirect)
			return
		}
		yes(w, r)
	}))
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	followed := false
	config.HTTP = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		followed = true
		return nil
	}}
	if w, told := through(t, config); w.Code != 503 || followed {
		t.Errorf("status %d, followed %t, want 503 and not: %s", w.Code, followed, told)
	}
	if config.HTTP.Timeout != 0 || config.HTTP.Transport != nil {
		t.Error("the service's client was changed")
	}
}

// TestRestart: a connection that was kept and has gone is no reason to refuse.
func TestRestart(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(l net.Listener) *httptest.Server {
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(yes)}}
		server.Start()
		return server
	}
	first := serve(listener)
	auth := newAuthenticator(t, patauth.Config{IntrospectionURL: first.URL, ClientID: clientID, ClientSecret: clientSecret})
	if _, err := auth.Check(t.Context(), goodPAT); err != nil {
		t.Fatalf("Check = %v", err)
	}
	first.CloseClientConnections()
	first.Close()
	if listener, err = net.Listen("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	second := serve(listener)
	defer second.Close()
	if _, err := auth.Check(t.Context(), goodPAT); err != nil {
		t.Errorf("Check = %v after a restart", err)
	}
}

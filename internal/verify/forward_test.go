package verify

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/pat"
)

// TestForwardAuthAnswer holds the whole answer to an accepted token.
func TestForwardAuthAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alice.Username = "alïce 100%@contoso.example"
	token, secret := w.token(t, "vso.code vso.work", true)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, "PROPFIND"} {
		r := request(method, "/verify/fabrikam/vso.code/info/refs?service=git-upload-pack", "a body", "Authorization", basic("alice", secret),
			"X-Patrol-User", "carol", "X-Patrol-Subject", "smuggled", "Accept", "image/png", "Content-Type", "what/ever", "Git-Protocol", "version=2")
		resp := w.do(r)
		want := http.Header{
			"Cache-Control":             {"no-store"},
			"X-Patrol-Subject":          {w.alice.ID.String()},
			"X-Patrol-User":             {"al%C3%AFce%20100%25@contoso.example"},
			"X-Patrol-Organization":     {"fabrikam"},
			"X-Patrol-Scopes":           {"vso.code vso.work"},
			"X-Patrol-Authorization-Id": {token.ID.String()},
			"X-Patrol-Expires":          {token.ValidTo.Format(time.RFC3339Nano)},
		}
		if diff := cmp.Diff(want, resp.Header); resp.StatusCode != http.StatusOK || diff != "" || body(t, resp) != "" {
			t.Errorf("%s = %d (-want +got):\n%s", method, resp.StatusCode, diff)
		}
	}
	if _, err := time.Parse(time.RFC3339, token.ValidTo.Format(time.RFC3339Nano)); err != nil {
		t.Error(err)
	}
}

// TestForwardAuthNamelessOwner: where the user name is not known it is the
// object id, for no header may be empty.
func TestForwardAuthNamelessOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.alice.Username = ""
	_, secret := w.token(t, "vso.code", false)
	resp := w.get(t, "/verify", "Authorization", "Bearer "+secret)
	if got := resp.Header.Get("X-Patrol-User"); got != w.alice.ID.String() {
		t.Errorf("X-Patrol-User = %q, want the object id", got)
	}
}

// TestQuestions asks for one token, of contoso with vso.code_write and
// vso.work, in all ways that are right or wrong.
func TestQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code_write vso.work", false)
	const ok, forbidden = http.StatusOK, http.StatusForbidden
	long := strings.Repeat("a", 8<<10)
	tests := []struct {
		target string
		status int
		reason string
	}{
		{"/verify", ok, ""},
		{"/verify?", ok, ""},
		{"/verify/-/-", ok, ""},
		{"/verify/-/-/", ok, ""},
		{"/verify/contoso/-", ok, ""},
		{"/verify/CONTOSO/vso.code", ok, ""},
		{"/verify/" + w.contoso.ID.String() + "/vso.code", ok, ""},
		{"/verify/" + strings.ToUpper(w.contoso.ID.String()) + "/vso.code", ok, ""},
		{"/verify/-/vso.code+vso.work+vso.profile", ok, ""},
		{"/verify/contoso/vso.code/anything/at/all?org=fabrikam&org=x&scope=&%zz", ok, ""},
		{"/verify/contoso/vso.code//../../../fabrikam/app_token", ok, ""},
		{"/verify/contoso/vso.code/%2e%2e/%2F%00", ok, ""},
		{"/verify/contoso/vso.code/" + long, ok, ""},
		{"/verify/c%6fntoso/vso%2ecode", ok, ""},

		{"/verify/fabrikam/-", forbidden, "organization"},
		{"/verify/fabrikam/vso.build/x", forbidden, "organization"},
		{"/verify/contoso/vso.build", forbidden, "scope"},
		{"/verify/contoso/vso.code+vso.build", forbidden, "scope"},
		{"/verify/-/app_token", forbidden, "scope"},

		{"/verify/", forbidden, "request"},
		{"/verify//", forbidden, "request"},
		{"/verify//vso.code", forbidden, "request"},
		{"/verify/contoso", forbidden, "request"},
		{"/verify/contoso/", forbidden, "request"},
		{"/verify/contoso//vso.code", forbidden, "request"},
		{"/verify/contoso/?scope=vso.code", forbidden, "request"},
		{"/verify/unknown/vso.code", forbidden, "request"},
		{"/verify/contoso/vso.unknown", forbidden, "request"},
		{"/verify/contoso/vso.code+", forbidden, "request"},
		{"/verify/contoso/+vso.code", forbidden, "request"},
		{"/verify/contoso/vso.code++vso.work", forbidden, "request"},
		{"/verify/contoso/vso.code%2Bvso.work", forbidden, "request"},
		{"/verify/contoso/vso.code%20vso.work", forbidden, "request"},
		{"/verify/contoso/vso.code,vso.work", forbidden, "request"},
		{"/verify/contoso/vso.code;x=y/", forbidden, "request"},
		{"/verify/contoso/-+vso.code", forbidden, "request"},
		{"/verify/contoso/%2D", forbidden, "request"},
		{"/verify/%2D/vso.code", forbidden, "request"},
		{"/verify/contoso%2Fvso.code", forbidden, "request"},
		{"/verify/contoso%2Fvso.code/x", forbidden, "request"},
		{`/verify/contoso%2Fvso.code/"`, forbidden, "request"},
		{`/verify/contoso/vso.work%2Fx/"`, forbidden, "request"},
		{"/verify/../contoso/vso.code", forbidden, "request"},
		{"/verify/./contoso/vso.code", forbidden, "request"},
		{"/verify/%2e%2e/contoso/vso.code", forbidden, "request"},
		{"/verify/../-/-", forbidden, "request"},
		{"/verify/contoso%00/vso.code", forbidden, "request"},
		{"/verify/contoso/vso.code%00", forbidden, "request"},
		{"/verify/contoso/vso.c\u00f6de", forbidden, "request"},
		{"/verify/contoso/vso.code%ff", forbidden, "request"},
		{"/verify/" + long + "/vso.code", forbidden, "request"},
		{"/verify/contoso/" + long, forbidden, "request"},

		{"/verify?org=contoso", ok, ""},
		{"/verify?org=" + w.contoso.ID.String() + "&scope=vso.code", ok, ""},
		{"/verify?scope=vso.code+vso.work", ok, ""},
		{"/verify?scope=vso.code%20vso.work", ok, ""},
		{"/verify?scope=vso.code&scope=vso.work&scope=vso.code", ok, ""},
		{"/verify?scope=+vso.code++vso.work+", ok, ""},
		{"/verify?service=git-upload-pack&&x", ok, ""},
		{"/verify?Org=fabrikam", ok, ""},
		{"/verify?%73cope=vso.code", ok, ""},

		{"/verify?org=fabrikam", forbidden, "organization"},
		{"/verify?scope=vso.code&scope=vso.build", forbidden, "scope"},
		{"/verify?scope=vso.code+vso.build", forbidden, "scope"},
		{"/verify?%73cope=vso.build", forbidden, "scope"},

		{"/verify?org=", forbidden, "request"},
		{"/verify?org", forbidden, "request"},
		{"/verify?org=contoso&org=contoso", forbidden, "request"},
		{"/verify?org=contoso&org=", forbidden, "request"},
		{"/verify?org=-", forbidden, "request"},
		{"/verify?org=unknown", forbidden, "request"},
		{"/verify?scope=", forbidden, "request"},
		{"/verify?scope", forbidden, "request"},
		{"/verify?scope=+", forbidden, "request"},
		{"/verify?scope=-", forbidden, "request"},
		{"/verify?scope=vso.code&scope=", forbidden, "request"},
		{"/verify?scope=vso.code%2Bvso.work", forbidden, "request"},
		{"/verify?scope=vso.code;scope=vso.work", forbidden, "request"},
		{"/verify?scope=vso.code&x;y", forbidden, "request"},
		{"/verify?scope=vso.code/caller/path?and=query", forbidden, "request"},
		{"/verify?scope=vso.code&x=%zz", forbidden, "request"},
		{"/verify?scope=vso.code%00", forbidden, "request"},
	}
	for _, tt := range tests {
		resp := w.get(t, tt.target, "Authorization", "Bearer "+secret)
		if resp.StatusCode != tt.status || resp.Header.Get("X-Patrol-Reason") != tt.reason {
			t.Errorf("GET %.80s = %d, reason %q, want %d, %q", tt.target, resp.StatusCode, resp.Header.Get("X-Patrol-Reason"), tt.status, tt.reason)
		}
		if resp.StatusCode != ok {
			closed(t, tt.target, resp)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("GET %.80s: Cache-Control = %q, want no-store", tt.target, got)
		}
	}
}

// closed fails where an answer that is not 200 says anything that a gateway
// could take for an identity, or a redirect.
func closed(t *testing.T, what string, resp *http.Response) {
	t.Helper()
	for name := range resp.Header {
		if strings.HasPrefix(name, "X-Patrol-") && name != "X-Patrol-Reason" || name == "Location" {
			t.Errorf("%.80s: the answer, %d, has a header %s", what, resp.StatusCode, name)
		}
	}
	if resp.StatusCode < 400 {
		t.Errorf("%.80s = %d, want an error", what, resp.StatusCode)
	}
}

// TestElsewhere: other paths are not answered here, however near they are.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "app_token", false)
	for _, target := range []string{
		"/", "//verify", "//verify/contoso/-", "/Verify", "/verify2", "/verify;x", "/verify%2F-/-", "/%76erify", "/x/../verify", "/./verify",
		"/verif", "/VERIFY/-/-", "/oauth2/introspect/", "/oauth2//introspect", "/oauth2/Introspect", "/oauth2/introspect%20",
	} {
		if resp := w.get(t, target, "Authorization", "Bearer "+secret); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %d, want what answers all else", target, resp.StatusCode)
		}
	}
}

// TestCredentials presents one token in all ways.
func TestCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	dead, deadSecret := w.token(t, "vso.code", false)
	w.revoke(t, dead)
	const ok, unauthorized = http.StatusOK, http.StatusUnauthorized
	tests := map[string]struct {
		headers []string
		want    int
	}{
		"bearer":                       {[]string{"Bearer " + secret}, ok},
		"bearer in another case":       {[]string{"bEARER " + secret}, ok},
		"bearer, spaces":               {[]string{"Bearer   " + secret}, ok},
		"basic":                        {[]string{basic("alice", secret)}, ok},
		"basic in another case":        {[]string{"bASIC" + basic("alice", secret)[5:]}, ok},
		"basic without a user":         {[]string{basic("", secret)}, ok},
		"basic with a long user":       {[]string{basic(strings.Repeat("a", 2000), secret)}, ok},
		"basic, the user":              {[]string{basic(secret, "")}, ok},
		"nothing":                      {nil, unauthorized},
		"empty":                        {[]string{""}, unauthorized},
		"no scheme":                    {[]string{secret}, unauthorized},
		"another scheme":               {[]string{"PAT " + secret}, unauthorized},
		"two, the same":                {[]string{"Bearer " + secret, "Bearer " + secret}, unauthorized},
		"two, the first good":          {[]string{"Bearer " + secret, "Bearer x"}, unauthorized},
		"two in one":                   {[]string{"Bearer " + secret + ", Bearer " + secret}, unauthorized},
		"two words":                    {[]string{"Bearer " + secret + " x"}, unauthorized},
		"tab":                          {[]string{"Bearer\t" + secret}, unauthorized},
		"quoted":                       {[]string{`Bearer "` + secret + `"`}, unauthorized},
		"noise":                        {[]string{"Bearer noise"}, unauthorized},
		"other case":                   {[]string{"Bearer " + strings.ToLower(secret)}, unauthorized},
		"revoked":                      {[]string{"Bearer " + deadSecret}, unauthorized},
		"invented":                     {[]string{"Bearer " + invented(t)}, unauthorized},
		"too long":                     {[]string{"Bearer " + strings.Repeat(" ", maxAuthorization) + secret}, unauthorized},
		"user beside another password": {[]string{basic(secret, "x")}, unauthorized},
		"basic, neither":               {[]string{basic("", "")}, unauthorized},
		"basic, no colon":              {[]string{"Basic " + strings.TrimPrefix(basic(secret, ""), "Basic ")[:112]}, unauthorized},
		"basic, no base64":             {[]string{"Basic " + secret + "!"}, unauthorized},
		"basic, empty":                 {[]string{"Basic "}, unauthorized},
		"basic, colon in the password": {[]string{basic("alice", "x:"+secret)}, unauthorized},
		"not ASCII":                    {[]string{"Bearer \xff\x00" + secret}, unauthorized},
	}
	for name, tt := range tests {
		r := request(http.MethodGet, "/verify/contoso/vso.code", "")
		r.Header["Authorization"] = tt.headers
		resp := w.do(r)
		if resp.StatusCode != tt.want {
			t.Errorf("%s = %d, want %d", name, resp.StatusCode, tt.want)
		}
		if tt.want != unauthorized {
			continue
		}
		closed(t, name, resp)
		if diff := cmp.Diff([]string{`Basic realm="Patrol", charset="UTF-8"`}, resp.Header["Www-Authenticate"]); diff != "" {
			t.Errorf("%s: challenge (-want +got):\n%s", name, diff)
		}
	}
}

// TestOpenQuestion: where the caller may have named the organization, naming
// one does not make good what would not be good without.
func TestOpenQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", true)
	restricted := pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true}}}
	status := func(target string) int {
		return w.get(t, target, "Authorization", "Bearer "+secret).StatusCode
	}
	if got := status("/verify?org=fabrikam"); got != http.StatusOK {
		t.Errorf("by query = %d, want 200", got)
	}
	w.Policies.set(w.contoso, restricted) // where the token is managed
	for target, want := range map[string]int{
		"/verify": http.StatusForbidden, "/verify?org=fabrikam": http.StatusForbidden, "/verify?org=contoso": http.StatusForbidden,
		"/verify/fabrikam/-": http.StatusOK, "/verify/-/-": http.StatusForbidden,
	} {
		if got := status(target); got != want {
			t.Errorf("%s = %d, want %d", target, got, want)
		}
	}
}

// TestForwardAuthUnavailable: what cannot be known is 503, and the log says why
// once.
func TestForwardAuthUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	w.Source.before = func() error { return pat.ErrUnavailable }
	for range 3 {
		resp := w.get(t, "/verify/contoso/-", "Authorization", "Bearer "+secret)
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" {
			t.Errorf("GET = %d, Retry-After %q, want 503, 1", resp.StatusCode, resp.Header.Get("Retry-After"))
		}
		closed(t, "unavailable", resp)
	}
	if got := strings.Count(w.Logs.String(), "cannot be verified"); got != 1 {
		t.Errorf("the log says so %d times, want once", got)
	}
}

// TestForwardAuthPanics: a panic is a 500 and says nothing to the client, nor
// what it held to the log.
func TestForwardAuthPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	w.Source.before = func() error { panic("value " + secret) }
	resp := w.get(t, "/verify/contoso/-", "Authorization", "Bearer "+secret)
	if got := body(t, resp); resp.StatusCode != http.StatusInternalServerError || got != "internal error\n" {
		t.Errorf("GET = %d, %q, want 500 without detail", resp.StatusCode, got)
	}
	closed(t, "panic", resp)
	if logs := w.Logs.String(); !strings.Contains(logs, "panic") || strings.Contains(logs, secret[:52]) {
		t.Errorf("the log says %q, want a panic without its value", logs)
	}
}

// TestUseIsNoted: address, agent and scope of an accepted request.
func TestUseIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, secret := w.token(t, "vso.code_write vso.work", false)
	r := request(http.MethodGet, "/verify/contoso/vso.work+vso.code/x", "", "Authorization", "Bearer "+secret, "User-Agent", "git/2.39.5")
	r.RemoteAddr = "192.0.2.7:1234"
	w.do(r)
	r = request(http.MethodGet, "/verify/contoso/vso.build", "", "Authorization", "Bearer "+secret, "User-Agent", "curl/7")
	w.do(r) // refused, which is no use
	store := new(recorder)
	w.Uses.Store = store
	w.Uses.Flush(t.Context())
	want := []pat.Usage{{Token: token.ID, At: noon.Truncate(time.Second), Address: "192.0.2.7", Agent: "git", Scope: "vso.work"}}
	if diff := cmp.Diff(want, store.uses); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
}

// TestStatsCount: every answer is counted once, by its outcome.
func TestStatsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, secret := w.token(t, "vso.code", false)
	for _, target := range []string{"/verify", "/verify/-/-", "/verify/fabrikam/-", "/verify/-/vso.build", "/verify/x"} {
		w.get(t, target, "Authorization", "Bearer "+secret)
	}
	w.get(t, "/verify")
	w.get(t, "/elsewhere")
	s := w.Front.Stats()
	want := [outcomes]int64{Accepted: 2, Refused: 1, RefusedOrganization: 1, RefusedScope: 1, BadRequest: 1}
	if diff := cmp.Diff(want, s.ForwardAuth.Outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	var timed int64
	for _, n := range s.ForwardAuth.Latency.Buckets {
		timed += n
	}
	if timed != 6 || s.ForwardAuth.Latency.Sum <= 0 || s.Hits != 3 || s.Misses != 1 || s.Rows != 1 || s.Size != MinCacheSize {
		t.Errorf("stats = %+v, want 6 requests timed, 3 hits and 1 miss, 1 row", s)
	}
}

// FuzzAskByPath: nothing that is added after two segments, to the path or as
// query, changes the question.
func FuzzAskByPath(f *testing.F) {
	w := newWorld(f)
	for _, path := range []string{"contoso/vso.code", "-/-", "contoso/vso.code+vso.work", "%63ontoso/vso.code", "contoso%2Fx/vso.code", "a/b", "//", "contoso"} {
		for _, added := range []string{"", "x", "../../fabrikam/-", "%2e%2e/", `"`, "%zz", "?org=fabrikam", "//", "\x80", "+vso.build", "#", ";"} {
			f.Add(path, added)
		}
	}
	f.Fuzz(func(t *testing.T, path, added string) {
		if strings.Count(path, "/") != 1 || strings.Contains(path, "?") {
			return
		}
		before, err := url.ParseRequestURI("/verify/" + path)
		if err != nil {
			return
		}
		var want question
		known := w.Front.asker.ask(before, &want)
		for _, separator := range []string{"/", "?", "/?"} {
			after, err := url.ParseRequestURI("/verify/" + path + separator + added)
			if err != nil {
				continue // the server refuses it
			}
			var got question
			if ok := w.Front.asker.ask(after, &got); ok != known || !cmp.Equal(want, got, cmp.AllowUnexported(question{})) {
				t.Errorf("%q asks %v, %+v; with %q added it asks %v, %+v", path, known, want, separator+added, ok, got)
			}
		}
	})
}

// FuzzAskByQuery: adding parameters never turns a no into a yes.
func FuzzAskByQuery(f *testing.F) {
	w := newWorld(f)
	var secrets []string
	for _, scope := range []string{"vso.code", "vso.work", "app_token"} {
		for _, all := range []bool{false, true} {
			_, secret := w.token(f, scope, all)
			secrets = append(secrets, secret)
		}
	}
	queries := []string{
		"", "org=contoso", "org=fabrikam", "scope=vso.code", "scope=vso.work", "org=contoso&scope=vso.code", "org=", "scope=", "scope=x", "org=closed",
		"%zz", ";", "&", "=", "org", "scope=vso.code+vso.work", "org=contoso&org=fabrikam", "%6frg=fabrikam", "scope=%2B",
	}
	for _, query := range queries {
		for _, added := range queries {
			f.Add(query, added, false)
			f.Add(query, added, true)
		}
	}
	restricted := pat.Policy{Creation: pat.CreationRestriction{Restriction: pat.Restriction{On: true}}}
	f.Fuzz(func(t *testing.T, query, added string, restrict bool) {
		w.Policies.set(w.contoso, pat.Policy{})
		if restrict {
			w.Policies.set(w.contoso, restricted)
		}
		for i, secret := range secrets {
			without, ok := w.askedBy(query, secret)
			if !ok || without == http.StatusOK {
				continue
			}
			for _, more := range []string{query + "&" + added, added + "&" + query} {
				if with, ok := w.askedBy(more, secret); ok && with == http.StatusOK {
					t.Errorf("token %d: %q is answered with %d, %q with %d", i, query, without, more, with)
				}
			}
		}
	})
}

// askedBy is the answer to a token by a query; ok is false where no server
// would take that.
func (w *world) askedBy(query, secret string) (status int, ok bool) {
	if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /verify?" + query + " HTTP/1.1\r\nHost: x\r\n\r\n"))); err != nil {
		return 0, false
	}
	target := "/verify?" + query
	if _, err := url.ParseRequestURI(target); err != nil {
		return 0, false
	}
	return w.do(request(http.MethodGet, target, "", "Authorization", "Bearer "+secret)).StatusCode, true
}

// bare is a response that costs nothing.
type bare struct {
	header http.Header
	status int
}

func (b *bare) Header() http.Header         { return b.header }
func (b *bare) WriteHeader(status int)      { b.status = status }
func (b *bare) Write(p []byte) (int, error) { return len(p), nil }

func (b *bare) WriteString(s string) (int, error) { return len(s), nil }

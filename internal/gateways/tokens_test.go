package gateways_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// TestTokens: of all tokens, those that are good for what the page asks get
// through, with their owner's name and without themselves.
func TestTokens(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	contoso, fabrikam := clientOf(t, p, "contoso"), clientOf(t, p, "fabrikam")
	reading, readingID := create(t, contoso, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	writing, _ := create(t, contoso, api.PatTokenCreateRequest{Scope: "vso.packaging_write"})
	full, _ := create(t, contoso, api.PatTokenCreateRequest{Scope: "app_token"})
	other, _ := create(t, contoso, api.PatTokenCreateRequest{Scope: "vso.code"})
	elsewhere, _ := create(t, fabrikam, api.PatTokenCreateRequest{Scope: "vso.packaging"})
	everywhere, _ := create(t, fabrikam, api.PatTokenCreateRequest{Scope: "vso.packaging", AllOrgs: true})
	mistyped := "A" + reading[1:]
	if mistyped == reading {
		mistyped = "B" + reading[1:]
	}

	tests := map[string]struct {
		method string
		tokens []string
		want   int
	}{
		"good":                       {"GET", []string{reading, writing, full, everywhere}, 200},
		"good for writing":           {"PUT", []string{writing, full}, 200},
		"good for reading, of HEAD":  {"HEAD", []string{reading}, 200},
		"under-scoped for reading":   {"GET", []string{other}, 403},
		"under-scoped for writing":   {"PUT", []string{reading, other, everywhere}, 403},
		"under-scoped, of POST":      {"POST", []string{reading}, 403},
		"under-scoped, of DELETE":    {"DELETE", []string{reading}, 403},
		"under-scoped, of OPTIONS":   {"OPTIONS", []string{reading}, 403},
		"under-scoped, of PROPFIND":  {"PROPFIND", []string{reading}, 403},
		"for another organization":   {"GET", []string{elsewhere}, 403},
		"none":                       {"GET", []string{""}, 401},
		"noise":                      {"GET", []string{"noise", mistyped, strings.ToLower(reading), reading + "A", strings.Repeat("A", 84)}, 401},
		"none, for writing":          {"PUT", []string{"", "noise"}, 401},
		"none, by an unknown method": {"BREW", []string{""}, 401},
	}
	s := newSurroundings(t, patrol)
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				for _, token := range test.tokens {
					for _, authorization := range []string{basic("any", token), basic(token, ""), bearer(token)} {
						checkAnswer(t, s, g, test.method, authorization, test.want)
					}
				}
			})
		}
		t.Run("no header", func(t *testing.T) { checkAnswer(t, s, g, "GET", "", 401) })
		t.Run("identity", func(t *testing.T) {
			checkAnswer(t, s, g, "GET", basic("any", reading), 200)
			want := identityOf(t, contoso, readingID)
			g.get(t, basic("any", reading))
			if diff := cmp.Diff(want, s.backend.take()[0].identity()); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
		})
		for _, secret := range []string{reading, writing, full, other, elsewhere, everywhere} {
			if strings.Contains(g.log(), secret) {
				t.Error("a token is in the gateway's log")
			}
		}
		if !strings.Contains(g.log(), "/packages/left-pad") {
			t.Error("the gateway logged no request: nothing is proved by its log")
		}
	})
}

// checkAnswer makes a request, compares the answer, and looks whether it got
// through only where it was to, whole and without the token.
func checkAnswer(t *testing.T, s *surroundings, g *gateway, method, authorization string, want int) {
	t.Helper()
	const uri = "/packages/left-pad?version=1.3.0&scope=-&org=-"
	body := ""
	if method == "PUT" {
		body = "a package"
	}
	response := g.do(t, method, uri, authorization, strings.NewReader(body))
	reached := s.backend.take()
	if response.StatusCode != want {
		t.Errorf("%s: status %d, want %d", method, response.StatusCode, want)
	}
	if challenge := response.Header.Get("WWW-Authenticate"); (want == 401) != strings.HasPrefix(challenge, "Basic realm=") {
		t.Errorf("%s: status %d with challenge %q", method, response.StatusCode, challenge)
	}
	if want != 200 {
		if len(reached) > 0 {
			t.Errorf("%s: status %d, and it reached the service", method, want)
		}
		return
	}
	if len(reached) != 1 || reached[0].method != method || reached[0].uri != uri || reached[0].body != body {
		t.Errorf("%s: reached the service as %+v", method, withoutHeaders(reached))
	} else if reached[0].header["Authorization"] != nil {
		t.Errorf("%s: the token reached the service", method)
	}
}

func withoutHeaders(reached []arrival) []arrival {
	for i := range reached {
		reached[i].header = nil
	}
	return reached
}

// do makes a request through the gateway; its answer's body has been read.
func (g *gateway) do(t testing.TB, method, uri, authorization string, body io.Reader) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "https://"+g.address+uri, body)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := g.client.Do(r)
	if err != nil {
		t.Fatalf("%s through %s: %v", method, g.name, err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response
}

func (g *gateway) get(t testing.TB, authorization string) int {
	t.Helper()
	return g.do(t, http.MethodGet, "/packages/left-pad", authorization, nil).StatusCode
}

// identityOf is what a service is to be told of alice, whose token it is.
func identityOf(t testing.TB, c *client.Client, id string) map[string][]string {
	t.Helper()
	token, err := c.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	data, err := c.ConnectionData(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"X-Patrol-Subject":          {data.AuthenticatedUser.ID},
		"X-Patrol-User":             {"alice@contoso.example"},
		"X-Patrol-Organization":     {c.Organization},
		"X-Patrol-Scopes":           {token.Scope},
		"X-Patrol-Authorization-Id": {id},
		"X-Patrol-Expires":          {token.ValidTo.Format(time.RFC3339Nano)},
	}
}

// TestRevokedAtOnce: a token that the gateway let through a moment ago is
// refused as soon as its revocation has returned.
func TestRevokedAtOnce(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	s := newSurroundings(t, patrol)
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		for i := range 20 {
			secret, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
			for range 3 { // the first fills Patrol's cache
				if got := g.get(t, basic("any", secret)); got != 200 {
					t.Fatalf("status %d before the revocation, want 200", got)
				}
			}
			revoke(t, c, id)
			for _, authorization := range []string{basic("any", secret), bearer(secret)} {
				if got := g.get(t, authorization); got != 401 {
					t.Fatalf("token %d: status %d after the revocation, want 401", i, got)
				}
			}
		}
	})
}

// TestExpired: a token is refused from the moment of its end.
func TestExpired(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	s := newSurroundings(t, patrol)
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		end := api.Time{Time: time.Now().Add(2 * time.Second)}
		secret, _ := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging", ValidTo: &end})
		before := g.get(t, basic("any", secret))
		if asked := time.Now(); asked.Before(end.Time) && before != 200 {
			t.Fatalf("status %d before the end, want 200", before)
		}
		<-time.After(time.Until(end.Time))
		if got := g.get(t, basic("any", secret)); got != 401 {
			t.Errorf("status %d after the end, want 401", got)
		}
	})
}

// TestManyAtOnce: the answers of one caller never reach another over the
// connections that a gateway shares among its callers.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	p, patrol := startPatrol(t)
	c := clientOf(t, p, "contoso")
	s := newSurroundings(t, patrol)
	var secrets, ids []string
	for range 4 {
		secret, id := create(t, c, api.PatTokenCreateRequest{Scope: "vso.packaging"})
		secrets, ids = append(secrets, secret), append(ids, id)
	}
	eachGateway(t, s, func(t *testing.T, g *gateway) {
		const rounds = 50
		results := make(chan string)
		for i, secret := range append(secrets, "noise") {
			go func() {
				for range rounds {
					status := g.do(t, http.MethodGet, fmt.Sprint("/", i), bearer(secret), nil).StatusCode
					results <- fmt.Sprint(i, " ", status)
				}
			}()
		}
		for range (len(secrets) + 1) * rounds {
			if result := <-results; strings.HasPrefix(result, "4") != strings.HasSuffix(result, " 401") || strings.HasSuffix(result, " 403") {
				t.Errorf("caller and status: %s", result)
			}
		}
		for _, a := range s.backend.take() {
			i := int(a.uri[1] - '0')
			if got := a.identity()["X-Patrol-Authorization-Id"]; i >= len(ids) || len(got) != 1 || got[0] != ids[i] {
				t.Errorf("caller %d reached the service as %v", i, got)
			}
		}
	})
}

package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
)

// version is what tests ask for where it does not matter.
const version = "api-version=7.2-preview.1"

// caller is a user with an access token.
type caller struct {
	*site
	// Authorization is the header, "" for none.
	Authorization string
	// Organization is in the paths of list, get, create, update and revoke.
	Organization string
}

// as is a user with all permissions, in contoso.
func (s *site) as(t testing.TB, user string) caller {
	t.Helper()
	return caller{s, "Bearer " + accessToken(t, s.idp, tenant, user, ".default"), "contoso"}
}

func (c caller) in(organization string) caller {
	c.Organization = organization
	return c
}

// answer is a response that was read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

type wrongKey struct{}

// do sends a request that openapi.yaml describes. It and the answer are held
// against that. target is a path with or without a query. Headers are names
// and values in turn.
func (c caller) do(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	return c.send(t, t.Context(), method, target, body, headers)
}

// wrong sends a request that openapi.yaml does not describe, or more lenient
// than it does; only the answer is held against that.
func (c caller) wrong(t testing.TB, method, target, body string, headers ...string) answer {
	t.Helper()
	return c.send(t, context.WithValue(t.Context(), wrongKey{}, true), method, target, body, headers)
}

func (c caller) send(t testing.TB, ctx context.Context, method, target, body string, headers []string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.URL+target, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Authorization != "" {
		r.Header.Set("Authorization", c.Authorization)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return answer{resp.StatusCode, resp.Header, string(data)}
}

func (c caller) pats(query ...string) string {
	return "/" + c.Organization + "/_apis/tokens/pats?" + strings.Join(append(query, version), "&")
}

// create makes a token that must be made.
func (c caller) create(t testing.TB, body string) api.PatToken {
	t.Helper()
	return token(t, c.do(t, http.MethodPost, c.pats(), body))
}

// named makes a token of that name.
func (c caller) named(t testing.TB, name string) api.PatToken {
	t.Helper()
	return c.create(t, encode(t, api.PatTokenCreateRequest{DisplayName: name, Scope: "vso.code"}))
}

func (c caller) get(t testing.TB, id string) api.PatToken {
	t.Helper()
	return token(t, c.do(t, http.MethodGet, c.pats("authorizationId="+id), ""))
}

func (c caller) update(t testing.TB, body string) api.PatToken {
	t.Helper()
	return token(t, c.do(t, http.MethodPut, c.pats(), body))
}

func (c caller) revoke(t testing.TB, id string) {
	t.Helper()
	if a := c.do(t, http.MethodDelete, c.pats("authorizationId="+id), ""); a.Status != http.StatusNoContent || a.Body != "" {
		t.Fatalf("Revoke = %d %q, want 204 without a body", a.Status, a.Body)
	}
}

// page is one page of a list.
func (c caller) page(t testing.TB, query ...string) api.PagedPatTokens {
	t.Helper()
	a := c.do(t, http.MethodGet, c.pats(query...), "")
	if a.Status != http.StatusOK {
		t.Fatalf("List(%q) = %d %s, want 200", query, a.Status, a.Body)
	}
	return decode[api.PagedPatTokens](t, a.Body)
}

// names are the names on a page.
func names(tokens []api.PatToken) []string {
	list := []string{}
	for _, token := range tokens {
		list = append(list, token.DisplayName)
	}
	return list
}

// token is the token in an answer, which must hold one.
func token(t testing.TB, a answer) api.PatToken {
	t.Helper()
	result := decode[api.PatTokenResult](t, a.Body)
	if a.Status != http.StatusOK || result.PatToken == nil || result.PatTokenError != api.ErrorNone {
		t.Fatalf("answer = %d %s, want a token", a.Status, a.Body)
	}
	return *result.PatToken
}

// refusal is the patTokenError of an answer, which must have no token.
func refusal(t testing.TB, a answer) string {
	t.Helper()
	result := decode[api.PatTokenResult](t, a.Body)
	if a.Status != http.StatusOK || result.PatToken != nil || result.PatTokenError == "" {
		t.Fatalf("answer = %d %s, want a refusal with status 200", a.Status, a.Body)
	}
	return string(result.PatTokenError)
}

// fault is status and typeKey of an HTTP error.
type fault struct {
	Status  int
	TypeKey string
}

func faultOf(t testing.TB, a answer) fault {
	t.Helper()
	return fault{a.Status, decode[api.Error](t, a.Body).TypeKey}
}

// message is that of an HTTP error.
func message(t testing.TB, a answer) string {
	t.Helper()
	return decode[api.Error](t, a.Body).Message
}

func decode[T any](t testing.TB, body string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("body %q: %v", body, err)
	}
	return value
}

func encode(t testing.TB, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

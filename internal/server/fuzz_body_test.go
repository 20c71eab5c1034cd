package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/pat"
)

// ledger is as much of a store as creations and changes need, in memory: the
// fuzzer sees only the code that reads bodies and judges them.
type ledger struct {
	pat.Store
	tokens map[pat.UUID]pat.Token
}

func (l *ledger) Create(_ context.Context, t pat.Token, _ pat.Event) error {
	l.tokens[t.ID] = t
	return nil
}

func (l *ledger) Update(_ context.Context, owner, id pat.UUID, change func(pat.Token) (pat.Token, *pat.Event, error)) (pat.Token, error) {
	t, ok := l.tokens[id]
	if !ok || t.Owner != owner {
		return pat.Token{}, pat.NotFound()
	}
	changed, event, err := change(t)
	if err != nil || event == nil {
		return t, err
	}
	l.tokens[id] = changed
	return changed, nil
}

// user is an authenticator that takes everybody for the same user.
type user pat.Actor

func (u user) Authenticate(context.Context, string) (pat.Actor, error) { return pat.Actor(u), nil }

var fuzzNow = time.Date(2026, 12, 1, 8, 15, 30, 123456000, time.UTC)

// bodyTarget is what bodies are sent to: the API with one user and one token.
type bodyTarget struct {
	server *Server
	ledger *ledger
	held   pat.Token
}

func newTarget(f *testing.F) *bodyTarget {
	f.Helper()
	keys, err := pat.NewKeyring("", pat.ServerKey{ID: 'A', Secret: bytes.Repeat([]byte{1}, 32)})
	if err != nil {
		f.Fatal(err)
	}
	scopes, err := pat.NewCatalogue([]pat.ScopeDefinition{{Name: "vso.code"}, {Name: "vso.build", Includes: []string{"vso.code"}}})
	if err != nil {
		f.Fatal(err)
	}
	organization := pat.Organization{ID: pat.HashUUID("contoso"), Name: "contoso", Tenant: pat.HashUUID("tenant")}
	organizations, err := pat.NewDirectory([]pat.Organization{organization})
	if err != nil {
		f.Fatal(err)
	}
	actor := pat.Actor{ID: pat.HashUUID("user"), Tenant: organization.Tenant, Permissions: pat.ReadTokens | pat.ManageTokens}
	l := &ledger{tokens: map[pat.UUID]pat.Token{}}
	service := &pat.Service{
		Store: l, Keys: keys, Scopes: scopes, Now: func() time.Time { return fuzzNow },
		Policy: func(context.Context, pat.Organization) (pat.Policy, error) { return pat.Policy{}, nil },
	}
	held, _, err := service.Create(f.Context(), pat.Caller{Actor: actor, Organization: organization}, pat.Creation{DisplayName: "held", Scope: "vso.code"})
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(Config{Service: service, Auth: user(actor), Organizations: organizations, PageKey: make([]byte, 32)})
	if err != nil {
		f.Fatal(err)
	}
	return &bodyTarget{s, l, held}
}

// send sends a body to a ledger that holds the one token only, and checks
// what holds of every answer.
func (x *bodyTarget) send(t *testing.T, method string, body []byte) (api.PatTokenResult, *pat.Token) {
	t.Helper()
	x.ledger.tokens = map[pat.UUID]pat.Token{x.held.ID: x.held}
	r := httptest.NewRequestWithContext(t.Context(), method, "/contoso/_apis/tokens/pats?api-version=7.2-preview.1", bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer x")
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		x.checkRefused(t, body, w)
		return api.PatTokenResult{}, nil
	}
	var result api.PatTokenResult
	if err := json.Unmarshal(w.Body.Bytes(), &result); err != nil {
		t.Fatalf("answer %s: %v", w.Body, err)
	}
	if trimmed := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff"))); !json.Valid(trimmed) || trimmed[0] != '{' || !utf8.Valid(body) {
		t.Errorf("body %q was read, but is no JSON object", body)
	}
	if (result.PatToken == nil) == (result.PatTokenError == api.ErrorNone) || (result.PatToken == nil) == (result.PatTokenErrorMessage == nil) {
		t.Fatalf("answer %s is neither a token nor a refusal", w.Body)
	}
	if result.PatToken == nil {
		x.checkUnchanged(t)
		if result.PatTokenError.Number() < 1 {
			t.Errorf("answer %s: no such patTokenError", w.Body)
		}
		return result, nil
	}
	id, err := pat.ParseUUID(result.PatToken.AuthorizationID)
	stored, ok := x.ledger.tokens[id]
	if err != nil || !ok {
		t.Fatalf("answer %s is about no stored token", w.Body)
	}
	shown := wireToken(stored)
	shown.Token = result.PatToken.Token
	if diff := cmp.Diff(shown, *result.PatToken); diff != "" {
		t.Errorf("answer (-stored +shown):\n%s", diff)
	}
	checkContent(t, stored)
	return result, &stored
}

func (x *bodyTarget) checkRefused(t *testing.T, body []byte, w *httptest.ResponseRecorder) {
	t.Helper()
	var envelope api.Error
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
		t.Fatalf("answer %s: %v", w.Body, err)
	}
	want := "JsonReaderException"
	if len(body) > maxBody {
		want = "VssRequestTooLargeException"
	}
	if envelope.TypeKey != want || w.Code/100 != 4 {
		t.Fatalf("body %q = %d %s, want %s", body, w.Code, w.Body, want)
	}
	if strings.Contains(envelope.Message, "not valid JSON") && json.Valid(bytes.TrimPrefix(body, []byte("\ufeff"))) {
		t.Errorf("body %q is JSON, but %s", body, envelope.Message)
	}
	x.checkUnchanged(t)
}

func (x *bodyTarget) checkUnchanged(t *testing.T) {
	t.Helper()
	if diff := cmp.Diff(map[pat.UUID]pat.Token{x.held.ID: x.held}, x.ledger.tokens); diff != "" {
		t.Errorf("a refusal changed (-before +after):\n%s", diff)
	}
}

// checkContent holds of every stored token.
func checkContent(t *testing.T, stored pat.Token) {
	t.Helper()
	name := stored.DisplayName
	if n := utf8.RuneCountInString(name); n < 1 || n > 255 || name != strings.TrimSpace(name) || strings.ContainsFunc(name, unicode.IsControl) || !utf8.ValidString(name) {
		t.Errorf("a token is called %q", name)
	}
	switch stored.Scope {
	case "vso.code", "vso.build", "vso.build vso.code", "app_token":
	default:
		t.Errorf("a token has the scope %q", stored.Scope)
	}
	if !stored.ValidTo.After(fuzzNow) || stored.ValidTo.After(fuzzNow.Add(365*24*time.Hour+5*time.Minute)) || !stored.ValidTo.Equal(pat.Instant(stored.ValidTo)) {
		t.Errorf("a token ends at %v", stored.ValidTo)
	}
}

func seedBodies(f *testing.F, id string) {
	for _, seed := range []string{
		`{"displayName":"t","scope":"vso.code","validTo":"2027-01-01T00:00:00Z","allOrgs":false}`,
		`{"authorizationId":"` + id + `","displayName":"t","scope":"vso.code vso.build","validTo":"2027-01-01T00:00:00Z","allOrgs":"True"}`,
		`{"authorizationId":"` + id + `","allOrgs":true}`, `{"authorizationId":"` + id + `"}`, `{"AUTHORIZATIONID":"{` + strings.ToUpper(id) + `}","Scope":"app_token"}`,
		`{"authorizationId":"11111111-2222-4333-8444-555555555555","displayName":"x"}`,
		"\ufeff" + `{"displayName":"t","scope":"app_token","validTo":"12/31/2026 23:59:59"}`,
		`{"displayName":"\ud800","scope":"vso.code"}`, `{"displayName":"a\u0000","scope":"vso.code"}`, `{"displayName":" ","scope":"vso.code"}`,
		`{"displayName":"t","scope":"vso.code app_token"}`, `{"displayName":"t","scope":"vso.code","allOrgs":"maybe"}`, `{"displayName":7}`, `{`, `[]`, `null`, ``, `{"a":[[[[[]]]]]}`,
		`{"displayName":"t","scope":"vso.code","validTo":"9999-12-31"}`, `{"displayName":"t","displayName":"u","scope":"vso.code"}`, "{\"displayName\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
}

// FuzzCreateBody: a body makes one token as it says, or none.
func FuzzCreateBody(f *testing.F) {
	x := newTarget(f)
	seedBodies(f, x.held.ID.String())
	f.Fuzz(func(t *testing.T, body []byte) {
		result, stored := x.send(t, http.MethodPost, body)
		if stored == nil {
			return
		}
		if result.PatToken.Token == nil || len(*result.PatToken.Token) != 84 || len(x.ledger.tokens) != 2 {
			t.Errorf("a creation made %d tokens and the secret %v", len(x.ledger.tokens)-1, result.PatToken.Token != nil)
		}
		if diff := cmp.Diff(x.held, x.ledger.tokens[x.held.ID]); diff != "" {
			t.Errorf("a creation changed another token (-before +after):\n%s", diff)
		}
		var asked struct{ DisplayName, ValidTo string }
		if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &asked); err != nil || strings.TrimSpace(asked.DisplayName) != stored.DisplayName {
			t.Errorf("a creation of %q made %q", asked.DisplayName, stored.DisplayName)
		}
		if end := stored.ValidTo; asked.ValidTo == "" && !end.Equal(fuzzNow.Add(30*24*time.Hour)) {
			t.Errorf("a creation without an end ends at %v", end)
		}
	})
}

// FuzzUpdateBody: a body changes what it names of the one token that it
// names, and nothing else.
func FuzzUpdateBody(f *testing.F) {
	x := newTarget(f)
	seedBodies(f, x.held.ID.String())
	f.Fuzz(func(t *testing.T, body []byte) {
		result, stored := x.send(t, http.MethodPut, body)
		if len(x.ledger.tokens) != 1 {
			t.Fatalf("after an update there are %d tokens", len(x.ledger.tokens))
		}
		if stored == nil {
			return
		}
		if result.PatToken.Token != nil {
			t.Error("an update shows a secret")
		}
		want := x.held
		var asked struct {
			DisplayName, Scope, ValidTo *string
			AllOrgs                     any
		}
		if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\ufeff")), &asked); err != nil {
			t.Fatalf("body %q: %v", body, err)
		}
		if asked.DisplayName != nil {
			want.DisplayName = strings.TrimSpace(*asked.DisplayName)
		}
		if asked.Scope != nil {
			want.Scope = stored.Scope
		}
		if asked.ValidTo != nil && *asked.ValidTo != "" {
			want.ValidTo = stored.ValidTo
		}
		if asked.AllOrgs != nil {
			want.AllOrgs = stored.AllOrgs
		}
		want.Seal = stored.Seal // over what changed
		if diff := cmp.Diff(want, *stored); diff != "" {
			t.Errorf("body %q changed more than it names (-want +got):\n%s", body, diff)
		}
		if !x.server.Service.Keys.Sealed(*stored) {
			t.Error("an update broke the seal")
		}
	})
}

package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/console/signin"
	"github.com/patrolhq/patrol/internal/session"
)

// noon is when the tests of pages take place.
var noon = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// tokenAPI imitates the API, for what no real one can be brought to do.
type tokenAPI struct {
	// tokens are in the order of their creation, the newest first.
	tokens []api.PatToken
	states map[string]api.TokenState
	// silent: it does not tell of uses, as Azure DevOps does not.
	silent bool
	// broken are the statuses with which revoking a token fails.
	broken map[string]int
	calls  atomic.Int64
	// called is called before each answer.
	called func()
}

// add adds a token that was created before all others and ends after a while.
func (a *tokenAPI) add(name, scope string, ends time.Duration, state api.TokenState) api.PatToken {
	n := len(a.tokens)
	t := api.PatToken{
		AuthorizationID: fmt.Sprintf("00000000-0000-8000-8000-%012d", n), DisplayName: name, Scope: scope,
		ValidFrom: api.Time{Time: noon.Add(-time.Duration(n+1) * time.Hour)}, ValidTo: api.Time{Time: noon.Add(ends)},
		TargetAccounts: []string{"c0000000-0000-8000-8000-000000000000"},
	}
	if a.states == nil {
		a.states = map[string]api.TokenState{}
	}
	a.tokens, a.states[t.AuthorizationID] = append(a.tokens, t), state
	return t
}

func (a *tokenAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls.Add(1)
	if a.called != nil {
		a.called()
	}
	query := r.URL.Query()
	id := query.Get("authorizationId")
	switch {
	case strings.HasSuffix(r.URL.Path, "/_apis/patrol/usage") && a.silent:
		http.NotFound(w, r)
	case strings.HasSuffix(r.URL.Path, "/_apis/patrol/usage"):
		var uses []api.TokenUsage
		for _, id := range strings.Split(query.Get("authorizationIds"), ",") {
			uses = append(uses, api.TokenUsage{AuthorizationID: id, State: a.states[id]})
		}
		reply(w, http.StatusOK, api.Collect(uses))
	case r.Method == http.MethodDelete && a.broken[id] != 0:
		reply(w, a.broken[id], api.Error{Message: "the imitation fails", TypeKey: "ImitatedException"})
	case r.Method == http.MethodDelete:
		a.states[id] = api.StateRevoked
		w.WriteHeader(http.StatusNoContent)
	case id != "":
		i := slices.IndexFunc(a.tokens, func(t api.PatToken) bool { return t.AuthorizationID == id })
		if i < 0 {
			reply(w, http.StatusOK, api.PatTokenResult{PatTokenError: "tokenNotFound"})
			return
		}
		reply(w, http.StatusOK, api.PatTokenResult{PatToken: &a.tokens[i], PatTokenError: api.ErrorNone})
	default:
		a.list(w, query)
	}
}

// list answers with a page. Continuation tokens are numbers.
func (a *tokenAPI) list(w http.ResponseWriter, query url.Values) {
	var listed []api.PatToken
	for _, t := range a.tokens {
		if filter := query.Get("displayFilterOption"); filter == "all" || string(a.states[t.AuthorizationID]) == filter {
			listed = append(listed, t)
		}
	}
	from := 0
	if continuation := query.Get("continuationToken"); continuation != "" {
		var err error
		if from, err = strconv.Atoi(continuation); err != nil {
			reply(w, http.StatusBadRequest, api.Error{Message: "no such page", TypeKey: "InvalidContinuationTokenException"})
			return
		}
	}
	page := api.PagedPatTokens{PatTokens: listed[from:min(from+pageSize, len(listed))]}
	if from+pageSize < len(listed) {
		page.ContinuationToken = strconv.Itoa(from + pageSize)
	}
	reply(w, http.StatusOK, page)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// newConsole is a console before an imitated API, where it is noon.
func newConsole(t testing.TB, imitation http.Handler) *Console {
	t.Helper()
	keys, err := session.NewKeys(session.Key{ID: 1, Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{
		PublicURL: "http://127.0.0.1:8080", API: "http://127.0.0.1:8080", HTTP: &http.Client{Transport: Local{imitation}},
		Sealer: &session.Sealer{Keys: keys}, ClientAddress: func(*http.Request) string { return "192.0.2.1" },
		Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// alice visits a page of the organization contoso.
func alice(c *Console, r *http.Request, serve func(*visit) error) (*httptest.ResponseRecorder, error) {
	w := httptest.NewRecorder()
	v := &visit{Request: r, w: w, console: c, organization: "contoso", who: &person{
		Session: &session.Session{},
		knowledge: knowledge{
			User:          signin.User{Name: "Alice Example", Username: "alice@contoso.example"},
			Credentials:   signin.Credentials{AccessToken: "imitated", Expires: noon.Add(time.Hour)},
			Organizations: []string{"contoso", "fabrikam"},
		},
	}}
	return w, serve(v)
}

// listed is the list of tokens that alice sees with that query.
func listed(t testing.TB, c *Console, query string) string {
	t.Helper()
	w, err := alice(c, httptest.NewRequest(http.MethodGet, "/contoso/tokens?"+query, http.NoBody), (*visit).listTokens)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("the list of tokens = %d, %v", w.Code, err)
	}
	return w.Body.String()
}

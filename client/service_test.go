package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patrolhq/patrol/api"
)

// service is a PAT lifecycle API in memory: as much of the contract as the
// examples and the tests of rotation need. It has one user and, unlike the
// real ones, secrets and ids that can be foretold.
type service struct {
	mu      sync.Mutex
	tokens  []api.PatToken
	revoked map[string]bool
	// calls are the methods that arrived, in order.
	calls []string
	// bare services are as Azure DevOps, without what Patrol adds.
	bare bool
	// fault, where not nil, may answer in place of the service.
	fault func(w http.ResponseWriter, r *http.Request) bool
}

// newService has one token, named "deploy", that lasts 30 days.
func newService() *service {
	s := &service{revoked: map[string]bool{}}
	now := time.Now().UTC()
	s.add(api.PatToken{DisplayName: "deploy", Scope: "vso.packaging_write", ValidFrom: api.Time{Time: now}, ValidTo: api.Time{Time: now.AddDate(0, 0, 30)}, TargetAccounts: []string{organization}})
	return s
}

// organization is the id of the only one.
const organization = "38aaa865-2c70-4bf7-a308-0c6539c38c1a"

// idOf is the id of the nth token.
func idOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func (s *service) add(token api.PatToken) *api.PatToken {
	token.AuthorizationID = idOf(len(s.tokens) + 1)
	s.tokens = append(s.tokens, token)
	return &s.tokens[len(s.tokens)-1]
}

// RoundTrip lets the service be a transport, without a socket.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result(), nil
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.Method)
	if s.fault != nil && s.fault(w, r) {
		return
	}
	if r.Header.Get("Authorization") == "" {
		write(w, http.StatusUnauthorized, api.Error{Message: "no access token", TypeKey: "UnauthorizedRequestException"})
		return
	}
	if s.bare && strings.Contains(r.URL.Path, "/patrol/") {
		http.NotFound(w, r)
		return
	}
	id := r.URL.Query().Get("authorizationId")
	switch r.Method + " " + r.URL.Path {
	case "GET /fabrikam/_apis/tokens/pats":
		if id == "" {
			write(w, http.StatusOK, s.list(r.URL.Query().Get("displayFilterOption")))
			return
		}
		s.answer(w, s.find(id), "tokenNotFound")
	case "POST /fabrikam/_apis/tokens/pats":
		s.create(w, r)
	case "PUT /fabrikam/_apis/tokens/pats":
		s.update(w, r)
	case "DELETE /fabrikam/_apis/tokens/pats":
		if s.find(id) == nil {
			write(w, http.StatusNotFound, api.Error{Message: "you have no such token"})
			return
		}
		s.revoked[id] = true
		w.WriteHeader(http.StatusNoContent)
	case "GET /fabrikam/_apis/connectionData":
		write(w, http.StatusOK, api.ConnectionData{AuthenticatedUser: api.Identity{ID: "d6245f20-2af8-44f4-9451-8107cb2767db", ProviderDisplayName: "Alice"}})
	case "GET /fabrikam/_apis/patrol/scopes":
		write(w, http.StatusOK, api.Collect([]api.Scope{{Name: "vso.packaging", Covers: "read packages"}, {Name: "vso.packaging_write", Covers: "read and write packages"}}))
	case "GET /fabrikam/_apis/patrol/usage":
		write(w, http.StatusOK, api.Collect(s.usage(r.URL.Query().Get("authorizationIds"))))
	case "GET /_apis/patrol/organizations":
		write(w, http.StatusOK, api.Collect([]api.Organization{{ID: organization, Name: "fabrikam"}}))
	case "GET /_apis/patrol/signin":
		write(w, http.StatusOK, api.SignIn{Kind: api.SignInOIDC, Authority: "https://id.example", Scope: "openid offline_access", ClientID: "patrol"})
	default:
		write(w, http.StatusNotFound, api.Error{Message: "no such resource"})
	}
}

func (s *service) create(w http.ResponseWriter, r *http.Request) {
	var request api.PatTokenCreateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		write(w, http.StatusBadRequest, api.Error{Message: "the body is not JSON", TypeKey: "JsonReaderException"})
		return
	}
	if request.Scope == "app_token" {
		s.answer(w, nil, "fullScopePatPolicyViolation")
		return
	}
	now := time.Now().UTC()
	token := api.PatToken{DisplayName: request.DisplayName, Scope: request.Scope, ValidFrom: api.Time{Time: now}, ValidTo: api.Time{Time: now.AddDate(0, 0, 30)}}
	if request.ValidTo != nil {
		token.ValidTo = *request.ValidTo
	}
	if !request.AllOrgs {
		token.TargetAccounts = []string{organization}
	}
	created := *s.add(token)
	created.Token = new(fmt.Sprintf("secret-%d", len(s.tokens)))
	s.answer(w, &created, api.ErrorNone)
}

func (s *service) update(w http.ResponseWriter, r *http.Request) {
	var request api.PatTokenUpdateRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		write(w, http.StatusBadRequest, api.Error{Message: "the body is not JSON", TypeKey: "JsonReaderException"})
		return
	}
	token := s.find(request.AuthorizationID)
	if token != nil && request.DisplayName != nil {
		token.DisplayName = *request.DisplayName
	}
	if token != nil && request.Scope != nil {
		token.Scope = *request.Scope
	}
	s.answer(w, token, "tokenNotFound")
}

func (s *service) find(id string) *api.PatToken {
	i := slices.IndexFunc(s.tokens, func(t api.PatToken) bool { return t.AuthorizationID == id })
	if i < 0 {
		return nil
	}
	return &s.tokens[i]
}

func (s *service) list(filter string) api.PagedPatTokens {
	page := api.PagedPatTokens{PatTokens: []api.PatToken{}}
	for _, t := range s.tokens {
		if filter == "all" || s.state(t) == api.StateActive {
			page.PatTokens = append(page.PatTokens, t)
		}
	}
	return page
}

// usage says of the first token that it was used, and of no other.
func (s *service) usage(ids string) []api.TokenUsage {
	usages := []api.TokenUsage{}
	for i, t := range s.tokens {
		if !slices.Contains(strings.Split(ids, ","), t.AuthorizationID) {
			continue
		}
		usage := api.TokenUsage{AuthorizationID: t.AuthorizationID, State: s.state(t)}
		if i == 0 {
			usage.LastUsed, usage.Address, usage.Client, usage.Scope = &t.ValidFrom, "192.0.2.7", "git", "vso.code"
		}
		usages = append(usages, usage)
	}
	return usages
}

func (s *service) state(t api.PatToken) api.TokenState {
	switch {
	case s.revoked[t.AuthorizationID]:
		return api.StateRevoked
	case !t.ValidTo.After(time.Now()):
		return api.StateExpired
	}
	return api.StateActive
}

// answer writes the token, or the refusal where there is none.
func (s *service) answer(w http.ResponseWriter, token *api.PatToken, refusal api.SessionTokenError) {
	if token != nil {
		refusal = api.ErrorNone
	}
	write(w, http.StatusOK, api.PatTokenResult{PatToken: token, PatTokenError: refusal})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8; api-version=7.2-preview.1")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

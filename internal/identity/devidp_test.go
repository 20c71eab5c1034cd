package identity

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/internal/devidp"
	"github.com/patrolhq/patrol/internal/pat"
)

const devSecret = "the web app's secret"

// TestDevelopmentProvider has tokens of the development identity provider
// accepted as those of Entra that they imitate.
func TestDevelopmentProvider(t *testing.T) {
	t.Parallel()
	alice := devidp.User{
		ObjectID: aliceID, Username: "alice@contoso.example", Password: "a password", Name: "Alice Ames",
		Roles: []string{"Patrol.Administrator"}, Groups: []string{otherID},
	}
	user := pat.Actor{
		ID: mustUUID(t, aliceID), Tenant: mustUUID(t, tenantID), Name: alice.Name, Username: alice.Username,
		Roles: alice.Roles, Groups: alice.Groups,
	}
	scopes := map[string]pat.Permission{
		"/.default": both, "/user_impersonation": both, "/vso.pats_manage": both, "/vso.pats": pat.ReadTokens,
	}
	for version := 1; version <= 2; version++ {
		idp, err := devidp.New(devidp.Config{
			BaseURL: "https://idp.example", Tenant: tenantID, Domain: "contoso.example", TokenVersion: version,
			Users:      []devidp.User{alice},
			Clients:    []devidp.Client{{ID: clientID, Name: "cli"}, {ID: otherID, Name: "web", Secret: devSecret, Roles: []string{"Automation"}}},
			SigningKey: rsaKey(), SealKey: make([]byte, 32), Now: fixed,
		})
		if err != nil {
			t.Fatalf("devidp.New = %v", err)
		}
		web := &http.Client{Transport: inProcess{idp}}
		now := &clock{now: start}
		v := newVerifier(t, Config{
			Issuers: []Issuer{{Kind: KindEntra, URL: "https://idp.example", Tenants: []string{tenantID}, Development: true}}, HTTP: web, Now: now.Now,
		})
		production := newVerifier(t, Config{
			Issuers: []Issuer{{Kind: KindEntra, URL: "https://idp.example", Tenants: []string{tenantID}}}, HTTP: web, Now: now.Now,
		})
		if err := production.Probe(t.Context()); !errors.Is(err, ErrDevelopment) {
			t.Errorf("version %d: Probe in production = %v, want %v", version, err, ErrDevelopment)
		}
		if err := v.Probe(t.Context()); err != nil {
			t.Errorf("version %d: Probe in development = %v", version, err)
		}
		password := url.Values{"grant_type": {"password"}, "client_id": {clientID}, "username": {alice.Username}, "password": {alice.Password}}
		for scope, permissions := range scopes {
			password.Set("scope", DefaultAudience+scope+" openid")
			tokens := devTokens(t, web, password)
			want := user
			want.Permissions = permissions
			got, err := v.Authenticate(t.Context(), tokens.Access)
			if err != nil {
				t.Fatalf("version %d, %s: Authenticate = %v", version, scope, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("version %d, %s: Authenticate (-want +got):\n%s", version, scope, diff)
			}
			if _, err := v.Authenticate(t.Context(), tokens.ID); pat.CodeOf(err) != pat.CodeUnauthenticated {
				t.Errorf("version %d: Authenticate of an ID token = %v, want a refusal", version, err)
			}
		}
		application := devTokens(t, web, url.Values{
			"grant_type": {"client_credentials"}, "client_id": {otherID}, "client_secret": {devSecret}, "scope": {DefaultAudience + "/.default"},
		}).Access
		got, err := v.Authenticate(t.Context(), application)
		if err != nil || !got.Application || got.ID.String() != devidp.ServicePrincipalID(tenantID, otherID) || got.Permissions != 0 {
			t.Errorf("version %d: Authenticate of a client = %+v, %v, want an application without permissions", version, got, err)
		}
		now.advance(time.Hour + defaultSkew)
		refuses(t, v, application)
	}
}

type devTokenAnswer struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

func devTokens(t *testing.T, web *http.Client, form url.Values) devTokenAnswer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		"https://idp.example/"+tenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := web.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer devTokenAnswer
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("the token endpoint answered %s, %v", response.Status, err)
	}
	return answer
}

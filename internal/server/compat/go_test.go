package compat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7"
	"github.com/microsoft/azure-devops-go-api/azuredevops/v7/location"

	"github.com/patrolhq/patrol/internal/patroltest"
)

// tokensID is the id of both the area and the location of tokens.
var tokensID = uuid.MustParse("55967393-20ef-45c6-a96c-b5d5d5986a9a")

// patToken is a token as a program on Microsoft's SDK for Go declares it,
// with the SDK's own types.
type patToken struct {
	AuthorizationId *uuid.UUID        `json:"authorizationId"`
	DisplayName     *string           `json:"displayName"`
	Scope           *string           `json:"scope"`
	TargetAccounts  *[]uuid.UUID      `json:"targetAccounts"`
	Token           *string           `json:"token"`
	ValidFrom       *azuredevops.Time `json:"validFrom"`
	ValidTo         *azuredevops.Time `json:"validTo"`
}

type patTokenResult struct {
	PatToken      *patToken `json:"patToken"`
	PatTokenError *string   `json:"patTokenError"`
}

type pagedPatTokens struct {
	ContinuationToken *string     `json:"continuationToken"`
	PatTokens         *[]patToken `json:"patTokens"`
}

// connect is the SDK's connection to an organization with an access token.
func connect(s *patroltest.Server, organization, accessToken string) *azuredevops.Connection {
	c := azuredevops.NewAnonymousConnection(s.API + "/" + organization)
	c.AuthorizationString = "Bearer " + accessToken
	return c
}

// call sends one request by location id, as every generated client of the SDK
// does, and decodes the answer.
func call[T any](t *testing.T, c *azuredevops.Client, method string, query url.Values, body any) (result T, err error) {
	t.Helper()
	var reader io.Reader
	mediaType := ""
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader, mediaType = bytes.NewReader(data), azuredevops.MediaTypeApplicationJson
	}
	resp, err := c.Send(t.Context(), method, tokensID, "7.1-preview.1", nil, query, reader, mediaType, azuredevops.MediaTypeApplicationJson, nil)
	if err != nil {
		return result, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return result, nil
	}
	if got, want := resp.Header.Get("Content-Type"), "application/json; charset=utf-8; api-version=7.1-preview.1"; got != want {
		t.Errorf("%s: Content-Type = %q, want %q", method, got, want)
	}
	return result, c.UnmarshalBody(resp, &result)
}

// TestGoSDK does every operation with Microsoft's SDK for Go.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	connection := connect(s, "Contoso", s.Token(t, "alice")) // the SDK makes it lower case
	byArea, err := connection.GetClientByResourceAreaId(t.Context(), tokensID)
	if err != nil {
		t.Fatalf("GetClientByResourceAreaId = %v, want the area found", err)
	}
	clients := map[string]*azuredevops.Client{"by area": byArea, "by URL": connection.GetClientByUrl(connection.BaseUrl)}
	for name, client := range clients {
		t.Run(name, func(t *testing.T) { lifecycle(t, s, client) })
	}
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections) // which the SDK uses
}

func lifecycle(t *testing.T, s *patroltest.Server, c *azuredevops.Client) {
	created, err := call[patTokenResult](t, c, http.MethodPost, nil, map[string]any{"displayName": "from Go", "scope": "vso.code", "validTo": "2099-01-01T00:00:00Z", "allOrgs": false})
	if err != nil || *created.PatTokenError != "invalidValidTo" || created.PatToken != nil {
		t.Fatalf("Create beyond a year = %+v, %v, want invalidValidTo", created, err)
	}
	created, err = call[patTokenResult](t, c, http.MethodPost, nil, map[string]any{"displayName": "from Go", "scope": "vso.code", "allOrgs": false})
	if err != nil || created.PatToken == nil || created.PatToken.Token == nil || *created.PatTokenError != "none" {
		t.Fatalf("Create = %+v, %v, want a token with its secret", created, err)
	}
	made := created.PatToken
	if got, want := (*made.TargetAccounts)[0].String(), s.Organizations[0].ID; got != want {
		t.Errorf("targetAccounts = %s, want %s", got, want)
	}
	if !made.ValidTo.Time.After(made.ValidFrom.Time) {
		t.Errorf("valid from %v to %v", made.ValidFrom, made.ValidTo)
	}
	made.Token = nil
	id := made.AuthorizationId.String()
	got, err := call[patTokenResult](t, c, http.MethodGet, url.Values{"authorizationId": {id}}, nil)
	if diff := cmp.Diff(made, got.PatToken); err != nil || diff != "" {
		t.Errorf("Get: %v (-want +got):\n%s", err, diff)
	}
	updated, err := call[patTokenResult](t, c, http.MethodPut, nil, map[string]any{"authorizationId": id, "allOrgs": true})
	if err != nil || updated.PatToken == nil || updated.PatToken.TargetAccounts != nil || updated.PatToken.Token != nil {
		t.Errorf("Update = %+v, %v, want a token for all organizations", updated, err)
	}
	page, err := call[pagedPatTokens](t, c, http.MethodGet, url.Values{"$top": {"1"}, "displayFilterOption": {"active"}}, nil)
	if err != nil || *page.ContinuationToken != "" || len(*page.PatTokens) != 1 || *(*page.PatTokens)[0].AuthorizationId != *made.AuthorizationId {
		t.Errorf("List = %+v, %v, want the one token", page, err)
	}
	for range 2 {
		if _, err := call[struct{}](t, c, http.MethodDelete, url.Values{"authorizationId": {id}}, nil); err != nil {
			t.Errorf("Revoke = %v, want success", err)
		}
	}
}

// TestGoSDKErrors: the SDK understands every refusal.
func TestGoSDKErrors(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	good := s.Token(t, "alice")
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	client := connect(s, "contoso", good).GetClientByUrl(s.API + "/contoso")
	// The SDK remembers where resources are, by address: asked once with a
	// good token, it sends the bad ones to the resource.
	if _, err := call[pagedPatTokens](t, client, http.MethodGet, nil, nil); err != nil {
		t.Fatal(err)
	}
	as := func(authorization string) *azuredevops.Client {
		c := connect(s, "contoso", "")
		c.AuthorizationString = authorization
		return c.GetClientByUrl(s.API + "/contoso")
	}
	tests := []struct {
		name, method string
		client       *azuredevops.Client
		query        url.Values
		want         string
		status       int
	}{
		{"no credential", http.MethodGet, as(""), nil, "UnauthorizedRequestException", 401},
		{"junk", http.MethodGet, as("Bearer junk"), nil, "UnauthorizedRequestException", 401},
		{"personal access token", http.MethodGet, azuredevops.NewPatConnection(s.API+"/contoso", "secret").GetClientByUrl(s.API + "/contoso"), nil, "UnauthorizedRequestException", 401},
		{"service principal", http.MethodGet, as("Bearer " + s.AppToken(t)), nil, "InvalidAccessException", 403},
		{"unknown token", http.MethodDelete, client, url.Values{"authorizationId": {uuid.NewString()}}, "TokenNotFoundException", 404},
		{"no id", http.MethodDelete, client, nil, "InvalidAuthorizationIdException", 400},
		{"broken page", http.MethodGet, client, url.Values{"continuationToken": {"x"}}, "InvalidContinuationTokenException", 400},
		{"wrong option", http.MethodGet, client, url.Values{"sortByOption": {"size"}}, "VssPropertyValidationException", 400},
		{"wrong method", http.MethodPatch, client, nil, "HttpRequestMethodNotAllowedException", 405},
	}
	for _, tt := range tests {
		_, err := call[struct{}](t, tt.client, tt.method, tt.query, nil)
		wrapped, ok := errors.AsType[azuredevops.WrappedError](err)
		if !ok || wrapped.TypeKey == nil || wrapped.Message == nil || *wrapped.Message == "" {
			t.Errorf("%s: error = %#v, want the SDK's own with typeKey and message", tt.name, err)
			continue
		}
		if *wrapped.TypeKey != tt.want || *wrapped.StatusCode != tt.status {
			t.Errorf("%s: error = %d %s, want %d %s", tt.name, *wrapped.StatusCode, *wrapped.TypeKey, tt.status, tt.want)
		}
	}
	elsewhere := connect(s, "contosso", good)
	_, err := elsewhere.GetClientByResourceAreaId(t.Context(), tokensID)
	if wrapped, ok := errors.AsType[azuredevops.WrappedError](err); !ok || *wrapped.TypeKey != "HostDoesNotExistException" {
		t.Errorf("an unknown organization = %v, want HostDoesNotExistException", err)
	}
}

// TestGoSDKLocation: the SDK's generated client for discovery.
func TestGoSDKLocation(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	client := location.NewClient(t.Context(), connect(s, "contoso", s.Token(t, "alice")))
	data, err := client.GetConnectionData(t.Context(), location.GetConnectionDataArgs{})
	if err != nil {
		t.Fatalf("GetConnectionData = %v", err)
	}
	var alice string
	for _, user := range s.Users {
		if strings.HasPrefix(user.Username, "alice@") {
			alice = user.ObjectID
		}
	}
	if got := data.AuthenticatedUser.Id.String(); got != alice || *data.AuthenticatedUser.ProviderDisplayName != "Alice Example" {
		t.Errorf("connection data = %s, %s, want %s, Alice Example", got, *data.AuthenticatedUser.ProviderDisplayName, alice)
	}
	area, err := client.GetResourceArea(t.Context(), location.GetResourceAreaArgs{AreaId: &tokensID})
	if err != nil || area.LocationUrl == nil || *area.LocationUrl != s.API+"/contoso/" {
		t.Errorf("GetResourceArea = %+v, %v, want %s/contoso/", area, err, s.API)
	}
}

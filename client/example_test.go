package client_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

// serve starts a small service in memory that speaks the API, and returns a
// client of it. The service has one token, named "deploy".
func serve() (c *client.Client, stop func()) {
	server := httptest.NewServer(newService())
	return &client.Client{
		BaseURL:      server.URL, // or https://vssps.dev.azure.com
		Organization: "fabrikam",
		Token:        func(context.Context) (string, error) { return "an-access-token", nil },
	}, server.Close
}

func Example() {
	c, stop := serve()
	defer stop()
	ctx := context.Background()

	created, err := c.Create(ctx, api.PatTokenCreateRequest{DisplayName: "nightly build", Scope: "vso.packaging"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the secret, this once:", *created.Token)

	if err := c.Revoke(ctx, created.AuthorizationID); err != nil {
		fmt.Println(err)
		return
	}
	for token, err := range c.List(ctx, client.ListOptions{Filter: api.FilterActive}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("still there:", token.DisplayName)
	}
	// Output:
	// the secret, this once: secret-2
	// still there: deploy
}

func ExampleClient_List() {
	c, stop := serve()
	defer stop()

	soon := time.Now().AddDate(0, 2, 0)
	for token, err := range c.List(context.Background(), client.ListOptions{Filter: api.FilterActive, Sort: api.SortDisplayName}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if token.ValidTo.Before(soon) {
			fmt.Println(token.DisplayName, "may", token.Scope, "and ends soon")
		}
	}
	// Output:
	// deploy may vso.packaging_write and ends soon
}

// A page at a time, for those who show pages.
func ExampleClient_Page() {
	c, stop := serve()
	defer stop()

	page, err := c.Page(context.Background(), client.ListOptions{PageSize: 20}, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(page.PatTokens), "token, more:", page.ContinuationToken != "")
	// Output:
	// 1 token, more: false
}

func ExampleClient_Get() {
	c, stop := serve()
	defer stop()

	token, err := c.Get(context.Background(), "00000000-0000-4000-8000-000000000001")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.DisplayName, token.Scope, token.Token == nil)
	// Output:
	// deploy vso.packaging_write true
}

func ExampleClient_Create() {
	c, stop := serve()
	defer stop()

	token, err := c.Create(context.Background(), api.PatTokenCreateRequest{
		DisplayName: "nightly build",
		Scope:       "vso.code vso.packaging_write",
		ValidTo:     &api.Time{Time: time.Now().AddDate(0, 0, 7)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.AuthorizationID, *token.Token)
	// Output:
	// 00000000-0000-4000-8000-000000000002 secret-2
}

func ExampleClient_Update() {
	c, stop := serve()
	defer stop()

	token, err := c.Update(context.Background(), api.PatTokenUpdateRequest{
		AuthorizationID: "00000000-0000-4000-8000-000000000001",
		Scope:           new("vso.packaging"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.DisplayName, token.Scope)
	// Output:
	// deploy vso.packaging
}

func ExampleClient_Revoke() {
	c, stop := serve()
	defer stop()

	err := c.Revoke(context.Background(), "00000000-0000-4000-8000-000000000009")
	if client.KindOf(err) == client.KindNotFound {
		fmt.Println("there is nothing to revoke")
	}
	// Output:
	// there is nothing to revoke
}

// The new secret is in a file before the old token stops working.
func ExampleClient_Rotate() {
	c, stop := serve()
	defer stop()
	dir, err := os.MkdirTemp("", "rotate")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "deploy.token")

	keep := func(_ context.Context, token api.PatToken) error {
		return os.WriteFile(file, []byte(*token.Token), 0o600)
	}
	token, err := c.Rotate(context.Background(), "00000000-0000-4000-8000-000000000001", client.RotateOptions{}, keep)
	if err != nil {
		fmt.Println(err)
		return
	}
	secret, _ := os.ReadFile(file)
	fmt.Println(token.DisplayName, token.Scope, string(secret))
	// Output:
	// deploy vso.packaging_write secret-2
}

func ExampleClient_ConnectionData() {
	c, stop := serve()
	defer stop()

	data, err := c.ConnectionData(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in as", data.AuthenticatedUser.ProviderDisplayName)
	// Output:
	// signed in as Alice
}

// A program that shows a token says whether it works.
func ExampleClient_State() {
	c, stop := serve()
	defer stop()
	ctx := context.Background()

	token, err := c.Get(ctx, "00000000-0000-4000-8000-000000000001")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := c.Revoke(ctx, token.AuthorizationID); err != nil {
		fmt.Println(err)
		return
	}
	state, err := c.State(ctx, token)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.DisplayName, "is", state)
	// Output:
	// deploy is revoked
}

// Azure DevOps does not tell which organizations there are: a program asks its
// user then.
func ExampleClient_Organizations() {
	c, stop := serve()
	defer stop()

	organizations, err := c.Organizations(context.Background())
	switch {
	case client.KindOf(err) == client.KindUnsupported:
		fmt.Println("which organization?")
	case err != nil:
		fmt.Println(err)
	}
	for _, organization := range organizations {
		fmt.Println("tokens of", organization.Name, "or of all organizations")
	}
	// Output:
	// tokens of fabrikam or of all organizations
}

func ExampleClient_Scopes() {
	c, stop := serve()
	defer stop()

	scopes, err := c.Scopes(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, scope := range scopes {
		fmt.Println(scope.Name, "can", scope.Covers)
	}
	// Output:
	// vso.packaging can read packages
	// vso.packaging_write can read and write packages
}

// Uses are known to Patrol alone; a program that runs against Azure DevOps too
// goes on without them.
func ExampleClient_Usage() {
	c, stop := serve()
	defer stop()

	usages, err := c.Usage(context.Background(), "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
	switch {
	case client.KindOf(err) == client.KindUnsupported:
		fmt.Println("when tokens were used is not known here")
	case err != nil:
		fmt.Println(err)
	}
	for _, usage := range usages {
		if usage.LastUsed == nil {
			fmt.Println(usage.AuthorizationID, "was never used")
			continue
		}
		fmt.Println(usage.AuthorizationID, "is", usage.State, "and was last used by", usage.Client, "from", usage.Address)
	}
	// Output:
	// 00000000-0000-4000-8000-000000000001 is active and was last used by git from 192.0.2.7
}

func ExampleSignIn() {
	signIn, err := client.SignIn(context.Background(), nil, "https://vssps.dev.azure.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signIn.Kind, signIn.Scope)
	// Output:
	// entra 499b84ac-1321-427f-aa17-267ca6975798/.default
}

func ExampleKindOf() {
	c, stop := serve()
	defer stop()

	_, err := c.Create(context.Background(), api.PatTokenCreateRequest{DisplayName: "all", Scope: "app_token"})
	switch client.KindOf(err) {
	case client.KindPolicy:
		fmt.Println("ask an administrator:", err)
	case client.KindAuthentication:
		fmt.Println("sign in again")
	}
	// Output:
	// ask an administrator: a policy restricts tokens with full access; name the scopes that you need (fullScopePatPolicyViolation)
}

// credential has the shape of those in
// github.com/Azure/azure-sdk-for-go/sdk/azidentity, whose GetToken takes
// policy.TokenRequestOptions and returns an azcore.AccessToken.
type credential struct{}

type tokenRequestOptions struct{ Scopes []string }

type tokenOfCredential struct{ Token string }

func (credential) GetToken(_ context.Context, o tokenRequestOptions) (tokenOfCredential, error) {
	return tokenOfCredential{"token for " + o.Scopes[0]}, nil
}

// Credentials of azidentity cache their tokens, so asking before each attempt
// costs nothing.
func ExampleClient_credential() {
	var credential credential // azidentity.NewInteractiveBrowserCredential(nil)
	scopes := []string{"499b84ac-1321-427f-aa17-267ca6975798/.default"}

	c := client.Client{
		BaseURL:      "https://vssps.dev.azure.com",
		Organization: "fabrikam",
		Token: func(ctx context.Context) (string, error) {
			t, err := credential.GetToken(ctx, tokenRequestOptions{Scopes: scopes})
			return t.Token, err
		},
	}
	token, err := c.Token(context.Background())
	fmt.Println(token, err)
	// Output:
	// token for 499b84ac-1321-427f-aa17-267ca6975798/.default <nil>
}

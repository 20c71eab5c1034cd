package client_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestScopesOfAzureDevOps(t *testing.T) {
	t.Parallel()
	want := api.AzureDevOpsScopes()
	unknown := always(http.StatusNotFound, testdata(t, "not_found.html"), "Content-Type", "text/html")
	c := newClient(unknown)
	if got, err := c.Scopes(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("Scopes = %v, %v, want the catalogue of Azure DevOps", got, err)
	}
	c.BaseURL = "https://vssps.dev.azure.com"
	if got, err := c.Scopes(t.Context()); err != nil || !cmp.Equal(want, got) {
		t.Errorf("Scopes = %v, %v, want the catalogue of Azure DevOps", got, err)
	}
	if len(unknown.sent) != 1 {
		t.Errorf("sent %d requests, want 1: Azure DevOps is not asked", len(unknown.sent))
	}
}

func TestIsAzureDevOps(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://dev.azure.com": true, "https://vssps.dev.azure.com/": true, "https://Fabrikam.visualstudio.com:443": true,
		"http://vssps.dev.azure.com": false, "https://evil-dev.azure.com.example": false, "https://evildev.azure.com": false,
		"https://vssps.dev.azure.com@evil.example": false, "https://evil.example/.visualstudio.com": false,
		"https://evil.example?.dev.azure.com": false, "https://evil.example#.dev.azure.com": false, "vssps.dev.azure.com": false, "": false,
	} {
		if got := client.IsAzureDevOps(address); got != want {
			t.Errorf("IsAzureDevOps(%q) = %t, want %t", address, got, want)
		}
	}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	transport := always(http.StatusOK, `{"kind":"oidc","authority":"https://id.example","scope":"openid pats","clientId":"patrol"}`)
	hc := &http.Client{Transport: transport}
	got, err := client.SignIn(t.Context(), hc, "https://patrol.example/root")
	want := api.SignIn{Kind: api.SignInOIDC, Authority: "https://id.example", Scope: "openid pats", ClientID: "patrol"}
	if err != nil || got != want {
		t.Errorf("SignIn = %v, %v, want %v", got, err, want)
	}
	if len(transport.sent) != 1 {
		t.Fatalf("sent %d requests, want 1", len(transport.sent))
	}
	if url := transport.sent[0].URL; url != "https://patrol.example/root/_apis/patrol/signin?api-version=7.2-preview.1" {
		t.Errorf("URL = %s", url)
	}
	if transport.sent[0].Header.Get("Authorization") != "" {
		t.Error("an anonymous request has credentials")
	}
	for _, host := range []string{"https://vssps.dev.azure.com", "https://dev.azure.com/", "https://Fabrikam.visualstudio.com:443"} {
		got, err := client.SignIn(t.Context(), hc, host)
		if err != nil || got.Kind != api.SignInEntra || !strings.HasPrefix(got.Authority, "https://login.microsoftonline.com/") {
			t.Errorf("SignIn(%s) = %v, %v, want Entra", host, got, err)
		}
	}
	if _, err := client.SignIn(t.Context(), &http.Client{Transport: always(http.StatusOK, "{}")}, "https://evil-dev.azure.com.example"); client.KindOf(err) != client.KindProtocol {
		t.Errorf("SignIn = %v, want an error of kind protocol", err)
	}
	if len(transport.sent) != 1 {
		t.Errorf("sent %d requests, want 1: Azure DevOps is not asked", len(transport.sent))
	}
}

package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/client"
)

func TestCheckSignIn(t *testing.T) {
	t.Parallel()
	const (
		entra  = "https://login.microsoftonline.com/organizations"
		devOps = azureDevOps + "/.default"
		ours   = "https://patrol.example"
		// What a refusal says.
		ofDevOps, elsewhere, ofGraph, notMicrosoft = "asks for an access token of Azure DevOps", "could act as you elsewhere", "is for Microsoft Graph", "which is not Microsoft's"
	)
	for _, test := range []struct {
		name, authority, scope, server string
		want                           string
	}{
		{"Azure DevOps", entra, devOps, "https://vssps.dev.azure.com", ""},
		{"Azure DevOps of old", entra, devOps, "https://contoso.vssps.visualstudio.com", ""},
		{"Azure DevOps in the clear", entra, devOps, "http://vssps.dev.azure.com", ofDevOps},
		{"nearly Azure DevOps", entra, devOps, "https://vssps.dev.azure.com.evil.example", ofDevOps},
		{"nearly Azure DevOps of old", entra, devOps, "https://evil.example/.visualstudio.com", ofDevOps},
		{"a port of this machine", entra, devOps, "http://127.0.0.1:8080", ofDevOps},

		{"an application's URI", entra, "api://patrol/.default openid offline_access", ours, ""},
		{"an application's id", entra, "5c1f0b9e-3d5a-4d0e-9a0b-6a1d2f3e4c5b/.default", ours, ""},
		{"an application's domain", entra, "https://contoso.onmicrosoft.com/patrol/.default", ours, ""},
		{"another issuer", "https://issuer.example", "openid patrol", ours, ""},
		{"the development provider", "https://127.0.0.1:8081/t", devOps, "https://127.0.0.1:8080", ""},

		{"Azure DevOps for another", entra, devOps, ours, ofDevOps},
		{"in capitals", "https://LOGIN.MicrosoftOnline.com/organizations", strings.ToUpper(devOps), ours, ofDevOps},
		{"with a port", "https://login.microsoftonline.com:443/organizations", devOps, ours, ofDevOps},
		{"with a dot", "https://login.microsoftonline.com./organizations", devOps, ours, ofDevOps},
		{"of a region", "https://weu.login.microsoft.com/organizations", devOps, ours, ofDevOps},
		{"of a government", "https://login.microsoftonline.us/organizations", devOps, ours, ofDevOps},
		{"of China", "https://login.partner.microsoftonline.cn/organizations", devOps, ours, ofDevOps},
		{"one permission", entra, azureDevOps + "/user_impersonation", ours, ofDevOps},
		{"two slashes", entra, azureDevOps + "//.default", ours, ofDevOps},
		{"the other name", entra, "https://app.vssps.visualstudio.com/.default", ours, ofDevOps},
		{"beside its own", entra, "api://patrol/.default " + devOps, ours, ofDevOps},

		{"another prefix", entra, "spn:" + devOps, ours, elsewhere},
		{"a URI of the id", entra, "api://" + devOps, ours, elsewhere},
		{"Graph", entra, "https://graph.microsoft.com/.default", ours, elsewhere},
		{"Graph with a dot", entra, "https://graph.microsoft.com./.default", ours, elsewhere},
		{"Graph by id", entra, "00000003-0000-0000-c000-000000000000/.default", ours, elsewhere},
		{"Graph without a resource", entra, "User.Read", ours, elsewhere},
		{"everything of Graph", entra, ".default", ours, elsewhere},
		{"no resource", entra, "openid profile offline_access", ours, ofGraph},
		{"nothing", entra, "", ours, ofGraph},
		{"Azure", entra, "https://management.azure.com//.default", ours, elsewhere},
		{"Azure of old", entra, "https://management.core.windows.net/user_impersonation", ours, elsewhere},
		{"Azure by id", entra, "797f4846-ba00-4fd7-ba43-dac1f8f63013/.default", ours, elsewhere},

		{"an authority like Entra", "https://login.microsoftonline.com.evil.example/t", "api://patrol/.default", ours, notMicrosoft},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, kind := range []string{api.SignInEntra, api.SignInOIDC} {
				want := test.want
				if kind == api.SignInEntra && test.name == "another issuer" {
					want = notMicrosoft
				}
				if kind == api.SignInOIDC && want == notMicrosoft {
					want = ""
				}
				s := api.SignIn{Kind: kind, Authority: test.authority, Scope: test.scope}
				checkRefusal(t, checkSignIn(s, test.server, false), want)
				if want == ofDevOps {
					want = ""
				}
				checkRefusal(t, checkSignIn(s, test.server, true), want)
			}
		})
	}
}

// checkRefusal wants err to say want, or to be nil where that is empty.
func checkRefusal(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("checkSignIn = %v, want nil", err)
		}
		return
	}
	if f, ok := errors.AsType[*failure](err); !ok || f.code != exitFailed || f.hint == "" || !strings.Contains(err.Error(), want) {
		t.Errorf("checkSignIn = %v, want a hint and %q in it", err, want)
	}
}

// TestSignInOfAzureDevOps holds what the client knows of Azure DevOps against
// what is refused to others.
func TestSignInOfAzureDevOps(t *testing.T) {
	t.Parallel()
	const server = "https://vssps.dev.azure.com"
	s, err := client.SignIn(t.Context(), nil, server)
	if err != nil {
		t.Fatal(err)
	}
	checkRefusal(t, checkSignIn(s, server, false), "")
	checkRefusal(t, checkSignIn(s, "https://patrol.example", false), "asks for an access token of Azure DevOps")
}

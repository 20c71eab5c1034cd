package daemon

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// standaloneExample is the example of the documentation, with a secret that
// exists.
func standaloneExample(t *testing.T) StandaloneConfig {
	t.Helper()
	example, err := os.ReadFile("../../docs/console.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	secret := privateFile(t, "secret", "hunter2-of-the-client\n")
	config, err := ReadStandaloneConfig(writeConfig(t, strings.Replace(string(example), "env:CLIENT_SECRET", string(secret), 1)))
	if err != nil {
		t.Fatalf("ReadStandaloneConfig of the example = %v", err)
	}
	return config
}

func TestStandaloneExampleIsGood(t *testing.T) {
	t.Parallel()
	config := standaloneExample(t)
	s, err := config.prepare(newSecrets(t.Context()))
	if err != nil {
		t.Fatalf("the example configuration has faults: %v", err)
	}
	if s.api != "https://vssps.dev.azure.com" || !cmp.Equal(s.organizations, []string{"contoso"}) || s.provider == nil {
		t.Errorf("it makes %q of %q, provider %v", s.api, s.organizations, s.provider)
	}
	if got, want := config.SignIn.scope(s.api), "499b84ac-1321-427f-aa17-267ca6975798/.default"; got != want {
		t.Errorf("the scope is %q, want %q", got, want)
	}
}

func TestStandaloneConfig(t *testing.T) {
	t.Parallel()
	const azureDevOps = "499b84ac-1321-427f-aa17-267ca6975798/.default"
	elsewhere := func(scope string) func(*StandaloneConfig) {
		return func(c *StandaloneConfig) { c.API.Endpoint, c.SignIn.Scope = "https://pats.example.com", scope }
	}
	for name, tt := range map[string]struct {
		change func(*StandaloneConfig)
		fault  string
	}{
		"as it is":                  {func(*StandaloneConfig) {}, ""},
		"another service":           {elsewhere("api://patrol/.default"), ""},
		"no organization elsewhere": {func(c *StandaloneConfig) { elsewhere("api://patrol/.default")(c); c.API.Organizations = nil }, ""},
		"on this machine":           {func(c *StandaloneConfig) { c.API.Endpoint, c.SignIn.Scope = "http://127.0.0.1:8080", azureDevOps }, ""},
		"trusted with Azure DevOps": {func(c *StandaloneConfig) { elsewhere(azureDevOps)(c); c.API.AzureDevOpsToken = true }, ""},
		"a token of Azure DevOps":   {elsewhere(azureDevOps), "sign_in.scope: pats.example.com is not Azure DevOps"},
		"of it in large letters":    {elsewhere("openid " + strings.ToUpper(azureDevOps)), "sign_in.scope: pats.example.com is not Azure DevOps"},
		"of it by its other name":   {elsewhere("https://app.vssps.visualstudio.com/user_impersonation"), "sign_in.scope: pats.example.com is not Azure DevOps"},
		"a host that is almost right": {func(c *StandaloneConfig) {
			c.API.Endpoint, c.SignIn.Scope = "https://dev.azure.com.example", azureDevOps
		}, "is not Azure DevOps"},
		"no scope":           {elsewhere(""), "sign_in.scope: missing"},
		"no endpoint":        {func(c *StandaloneConfig) { c.API.Endpoint = "" }, "api.endpoint: missing"},
		"in clear":           {func(c *StandaloneConfig) { c.API.Endpoint = "http://pats.example.com" }, "api.endpoint: \"pats.example.com\" is not https"},
		"a password in it":   {func(c *StandaloneConfig) { c.API.Endpoint = "https://me:hunter2@vssps.dev.azure.com" }, "api.endpoint: it is not a plain URL"},
		"no organization":    {func(c *StandaloneConfig) { c.API.Organizations = nil }, "api.organizations: missing"},
		"no name":            {func(c *StandaloneConfig) { c.API.Organizations = []string{"contoso/_apis"} }, "api.organizations[0]:"},
		"no such authority":  {func(c *StandaloneConfig) { c.API.CAFile = "/does/not/exist.pem" }, "api.ca_file:"},
		"no authority":       {func(c *StandaloneConfig) { c.SignIn.CAFile = "standaloneconfig_test.go" }, "sign_in.ca_file: there is no certificate"},
		"nowhere to sign in": {func(c *StandaloneConfig) { c.SignIn.Authority = "" }, "sign_in: the authority"},
		"another kind":       {func(c *StandaloneConfig) { c.SignIn.Kind = "saml" }, "sign_in: the kind of the provider"},
		"a secret in clear":  {func(c *StandaloneConfig) { c.SignIn.ClientSecret = "hunter2" }, "sign_in: client_secret: a secret must not stand"},
		"a path of the API":  {func(c *StandaloneConfig) { c.SignIn.RedirectPath = "/healthz" }, "sign_in.redirect_path:"},
		"a duration":         {func(c *StandaloneConfig) { c.Sessions.Life = duration("-1d") }, "sessions.life:"},
		"where it is":        {func(c *StandaloneConfig) { c.PublicURL = "http://tokens.example.com" }, "public_url:"},
	} {
		config := standaloneExample(t)
		tt.change(&config)
		err := config.Check(t.Context())
		if (err == nil) != (tt.fault == "") || err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the faults are %v, want %q and no secret", name, err, tt.fault)
		}
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string][2]string{
		"https://vssps.dev.azure.com":  {"https://vssps.dev.azure.com", ""},
		"https://vssps.dev.azure.com/": {"https://vssps.dev.azure.com", ""},
		"https://vssps.dev.azure.com/contoso/_apis/Tokens/Pats?api-version=6.1-preview": {"https://vssps.dev.azure.com", "contoso"},
		"https://vssps.dev.azure.com/contoso/_apis/tokens/pats/":                        {"https://vssps.dev.azure.com", "contoso"},
		"https://gate.example.com/patrol/contoso/_APIS/tokens/pats?api-version=7.1":     {"https://gate.example.com/patrol", "contoso"},
		"https://gate.example.com/patrol":                                               {"https://gate.example.com/patrol", ""},
		"http://localhost:8080":                                                         {"http://localhost:8080", ""},
		"https://vssps.dev.azure.com/_apis/tokens/pats":                                 {},
		"https://vssps.dev.azure.com/contoso/_apis/tokens":                              {},
		"https://vssps.dev.azure.com/contoso/_apis/tokens/pats/x":                       {},
		"https://vssps.dev.azure.com?api-version=7.1":                                   {},
		"https://vssps.dev.azure.com#x":                                                 {},
		"vssps.dev.azure.com":                                                           {},
		"ftp://vssps.dev.azure.com":                                                     {},
		"https://vssps.dev.azure.com/a%2Fb/_apis/tokens/pats":                           {},
	} {
		base, organization, err := parseEndpoint(endpoint)
		if got := [2]string{base, organization}; got != want || (err == nil) != (want != [2]string{}) {
			t.Errorf("parseEndpoint(%q) = %q, %v, want %q", endpoint, got, err, want)
		}
	}
}

func TestSessionKeysAreKept(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/session-key"
	if _, err := loadSessionKeys(path); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loadSessionKeys(path); err != nil {
		t.Errorf("the key that was made = %v", err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != string(made) {
		t.Error("the key is another after it was read")
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSessionKeys(path); err == nil || !strings.Contains(err.Error(), "chmod") {
		t.Errorf("a key that everybody can read = %v, want an error that says what to do", err)
	}
	if err := os.WriteFile(path, made[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSessionKeys(path); err == nil || strings.Contains(err.Error(), string(made[:20])) {
		t.Errorf("a broken key = %v, want an error without it", err)
	}
}

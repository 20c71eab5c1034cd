package console

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// pretended is a secret as tokens have it.
const pretended = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZJQQJ99aaaaaaaaaaAZDO00"

// snippetCode is one of the codes of a token's page.
func snippetCode(t testing.TB, all []snippet, id string) string {
	t.Helper()
	for _, s := range all {
		for _, c := range s.Codes {
			if c.ID == id {
				return c.Text
			}
		}
	}
	t.Fatalf("there is no snippet %q", id)
	return ""
}

// TestSnippetsAreWellFormed: shells and parsers read them, whatever the name
// of the organization.
func TestSnippetsAreWellFormed(t *testing.T) {
	t.Parallel()
	for _, organization := range []string{"contoso", `it's $(touch pwned) "<&>%PATH%`, "שלום"} {
		for _, onAzureDevOps := range []bool{false, true} {
			ids := map[string]bool{}
			for _, s := range snippets(onAzureDevOps, organization) {
				for _, c := range s.Codes {
					if ids[c.ID] || c.ID == "secret" {
						t.Errorf("%s is there twice", c.ID)
					}
					ids[c.ID] = true
					checkSyntax(t, c)
				}
			}
		}
	}
}

func checkSyntax(t *testing.T, c code) {
	t.Helper()
	switch {
	case c.ID == "powershell" || c.ID == "docker-file":
	case strings.HasPrefix(c.Text, "<"):
		decoder := xml.NewDecoder(strings.NewReader(c.Text))
		if err := decoder.Decode(new(struct{})); err != nil {
			t.Errorf("%s is no XML: %v\n%s", c.ID, err, c.Text)
		}
	case strings.HasPrefix(c.ID, "npm-") && c.ID != "npm-shell", c.ID == "pip-file":
		if strings.ContainsAny(strings.NewReplacer("\n", "", "--index-url ", "").Replace(c.Text), " '\"`<>") {
			t.Errorf("%s has characters that are not plain in a file:\n%s", c.ID, c.Text)
		}
	default:
		check := exec.CommandContext(t.Context(), "bash", "-n", "-c", c.Text)
		if output, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s is nothing that bash reads: %v %s\n%s", c.ID, err, output, c.Text)
		}
	}
}

// listener notes which passwords come by Basic authentication.
type listener struct {
	*httptest.Server
	mu        sync.Mutex
	passwords []string
}

func listen(t testing.TB) *listener {
	t.Helper()
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		l.mu.Lock()
		l.passwords = append(l.passwords, password)
		l.mu.Unlock()
		http.NotFound(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

// here has a snippet go to the listener.
func (l *listener) here(text string) string {
	host := strings.TrimPrefix(l.URL, "http://")
	for _, name := range []string{"service", "git", "packages"} {
		text = strings.ReplaceAll(text, "https://"+name+".example.com", l.URL)
		text = strings.ReplaceAll(text, name+".example.com", host)
	}
	return strings.ReplaceAll(text, "https://token:", "http://token:")
}

// run runs commands in bash, in a home of their own. The tools fail, since the
// listener has nothing for them.
func run(t testing.TB, home, commands string) string {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash", "-c", commands)
	shell.Dir = home
	shell.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"npm_config_fetch_retries=0", "npm_config_update_notifier=false",
	}
	shell.Stdin = strings.NewReader(pretended + "\n")
	output, _ := shell.CombinedOutput()
	return string(output)
}

// TestSnippetsSendTheToken runs what can be run: the token comes from the
// terminal as the first snippet says, and arrives as the password.
func TestSnippetsSendTheToken(t *testing.T) {
	t.Parallel()
	all := snippets(false, "contoso")
	read := snippetCode(t, all, "shell") + "\n"
	for name, test := range map[string]struct{ tool, files, commands string }{
		"git with the helper":   {"git", "", snippetCode(t, all, "git-helper") + "\ngit ls-remote " + behindGateway.repository},
		"git with the header":   {"git", "", snippetCode(t, all, "git-header")},
		"the helper, twice set": {"git", "", strings.Repeat(snippetCode(t, all, "git-helper")+"\n", 2) + "git ls-remote " + behindGateway.repository},
		"curl":                  {"curl", "", snippetCode(t, all, "curl")},
		"npm":                   {"npm", snippetCode(t, all, "npm-project") + "\n" + snippetCode(t, all, "npm-user"), snippetCode(t, all, "npm-shell") + "\nnpm view left-pad"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(test.tool); err != nil {
				t.Fatalf("%s is not installed, and what the console says of it must work: install it", test.tool)
			}
			home, l := t.TempDir(), listen(t)
			if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte(l.here(test.files)), 0o600); err != nil {
				t.Fatal(err)
			}
			output := run(t, home, read+l.here(test.commands))
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.passwords) == 0 || l.passwords[0] != pretended {
				t.Errorf("the passwords %q arrived, want the token; the shell said: %s", l.passwords, output)
			}
			if strings.Contains(output, pretended) {
				t.Error("the token is in what the shell printed")
			}
		})
	}
}

// TestSnippetsKeepNothing: no file of the home has the token afterwards.
func TestSnippetsKeepNothing(t *testing.T) {
	t.Parallel()
	all := snippets(false, "contoso")
	home, l := t.TempDir(), listen(t)
	run(t, home, snippetCode(t, all, "shell")+"\n"+l.here(snippetCode(t, all, "git-helper")+"\n"+snippetCode(t, all, "git-header")))
	encoded := base64.StdEncoding.EncodeToString([]byte("token:" + pretended))
	err := filepath.WalkDir(home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), pretended) || strings.Contains(string(text), encoded) {
			t.Errorf("%s has the token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSnippetsOfAzureDevOps lead to the hosts of the organization there.
func TestSnippetsOfAzureDevOps(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, s := range snippets(true, "fabrikam-eu") {
		for _, c := range s.Codes {
			text.WriteString(c.Text + "\n")
		}
	}
	for _, want := range []string{
		"https://dev.azure.com/fabrikam-eu/_apis/projects?api-version=7.1",
		"https://dev.azure.com/fabrikam-eu/PROJECT/_git/REPOSITORY",
		"//pkgs.dev.azure.com/fabrikam-eu/_packaging/FEED/npm/registry/:_password=${NPM_PASSWORD}",
		"https://pkgs.dev.azure.com/fabrikam-eu/_packaging/FEED/nuget/v3/index.json",
		"https://pkgs.dev.azure.com/fabrikam-eu/_packaging/FEED/maven/v1",
		"https://token:${PATROL_TOKEN}@pkgs.dev.azure.com/fabrikam-eu/_packaging/FEED/pypi/simple/",
		"AZDO_ORG_SERVICE_URL='https://dev.azure.com/fabrikam-eu'",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the snippets do not have %s", want)
		}
	}
	if strings.Contains(text.String(), "git.example.com") || strings.Contains(text.String(), "registry.example.com") {
		t.Error("the snippets of Azure DevOps have hosts that it does not")
	}
}

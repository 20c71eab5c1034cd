package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/patrolhq/patrol/api"
	"github.com/patrolhq/patrol/internal/patroltest"
)

// elsewhere is the address of a server on this machine as one that is not
// recognized as such.
func elsewhere(address string) string { return strings.Replace(address, "127.0.0.1", "0.0.0.0", 1) }

// TestFirstSignIn has a server that is not on this machine ask for a sign-in.
func TestFirstSignIn(t *testing.T) {
	t.Parallel()
	s := patroltest.Start(t, patroltest.Options{})
	server := elsewhere(s.API)
	login := []string{"login", "--server", server, "--organization", "contoso"}
	u := newUser(t, nil)

	r := u.patrol(t, login...)
	if r.code != exitUsage || !strings.Contains(r.notes, "hint: add --yes") || strings.Contains(r.notes, "browser") {
		t.Errorf("login without a terminal = %d %q, want %d, a hint and no browser", r.code, r.notes, exitUsage)
	}
	u.answers = "no\n"
	r = u.patrol(t, login...)
	if r.code != exitFailed || !strings.Contains(r.notes, "nobody is signed in") || strings.Contains(r.notes, "browser") {
		t.Errorf("login after a no = %d %q, want %d and no browser", r.code, r.notes, exitFailed)
	}
	r = u.patrol(t, append(login, "--device-code")...)
	if r.code != exitFailed || strings.Contains(r.notes, "enter the code") {
		t.Errorf("login after a no = %d %q, want %d and no code", r.code, r.notes, exitFailed)
	}

	u.answers = "yes\n"
	r = u.must(t, login...)
	for _, want := range []string{
		server + " asks you to sign in, which it has not done before:\n",
		"\n  authority    " + s.Authority, "\n  application  " + s.Clients.CLI.ID + "\n", "\n  resource     " + azureDevOps + "/.default\n",
		"\nthe access token for that resource goes to " + server + "\ngo on? [y/N] sign in with the browser",
	} {
		if !strings.Contains(r.notes, want) {
			t.Errorf("login says %q, want %q in it", r.notes, want)
		}
	}

	u.answers = ""
	u.must(t, "logout")
	if r := u.must(t, login...); strings.Contains(r.notes, "asks you to sign in") {
		t.Errorf("the second login says %q, want nothing asked", r.notes)
	}
	if r := u.patrol(t, append(login, "--client-id", "other")...); r.code != exitUsage {
		t.Errorf("login as another application = %d %q, want %d", r.code, r.notes, exitUsage)
	}
	if r := newUser(t, nil).must(t, append(login, "--yes")...); !strings.Contains(r.notes, "  resource     ") || strings.Contains(r.notes, "[y/N]") {
		t.Errorf("login --yes says %q, want all shown and nothing asked", r.notes)
	}
	if r := newUser(t, nil).must(t, "login", "--server", s.API, "--organization", "contoso"); strings.Contains(r.notes, "asks you to sign in") {
		t.Errorf("login on this machine says %q, want nothing asked", r.notes)
	}
}

// TestStolenSignIn has a server ask for access tokens of other services.
func TestStolenSignIn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*evilServer)
		args   []string
		want   string
	}{
		{"Azure DevOps", func(s *evilServer) {
			s.signIn = api.SignIn{Kind: api.SignInEntra, Authority: "https://login.microsoftonline.com/organizations", Scope: azureDevOps + "/.default", ClientID: "c"}
		}, []string{"--yes"}, "asks for an access token of Azure DevOps"},
		{"Graph", func(s *evilServer) {
			s.signIn = api.SignIn{Kind: api.SignInOIDC, Authority: "https://login.microsoftonline.com/common/v2.0", Scope: "User.Read", ClientID: "c"}
		}, []string{"--yes", "--azure-devops-token"}, "could act as you elsewhere"},
		{"a page of Microsoft", func(s *evilServer) {
			s.discovery["authorization_endpoint"] = "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"
		}, []string{"--yes"}, "sends you to Microsoft to sign in"},
		{"a device code of Microsoft", func(s *evilServer) {
			s.device["verification_uri"] = "https://microsoft.com/devicelogin"
		}, []string{"--yes", "--device-code"}, "sends you to Microsoft to sign in"},
		{"a page elsewhere", func(s *evilServer) {
			s.discovery["authorization_endpoint"] = "https://login.example/authorize"
		}, nil, "the page to sign in at is elsewhere than the authority: login.example\ngo on? [y/N]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newEvilServer(t)
			test.change(s)
			u := newUser(t, nil)
			u.answers = "yes\n"
			r := u.patrol(t, append([]string{"login", "--server", elsewhere(s.URL), "--organization", "contoso"}, test.args...)...)
			if r.code != exitFailed || !strings.Contains(r.notes, test.want) {
				t.Errorf("login = %d %q, want %d and %q", r.code, r.notes, exitFailed, test.want)
			}
			if strings.Contains(r.notes, "sign in with the browser") || strings.Contains(r.notes, "enter the code") {
				t.Errorf("login says %q, want nobody sent anywhere", r.notes)
			}
		})
	}
}

// TestConsentToPage is about pages of servers that were agreed to.
func TestConsentToPage(t *testing.T) {
	t.Parallel()
	const entra = "https://login.microsoftonline.com/organizations"
	for _, test := range []struct {
		name, authority, page string
		ok                    bool
	}{
		{"the authority", "https://issuer.example", "https://Issuer.example/authorize", true},
		{"elsewhere", "https://issuer.example", "https://login.example/authorize", true},
		{"Microsoft for Microsoft", entra, "https://microsoft.com/devicelogin", true},
		{"Microsoft for another", "https://issuer.example", "https://login.live.com/oauth20_authorize.srf", false},
		{"Microsoft for this machine", "http://127.0.0.1:8081", "https://aka.ms/devicelogin", false},
		{"a file", entra, "file:///etc/passwd", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := consent{p: &program{}, signIn: api.SignIn{Authority: test.authority}, given: true}
			err := c.toPage(t.Context(), test.page)
			if _, refused := errors.AsType[*failure](err); refused == test.ok {
				t.Errorf("toPage = %v, want nil: %t", err, test.ok)
			}
		})
	}
}

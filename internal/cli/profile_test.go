package cli

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServerAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://patrol.example":           "https://patrol.example",
		" HTTPS://Patrol.Example/ ":        "https://patrol.example",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
		"https://patrol.example/base/":     "https://patrol.example/base",
		"https://dev.azure.com":            "https://vssps.dev.azure.com",
		"https://vssps.dev.azure.com/":     "https://vssps.dev.azure.com",
		"https://x.vssps.visualstudio.com": "https://x.vssps.visualstudio.com",
		"":                                 "",
		"patrol.example":                   "",
		"ftp://patrol.example":             "",
		"https://":                         "",
		"https://user:word@patrol.example": "",
		"https://patrol.example?a=b":       "",
		"https://patrol.example#a":         "",
		"https://patrol.example:port":      "",
	} {
		got, err := serverAddress(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("serverAddress(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
}

func TestExposed(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]bool{
		"https://patrol.example": false, "http://patrol.example": true, "http://10.0.0.1": true,
		"http://127.0.0.1:8080": false, "http://[::1]:8080": false, "http://localhost": false, "http://localhost.evil.example": true,
	} {
		if got := exposed(server); got != want {
			t.Errorf("exposed(%q) = %t, want %t", server, got, want)
		}
	}
}

const (
	one = "https://one.example"
	two = "https://two.example"
)

var testConfig = config{Current: "work", Profiles: map[string]profile{
	"work":  {Server: one, Organization: "contoso", CAFile: "/ca.pem"},
	"other": {Server: one, Organization: "fabrikam"},
	"azure": {Server: two, Organization: "contoso"},
}}

func TestTarget(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		flags globalFlags
		env   map[string]string
		want  target
		code  int
	}{
		{"current", globalFlags{}, nil, target{testConfig.Profiles["work"], "work"}, exitOK},
		{"profile", globalFlags{profile: "azure"}, nil, target{testConfig.Profiles["azure"], "azure"}, exitOK},
		{"profile variable", globalFlags{}, map[string]string{"PATROL_PROFILE": "azure"}, target{testConfig.Profiles["azure"], "azure"}, exitOK},
		{"unknown profile", globalFlags{profile: "x"}, nil, target{}, exitUsage},
		{"organization", globalFlags{organization: "o"}, nil, target{profile{Server: one, Organization: "o", CAFile: "/ca.pem"}, "work"}, exitOK},
		{"server of current", globalFlags{server: one}, nil, target{testConfig.Profiles["work"], "work"}, exitOK},
		{"server and organization", globalFlags{server: one, organization: "Fabrikam"}, nil, target{profile{Server: one, Organization: "Fabrikam"}, "other"}, exitOK},
		{"server of another", globalFlags{server: two}, nil, target{testConfig.Profiles["azure"], "azure"}, exitOK},
		{"server of none", globalFlags{server: "https://three.example"}, nil, target{profile{Server: "https://three.example"}, ""}, exitOK},
		{"server variable", globalFlags{}, map[string]string{"PATROL_SERVER": two, "PATROL_ORGANIZATION": "o"}, target{profile{Server: two, Organization: "o"}, "azure"}, exitOK},
		{"bad server", globalFlags{server: "one"}, nil, target{}, exitUsage},
		{"server of another profile", globalFlags{server: two, profile: "work"}, nil, target{}, exitUsage},
		{"server of the profile", globalFlags{server: one + "/", profile: "work"}, nil, target{testConfig.Profiles["work"], "work"}, exitOK},
		{
			"profile beats variables",
			globalFlags{profile: "work"},
			map[string]string{"PATROL_PROFILE": "x", "PATROL_SERVER": two, "PATROL_ORGANIZATION": "o"},
			target{testConfig.Profiles["work"], "work"},
			exitOK,
		},
		{
			"server beats variables",
			globalFlags{server: two},
			map[string]string{"PATROL_PROFILE": "work", "PATROL_SERVER": one},
			target{testConfig.Profiles["azure"], "azure"},
			exitOK,
		},
		{
			"profile variable beats server variable",
			globalFlags{},
			map[string]string{"PATROL_PROFILE": "work", "PATROL_SERVER": two},
			target{testConfig.Profiles["work"], "work"},
			exitOK,
		},
		{
			"certificates",
			globalFlags{caFile: "/mine.pem"},
			map[string]string{"PATROL_CA_FILE": "/theirs.pem"},
			target{profile{Server: one, Organization: "contoso", CAFile: "/mine.pem"}, "work"},
			exitOK,
		},
		{
			"certificates variable",
			globalFlags{},
			map[string]string{"PATROL_CA_FILE": "/theirs.pem"},
			target{profile{Server: one, Organization: "contoso", CAFile: "/theirs.pem"}, "work"},
			exitOK,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &program{dir: t.TempDir(), flags: test.flags, env: func(name string) string { return test.env[name] }}
			if err := p.changeConfig(func(c *config) error { *c = testConfig; return nil }); err != nil {
				t.Fatal(err)
			}
			got, err := p.target()
			code := exitOK
			if f, ok := errors.AsType[*failure](err); ok {
				code = f.code
			}
			if code != test.code {
				t.Fatalf("target = %v, want code %d", err, test.code)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(target{})); diff != "" && code == exitOK {
				t.Errorf("target differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTargetWithoutConfig(t *testing.T) {
	t.Parallel()
	p := &program{dir: t.TempDir(), env: func(string) string { return "" }}
	got, err := p.target()
	if err != nil || got != (target{}) {
		t.Errorf("target = %+v, %v, want nothing", got, err)
	}
}

func TestLoginTarget(t *testing.T) {
	t.Parallel()
	const azure = "https://vssps.dev.azure.com"
	for _, test := range []struct {
		name  string
		flags globalFlags
		env   map[string]string
		want  target
		code  int
	}{
		{"again", globalFlags{}, nil, target{testConfig.Profiles["work"], "work"}, exitOK},
		{"again by name", globalFlags{profile: "azure"}, nil, target{testConfig.Profiles["azure"], "azure"}, exitOK},
		{"again by server", globalFlags{server: one, organization: "fabrikam"}, nil, target{testConfig.Profiles["other"], "other"}, exitOK},
		{"new server", globalFlags{server: "https://dev.azure.com", organization: "Adatum"}, nil, target{profile{Server: azure, Organization: "Adatum"}, "adatum"}, exitOK},
		{"new organization", globalFlags{organization: "adatum"}, nil, target{profile{Server: one, Organization: "adatum", CAFile: "/ca.pem"}, "adatum"}, exitOK},
		{"new name", globalFlags{profile: "mine", server: azure, organization: "contoso"}, nil, target{profile{Server: azure, Organization: "contoso"}, "mine"}, exitOK},
		{"new name by variable", globalFlags{organization: "contoso"}, map[string]string{"PATROL_PROFILE": "mine"}, target{}, exitUsage},
		{"name taken", globalFlags{server: azure, organization: "other"}, nil, target{}, exitUsage},
		{"name replaced", globalFlags{profile: "other", server: azure, organization: "other"}, nil, target{profile{Server: azure, Organization: "other"}, "other"}, exitOK},
		{"bad name", globalFlags{profile: "Mine", server: azure, organization: "contoso"}, nil, target{}, exitUsage},
		{"organization that is no name", globalFlags{server: azure, organization: "a b"}, nil, target{}, exitUsage},
		{"no server", globalFlags{profile: "mine"}, nil, target{}, exitUsage},
		{"no organization", globalFlags{server: azure}, nil, target{}, exitUsage},
		{
			"organization in the host",
			globalFlags{server: "https://contoso.vssps.visualstudio.com"},
			nil,
			target{profile{Server: "https://contoso.vssps.visualstudio.com"}, "contoso.vssps.visualstudio.com"},
			exitOK,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &program{dir: t.TempDir(), flags: test.flags, env: func(name string) string { return test.env[name] }}
			if err := p.changeConfig(func(c *config) error { *c = testConfig; return nil }); err != nil {
				t.Fatal(err)
			}
			got, err := p.loginTarget()
			code := exitOK
			if f, ok := errors.AsType[*failure](err); ok {
				code = f.code
			}
			if code != test.code {
				t.Fatalf("loginTarget = %+v, %v, want code %d", got, err, test.code)
			}
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(target{})); diff != "" && code == exitOK {
				t.Errorf("target differs (-want +got):\n%s", diff)
			}
		})
	}
}

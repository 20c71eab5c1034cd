package verify

import "testing"

// TestAgents: kinds of clients by what they call themselves.
func TestAgents(t *testing.T) {
	for userAgent, want := range map[string]Agent{
		"":                                   AgentUnknown,
		"git/2.39.5":                         AgentGit,
		"git/2.0 (libgit2 1.7.1)":            AgentGit,
		"git-lfs/3.4.0 (GitHub; linux)":      AgentGit,
		"JGit/6.7.0":                         AgentGit,
		"curl/7.88.1":                        AgentCurl,
		"npm/9.8.0 node/v20.5.1 linux x64":   AgentNPM,
		"NuGet Command Line/6.8.0 (Windows)": AgentNuGet,
		"Apache-Maven/3.8.7 (Java 17)":       AgentMaven,
		"pip/23.0.1 {\"ci\":null}":           AgentPip,
		"docker/24.0.5 go/go1.20.6":          AgentDocker,
		"HashiCorp Terraform/1.6.1":          AgentTerraform,
		"Terraform/1.6.1":                    AgentTerraform,
		"Go-http-client/1.1":                 AgentGo,
		"python-requests/2.31.0":             AgentPython,
		"Python-urllib/3.11":                 AgentPython,
		"node":                               AgentNode,
		"axios/1.6.0":                        AgentNode,
		"VSServices/16.170 (NetStandard)":    AgentDotNet,
		"Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1": AgentPowerShell,
		"Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0":                          AgentBrowser,
		"gitea/1.20": AgentOther,
		"/":          AgentOther,
		"\x00\xff":   AgentOther,
		"a product with a name beyond all bounds/1": AgentOther,
	} {
		if got := AgentOf(userAgent); got != want {
			t.Errorf("AgentOf(%q) = %v, want %v", userAgent, got, want)
		}
	}
	if got := testing.AllocsPerRun(100, func() { AgentOf("Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0") }); got != 0 {
		t.Errorf("AgentOf allocates %v times, want never", got)
	}
}

package verify

import "strings"

// Agent is the kind of client that presented a token.
type Agent uint8

// The kinds of clients.
const (
	AgentUnknown Agent = iota
	AgentGit
	AgentCurl
	AgentNPM
	AgentNuGet
	AgentMaven
	AgentPip
	AgentDocker
	AgentTerraform
	AgentGo
	AgentPython
	AgentNode
	AgentDotNet
	AgentPowerShell
	AgentBrowser
	AgentOther
)

func (a Agent) String() string {
	return [...]string{
		"", "git", "curl", "npm", "nuget", "maven", "pip", "docker", "terraform", "go", "python", "node", "dotnet",
		"powershell", "browser", "other",
	}[a]
}

// AgentOf tells the kind of a client by its User-Agent header. It allocates
// nothing.
func AgentOf(userAgent string) Agent {
	if userAgent == "" {
		return AgentUnknown
	}
	var product [20]byte
	n := 0
	for ; n < min(len(userAgent), len(product)); n++ {
		c := userAgent[n]
		if c == '/' || c == ' ' || c == '(' {
			break
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		product[n] = c
	}
	switch string(product[:n]) {
	case "git", "git-lfs", "jgit", "go-git":
		return AgentGit
	case "curl":
		return AgentCurl
	case "npm", "yarn", "pnpm":
		return AgentNPM
	case "nuget":
		return AgentNuGet
	case "apache-maven", "maven":
		return AgentMaven
	case "pip", "twine", "uv", "poetry":
		return AgentPip
	case "docker", "docker-client", "containerd":
		return AgentDocker
	case "terraform", "hashicorp", "opentofu":
		return AgentTerraform
	case "go-http-client", "gomodulemirror":
		return AgentGo
	case "python", "python-requests", "python-urllib", "python-httpx", "aiohttp":
		return AgentPython
	case "node", "node-fetch", "axios", "undici", "got":
		return AgentNode
	case "dotnet", ".net", "vsservices":
		return AgentDotNet
	case "powershell":
		return AgentPowerShell
	case "mozilla", "opera":
		if strings.Contains(userAgent, "PowerShell/") {
			return AgentPowerShell
		}
		return AgentBrowser
	}
	return AgentOther
}

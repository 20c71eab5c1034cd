package console

import (
	"net/url"
	"strings"
)

// snippet shows how a tool is given the new token.
type snippet struct {
	Title, Text string
	Codes       []code
}

// places are where a token is used.
type places struct {
	// service is any of its APIs, gitHost where repositories are, and repository
	// one of them.
	service, gitHost, repository string
	// npm, nuget, maven and pip are package feeds, without the scheme.
	npm, nuget, maven, pip string
}

// azureDevOps are the hosts of an organization there.
func azureDevOps(organization string) places {
	// What is left of a name is plain in every syntax below.
	name := strings.ReplaceAll(url.QueryEscape(organization), "+", "%20")
	feed := "pkgs.dev.azure.com/" + name + "/_packaging/FEED/"
	return places{
		service: "https://dev.azure.com/" + name + "/_apis/projects?api-version=7.1",
		gitHost: "https://dev.azure.com", repository: "https://dev.azure.com/" + name + "/PROJECT/_git/REPOSITORY",
		npm: feed + "npm/registry/", nuget: feed + "nuget/v3/index.json", maven: feed + "maven/v1", pip: feed + "pypi/simple/",
	}
}

// behindGateway stand for the services for which Patrol checks tokens, and of
// which it does not know the addresses.
var behindGateway = places{
	service: "https://service.example.com/",
	gitHost: "https://git.example.com", repository: "https://git.example.com/REPOSITORY.git",
	npm: "packages.example.com/npm/", nuget: "packages.example.com/nuget/v3/index.json",
	maven: "packages.example.com/maven", pip: "packages.example.com/pypi/simple/",
}

// snippets show how tools are given a token of the organization. All of them
// take it from the environment, where the first puts it, so that the secret
// lies neither in a file nor in the history of a shell.
func snippets(onAzureDevOps bool, organization string) []snippet {
	p := behindGateway
	if onAzureDevOps {
		p = azureDevOps(organization)
	}
	return []snippet{
		shellSnippet(), gitSnippet(p), curlSnippet(p), npmSnippet(p), nugetSnippet(p), mavenSnippet(p), pipSnippet(p),
		dockerSnippet(onAzureDevOps), terraformSnippet(onAzureDevOps, organization),
	}
}

func shellSnippet() snippet {
	return snippet{
		"Environment variable", "Run this, paste the secret and press Enter. It is not shown, and does not get into the history of the shell. The others below take it from there.",
		[]code{
			{ID: "shell", Label: "bash and zsh", Text: "read -rs PATROL_TOKEN && export PATROL_TOKEN"},
			{ID: "powershell", Label: "PowerShell", Text: "$env:PATROL_TOKEN = [Net.NetworkCredential]::new('', (Read-Host 'Token' -AsSecureString)).Password"},
		},
	}
}

func gitSnippet(p places) snippet {
	return snippet{
		"Git", "The helper has git take the token from the variable whenever it needs one for this host, before other helpers that you may have. Nothing is stored.",
		[]code{
			{
				ID: "git-helper", Label: "git, for this host",
				Text: "git config --global --replace-all credential." + p.gitHost + ".helper ''\ngit config --global --add credential." + p.gitHost + `.helper '!f() { test "$1" = get && printf "username=token\npassword=%s\n" "$PATROL_TOKEN"; }; f'`,
			},
			{
				ID: "git-header", Label: "git, once",
				Text: `export GIT_AUTHORIZATION="Authorization: Basic $(printf 'token:%s' "$PATROL_TOKEN" | base64 | tr -d '\n')"` + "\n" +
					"git --config-env=http." + p.gitHost + "/.extraHeader=GIT_AUTHORIZATION clone '" + p.repository + "'",
			},
		},
	}
}

func curlSnippet(p places) snippet {
	return snippet{
		"curl", "The token is the password, with any user name. This way it does not show in the list of processes.",
		[]code{{ID: "curl", Label: "curl", Text: `printf 'user = "token:%s"' "$PATROL_TOKEN" | curl --fail --config - '` + p.service + "'"}},
	}
}

func npmSnippet(p places) snippet {
	return snippet{
		"npm", "npm wants the token in Base64, and takes it from a variable. The first file belongs to the project, the second to you.",
		[]code{
			{ID: "npm-project", Label: ".npmrc of the project", Text: "registry=https://" + p.npm},
			{
				ID: "npm-user", Label: ".npmrc in your home directory",
				Text: "//" + p.npm + ":username=token\n//" + p.npm + ":_password=${NPM_PASSWORD}\n//" + p.npm + ":email=unused@example.com",
			},
			{ID: "npm-shell", Label: "shell, before npm", Text: `export NPM_PASSWORD="$(printf %s "$PATROL_TOKEN" | base64 | tr -d '\n')"`},
		},
	}
}

func nugetSnippet(p places) snippet {
	return snippet{
		"NuGet", "Beside the solution. NuGet puts in the variable, so that the file can be committed.",
		[]code{{ID: "nuget", Label: "nuget.config", Text: `<?xml version="1.0" encoding="utf-8"?>
<configuration>
  <packageSources>
    <add key="feed" value="https://` + p.nuget + `" />
  </packageSources>
  <packageSourceCredentials>
    <feed>
      <add key="Username" value="token" />
      <add key="ClearTextPassword" value="%PATROL_TOKEN%" />
    </feed>
  </packageSourceCredentials>
</configuration>`}},
	}
}

func mavenSnippet(p places) snippet {
	return snippet{
		"Maven", "The id ties the two files together. Maven puts in the variable.",
		[]code{
			{ID: "maven-settings", Label: "settings.xml in ~/.m2", Text: `<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <servers>
    <server>
      <id>feed</id>
      <username>token</username>
      <password>${env.PATROL_TOKEN}</password>
    </server>
  </servers>
</settings>`},
			{ID: "maven-project", Label: "pom.xml, in project", Text: `<repositories>
  <repository>
    <id>feed</id>
    <url>https://` + p.maven + `</url>
  </repository>
</repositories>`},
		},
	}
}

func pipSnippet(p places) snippet {
	return snippet{
		"pip", "As a variable for one shell, or as the first line of requirements.txt, where pip puts it in.",
		[]code{
			{ID: "pip-shell", Label: "shell, before pip", Text: `export PIP_INDEX_URL="https://token:${PATROL_TOKEN}@` + p.pip + `"`},
			{ID: "pip-file", Label: "requirements.txt", Text: "--index-url https://token:${PATROL_TOKEN}@" + p.pip},
		},
	}
}

func dockerSnippet(onAzureDevOps bool) snippet {
	build := code{
		ID: "docker-build", Label: "docker build",
		Text: "docker build --secret id=PATROL_TOKEN,env=PATROL_TOKEN .",
	}
	run := code{
		ID: "docker-file", Label: "Dockerfile", Text: `RUN --mount=type=secret,id=PATROL_TOKEN PATROL_TOKEN="$(cat /run/secrets/PATROL_TOKEN)" pip install -r requirements.txt`,
	}
	s := snippet{"Docker", "A build gets the token as a secret, which stays out of the image.", []code{build, run}}
	if !onAzureDevOps { // which has no registry of its own
		s.Text = "Docker keeps what it signs in with, unless it has a credential store. A build gets the token as a secret, which stays out of the image."
		login := code{ID: "docker-login", Label: "docker login", Text: `printf %s "$PATROL_TOKEN" | docker login --username token --password-stdin registry.example.com`}
		s.Codes = append([]code{login}, s.Codes...)
	}
	return s
}

func terraformSnippet(onAzureDevOps bool, organization string) snippet {
	if onAzureDevOps {
		name := strings.ReplaceAll(url.QueryEscape(organization), "+", "%20")
		return snippet{
			"Terraform", "The provider microsoft/azuredevops reads these variables.",
			[]code{{ID: "terraform", Label: "shell, before terraform", Text: "export AZDO_ORG_SERVICE_URL='https://dev.azure.com/" + name + "'\n" + `export AZDO_PERSONAL_ACCESS_TOKEN="$PATROL_TOKEN"`}},
		}
	}
	return snippet{
		"Terraform", "The name of the variable is that of the host of the registry, with underscores for its dots. State at an address of yours is fetched with the other two.",
		[]code{
			{ID: "terraform", Label: "shell, for a registry", Text: `export TF_TOKEN_registry_example_com="$PATROL_TOKEN"`},
			{ID: "terraform-state", Label: "shell, for the http backend", Text: "export TF_HTTP_USERNAME=token\n" + `export TF_HTTP_PASSWORD="$PATROL_TOKEN"`},
		},
	}
}

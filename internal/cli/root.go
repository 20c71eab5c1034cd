package cli

import (
	"github.com/spf13/cobra"
)

// globalFlags say which service to talk to and as whom.
type globalFlags struct {
	server, organization, profile, caFile string
}

const rootHelp = `patrol creates, lists, changes, rotates and revokes personal access tokens, on
a Patrol service and on Azure DevOps.

Start with

  patrol login --server https://patrol.example --organization contoso
  patrol create --name ci --scope vso.code --for 30d

For Azure DevOps the server is https://vssps.dev.azure.com.`

const environmentHelp = `These variables stand for flags; a flag wins over its variable:

  PATROL_SERVER        --server
  PATROL_ORGANIZATION  --organization
  PATROL_PROFILE       --profile
  PATROL_CA_FILE       --ca-file

  PATROL_TOKEN         an access token of a user for the service, used instead
                       of what "patrol login" stored. A personal access token
                       will not do: the service refuses it.
  NO_COLOR             no colours

Flags that say what a service may have, --yes and --azure-devops-token of login,
have no variables.

The profiles and their credentials are in the directory "patrol" where programs
keep their configuration: $XDG_CONFIG_HOME or ~/.config on Linux, ~/Library/
Application Support on macOS, %AppData% on Windows.`

const outputHelp = `Results are printed on standard output; questions, notes, warnings and errors on
standard error. On a terminal, results are tables for people. Elsewhere they are
lines of fields separated by tabs, without a heading and with times in UTC, and
control characters in them are escaped:

  list          id, name, scopes, status, created, expires, organizations, last
                used ("never" where it was not; absent where that is not known)
  scopes        name, area, what it covers, what it includes, privilege
  profile list  name, server, organization, user, whether it is the current one
  create        the secret alone, unless --output names a file; rotate likewise
  revoke        nothing
  others        the name of a field, its value

With --json it is one JSON document. Fields may be added in later versions; none
will be removed, renamed or given another meaning:

  list             an array of tokens, each with "usage"
  show             a token with "usage"
  update           a token
  create, rotate   a token; "token" is its secret
  revoke           an array of {"authorizationId"} of what was revoked
  scopes           an array of {"name", "area", "covers", "includes",
                   "highPrivilege"}
  whoami           {"user", "name", "id", "descriptor", "tenant", "server",
                   "organization", "profile", "tokenExpires", "storage"}
  profile list     an array of {"name", "server", "organization", "user",
                   "current"}
  version          {"version", "go", "platform", "commit"}

A token is {"displayName", "validTo", "scope", "targetAccounts", "validFrom",
"authorizationId", "token"}, as the PAT Lifecycle API of Azure DevOps has it:
"targetAccounts" is null for all organizations, "token" is null but for create
and rotate.

"usage" is what Patrol knows of a token's last use, a minute later at most:
{"lastUsed", "address", "client", "scope"}. "lastUsed" is null where the token was
never used, the others are empty where they were not known. Without "usage" it is
not known whether the token was used: Azure DevOps does not tell.`

// root is the whole command line.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:     "patrol",
		Short:   "Manage personal access tokens",
		Long:    rootHelp,
		Version: version(),
		Args:    aCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRun: func(*cobra.Command, []string) { p.started = true },
		SilenceUsage:     true,
		SilenceErrors:    true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fail(exitUsage, "%w", err).with("see \"%s --help\"", cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&p.flags.server, "server", "", "address of the service")
	flags.StringVar(&p.flags.organization, "organization", "", "name or id of the organization")
	flags.StringVar(&p.flags.profile, "profile", "", "profile to use instead of the current one")
	flags.StringVar(&p.flags.caFile, "ca-file", "", "certificates (PEM) to trust besides the system's")
	p.completeFlag(root, "profile", p.completeProfiles)

	root.AddGroup(&cobra.Group{ID: "tokens", Title: "Tokens:"}, &cobra.Group{ID: "account", Title: "Account:"})
	grouped(root, "tokens", p.listCommand(), p.showCommand(), p.createCommand(), p.updateCommand(),
		p.rotateCommand(), p.revokeCommand(), p.scopesCommand())
	grouped(root, "account", p.loginCommand(), p.logoutCommand(), p.whoamiCommand(), p.profileCommand())
	root.AddCommand(p.versionCommand(),
		topic("exit-codes", "What the exit codes mean", exitCodesHelp),
		topic("environment", "Which environment variables patrol reads", environmentHelp),
		topic("output", "What is printed where, and the shapes of --json", outputHelp))
	return root
}

func grouped(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// topic is a page that "patrol help NAME" shows.
func topic(name, short, text string) *cobra.Command {
	return &cobra.Command{Use: name, Short: short, Long: text}
}

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "print JSON (see \"patrol help output\")")
}

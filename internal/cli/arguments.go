package cli

import "github.com/spf13/cobra"

// noArguments is for commands that flags tell everything.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fail(exitUsage, "%q takes no arguments", cmd.CommandPath()).with("see \"%s --help\"", cmd.CommandPath())
	}
	return nil
}

// someTokens is for commands that take one token or more.
func someTokens(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fail(exitUsage, "which token? give its name or id").with("see \"%s --help\"", cmd.CommandPath())
	}
	return nil
}

// oneToken is for commands that take a single token.
func oneToken(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fail(exitUsage, "%q takes one token", cmd.CommandPath()).with("see \"%s --help\"", cmd.CommandPath())
	}
	return someTokens(cmd, args)
}

package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// aCommand is for the root: an argument that reaches it is a command that does
// not exist.
func aCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	f := fail(exitUsage, "there is no command %q", args[0])
	var near []string
	for _, name := range cmd.SuggestionsFor(args[0]) {
		near = append(near, strconv.Quote(name))
	}
	if len(near) > 0 {
		return f.with("did you mean %s?", strings.Join(near, " or "))
	}
	return f.with("see \"patrol help\"")
}

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

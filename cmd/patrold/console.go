package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/internal/daemon"
)

func consoleCommand() *cobra.Command {
	var path, data string
	var check bool
	cmd := &cobra.Command{
		Use:   "console --config FILE",
		Short: "Run the web console alone, for Azure DevOps or another patrold",
		Long: "console runs the web console for an API elsewhere: that of Azure DevOps, or that\n" +
			"of a patrold on another machine. People sign in to it as they do for that API,\n" +
			"and it can do nothing there that they could not. It keeps who is signed in in\n" +
			"one directory, and nothing else.\n\n" +
			"\"patrold serve\" has the console in it: this command is for APIs without one.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return errors.New("which configuration? name the file with --config; docs/console.example.toml is one to start from")
			}
			config, err := daemon.ReadStandaloneConfig(path)
			if err != nil {
				return err
			}
			if !check {
				return daemon.ServeConsole(cmd.Context(), config, data, cmd.ErrOrStderr())
			}
			return report(cmd, path, config.Check(cmd.Context()))
		},
	}
	requireConfig(cmd, &path)
	cmd.Flags().StringVar(&data, "data", ".patrol-console", "directory for what is kept")
	cmd.Flags().BoolVar(&check, "check", false, "report every fault of the configuration at once, and end")
	return cmd
}

// report tells whether the configuration at path is good.
func report(cmd *cobra.Command, path string, faults error) error {
	if faults != nil {
		return fmt.Errorf("%s has faults:\n%w", path, faults)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", path)
	return nil
}

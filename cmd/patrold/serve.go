package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/internal/daemon"
)

func serveCommand() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the service in production",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := readConfig(path)
			if err != nil {
				return err
			}
			return daemon.Serve(cmd.Context(), config, cmd.ErrOrStderr())
		},
	}
	requireConfig(cmd, &path)
	return cmd
}

func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Work with the configuration"}
	var path string
	check := &cobra.Command{
		Use:   "check --config FILE",
		Short: "Report every fault of a configuration at once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := readConfig(path)
			if err != nil {
				return err
			}
			return report(cmd, path, config.Check(cmd.Context()))
		},
	}
	requireConfig(check, &path)
	cmd.AddCommand(check)
	return cmd
}

func requireConfig(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "config", "", "configuration file (TOML)")
	_ = cmd.MarkFlagFilename("config", "toml") // fails for unknown flags only
}

func readConfig(path string) (daemon.Config, error) {
	if path == "" {
		return daemon.Config{}, errors.New("which configuration? name the file with --config; docs/patrold.example.toml is one to start from")
	}
	return daemon.ReadConfig(path)
}

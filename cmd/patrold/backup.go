package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/internal/daemon"
)

func backupCommand() *cobra.Command {
	var database, config, output string
	cmd := &cobra.Command{
		Use:   "backup (--database PATH | --config FILE) --output FILE",
		Short: "Copy the SQLite database while the service runs",
		Long: "backup copies a SQLite database to a new file, which only its owner can read.\n" +
			"The service may run: the copy is of one moment, and holds every change that was\n" +
			"answered before the command began. It is checked before the command says so.\n\n" +
			"A backup holds no secret, and is worth nothing without the server keys: keep a\n" +
			"copy of those elsewhere. How to restore it is in docs/operations.md; tokens that\n" +
			"were revoked after it was made are alive in it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if config != "" {
				if database != "" {
					return errors.New("name the database with --database or with --config, not with both")
				}
				read, err := readConfig(config)
				if err != nil {
					return err
				}
				database = cmp.Or(read.Database.Path, read.Database.URL)
			}
			backup, err := daemon.Backup(cmd.Context(), database, output)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has %d tokens and %d events in %d bytes, and was checked\n", output, backup.Tokens, backup.Events, backup.Bytes)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&database, "database", "", "file of the database")
	flags.StringVar(&config, "config", "", "configuration that names it (TOML)")
	flags.StringVar(&output, "output", "", "file to make")
	_ = cmd.MarkFlagFilename("config", "toml") // fails for unknown flags only
	return cmd
}

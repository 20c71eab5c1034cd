package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/internal/daemon"
)

func migrateCommand() *cobra.Command {
	var o daemon.MigrateOptions
	var config, to string
	cmd := &cobra.Command{
		Use:   "migrate (--config FILE | --database DATABASE) | --from sqlite:PATH (--config FILE | --to postgres://…)",
		Short: "Bring a database's schema up to date, or copy SQLite into PostgreSQL",
		Long: "migrate brings the schema of a database up to date, or makes it, and ends. The\n" +
			"service does the same when it starts, if its role may.\n\n" +
			"With --from it copies every row of a SQLite database that no service uses into an\n" +
			"empty PostgreSQL database, reads both again and compares them. All of it is one\n" +
			"transaction: where it fails, or is interrupted, nothing was copied. A database\n" +
			"that has rows is refused. docs/postgresql.md says more.\n\n" +
			"Others on the machine can see a password that stands in a flag: give it in\n" +
			"PGPASSWORD, or have --config refer to it.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to != "" && (o.From == "" || o.Database != "") {
				return errors.New("--to is where a copy goes: write --from sqlite:PATH --to postgres://USER@HOST/NAME")
			}
			if to != "" {
				o.Database = to
			}
			if config != "" {
				read, err := readConfig(config)
				if err != nil {
					return err
				}
				o.Config = &read
			}
			o.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			if o.From != "" {
				return copyDatabase(cmd, o)
			}
			return migrateSchema(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Database, "database", "", "database, \"sqlite:PATH\" or \"postgres://USER@HOST/NAME\"")
	flags.StringVar(&config, "config", "", "configuration that names it (TOML)")
	flags.StringVar(&o.From, "from", "", "SQLite database to copy, \"sqlite:PATH\"")
	flags.StringVar(&to, "to", "", "PostgreSQL database to copy it into, \"postgres://USER@HOST/NAME\"")
	flags.IntVar(&o.Partitions, "partitions", 0, "how many parts the big tables get where PostgreSQL's schema is made (default 8)")
	_ = cmd.MarkFlagFilename("config", "toml") // fails for unknown flags only
	return cmd
}

func migrateSchema(cmd *cobra.Command, o daemon.MigrateOptions) error {
	done, err := daemon.Migrate(cmd.Context(), o)
	switch {
	case err != nil:
		return err
	case done.From == done.To:
		fmt.Fprintf(cmd.OutOrStdout(), "the schema has version %d, which is the newest\n", done.To)
	default:
		fmt.Fprintf(cmd.OutOrStdout(), "the schema went from version %d to %d\n", done.From, done.To)
	}
	return nil
}

func copyDatabase(cmd *cobra.Command, o daemon.MigrateOptions) error {
	erase := ""
	if isTerminal(cmd.ErrOrStderr()) {
		erase = "\r\x1b[K" // a line of progress ends where the next thing is said
		o.Progress = func(doing, table string, rows, of int64) {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s%s %s: %d of %d rows", erase, doing, table, rows, of)
		}
	}
	tables, err := daemon.Copy(cmd.Context(), o)
	fmt.Fprint(cmd.ErrOrStderr(), erase)
	switch {
	case cmd.Context().Err() != nil && err != nil:
		return errors.New("interrupted: nothing was copied")
	case err != nil:
		return err
	}
	for _, table := range tables {
		fmt.Fprintf(cmd.OutOrStdout(), "%-12s %10d rows, SHA-256 %x on both sides\n", table.Table, table.Rows, table.Digest)
	}
	fmt.Fprintln(cmd.OutOrStdout(), "the copy is complete; from now on start the service on PostgreSQL alone: what is done on SQLite is not copied")
	return nil
}

// isTerminal reports whether somebody watches.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

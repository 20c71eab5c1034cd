package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/patrolhq/patrol/internal/daemon"
)

func devCommand() *cobra.Command {
	var options daemon.DevOptions
	var verbose bool
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine, identity provider included",
		Long: "dev runs the service, web console included, and an identity provider of its own\n" +
			"with seeded users, and keeps everything in one directory. It writes DATA/dev.json,\n" +
			"which says where things are and who can sign in, and then prints \"ready\". It is\n" +
			"not for production: anyone who reaches it can sign in as anyone.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			level := slog.LevelWarn
			if verbose {
				level = slog.LevelDebug
			}
			options.Log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			dev, err := daemon.StartDev(cmd.Context(), options)
			if err != nil {
				return err
			}
			introduce(cmd, dev)
			return dev.Wait(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&options.Listen, "listen", "127.0.0.1:8080", "address of the console and the API; port 0 is any")
	flags.StringVar(&options.IDPListen, "idp-listen", "127.0.0.1:8081", "address of the identity provider; port 0 is any")
	flags.StringVar(&options.MetricsListen, "metrics-listen", "", "address of the metrics; port 0 is any (default none)")
	flags.StringVar(&options.Data, "data", ".patrol", "directory for everything that is kept")
	flags.StringVar(&options.Database, "database", "", "database, \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/NAME\" (default a file in the data directory)")
	flags.BoolVar(&options.TLS, "tls", false, "serve HTTPS with an authority made in the data directory")
	flags.StringArrayVar(&options.RegisterRedirects, "register-redirect", nil, "redirect URI to add to the console's client (repeatable)")
	flags.DurationVar(&options.AccessTokenLife, "access-token-life", 0, "how long access tokens last (default 1h)")
	flags.BoolVarP(&verbose, "verbose", "v", false, "log every request")
	return cmd
}

// introduce says where everything is. Its last line is what tools wait for.
func introduce(cmd *cobra.Command, dev *daemon.Dev) {
	out := cmd.OutOrStdout()
	organization := dev.Info.Organizations[0].Name
	fmt.Fprintf(out, "console   %s\n", dev.Info.Console)
	fmt.Fprintf(out, "API       %s/%s/_apis/tokens/pats\n", dev.Info.API, organization)
	fmt.Fprintf(out, "verify    %s/%s/vso.code\n", dev.Info.Verify.URL, organization)
	fmt.Fprintf(out, "sign-in   %s (users and passwords: %s)\n", dev.Info.IDP, dev.File)
	if dev.Info.Metrics != "" {
		fmt.Fprintf(out, "metrics   %s\n", dev.Info.Metrics)
	}
	if dev.Info.CAFile != "" {
		fmt.Fprintf(out, "trust     %s\n", dev.Info.CAFile)
	}
	fmt.Fprintf(out, "try       patrol login --server %s --organization %s\n", dev.Info.API, organization)
	fmt.Fprintln(out, "ready")
}

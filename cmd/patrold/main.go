// Command patrold is the Patrol service: personal access tokens, their
// lifecycle and their policies, over the API of Azure DevOps.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "patrold:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "patrold",
		Short: "The personal access token service",
		Long: "patrold issues personal access tokens and manages their lifecycle, over the\n" +
			"API of Azure DevOps. Try it with \"patrold dev\", run it with \"patrold serve\".",
		Version:      version(),
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(devCommand(), serveCommand(), consoleCommand(), configCommand(), migrateCommand(), backupCommand(), versionCommand())
	return root
}

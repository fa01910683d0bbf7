// Command orcray runs orcray on one machine and speaks to it: everything but `serve` goes through the HTTP API like any client.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		var quiet exitCode
		if errors.As(err, &quiet) {
			os.Exit(int(quiet))
		}
		fmt.Fprintln(os.Stderr, "orcray:", err)
		os.Exit(1)
	}
}

// exitCode ends the command with a status when everything was said already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func root() *cobra.Command {
	cmd := &cobra.Command{Use: "orcray", Short: "Questions about data, answered by Ray programs that are proven before they run",
		SilenceUsage: true, SilenceErrors: true}
	cmd.AddCommand(upCommand(), serveCommand(), downCommand(), doctorCommand(), askCommand(), runCommand(), jobsCommand(), jobCommand(),
		stopCommand(), historyCommand(), modelsCommand(), aslCommand(), openapiCommand(), configCommand(), passwordCommand(), backupCommand(), restoreCommand())
	return cmd
}

// Command ops does what the scripts of the AWS application need AWS for: it looks before a deployment, and keeps and brings back
// data. The scripts in scripts/aws start it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/fault"
)

// exitCode ends the command when everything was said already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(say(root().ExecuteContext(ctx)))
}

// say writes what went wrong for a person, and gives the status to end with.
func say(err error) int {
	var quiet exitCode
	var ours *fault.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &quiet):
		return int(quiet)
	case errors.As(err, &ours):
		fmt.Fprintln(os.Stderr, "orcray:", ours.Message)
	default:
		fmt.Fprintln(os.Stderr, "orcray:", err)
	}
	return 1
}

func root() *cobra.Command {
	cmd := &cobra.Command{Use: "ops", Short: "Operates orcray on AWS", SilenceUsage: true, SilenceErrors: true}
	cmd.AddCommand(preflightCommand(), tagCommand(), hasImageCommand(), registryCommand(), destroyCommand(), outputsCommand(), costsCommand(), backupCommand(), restoreCommand())
	return cmd
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/topology"
)

// destroyCommand is the door before the stacks' end: it says what would stay, and opens only for who means it.
func destroyCommand() *cobra.Command {
	var o choices
	var confirm string
	cmd := o.flags(&cobra.Command{Use: "may-destroy", Short: "Say what would stay, and let the stacks go when that is confirmed", Args: cobra.NoArgs})
	cmd.Flags().StringVar(&confirm, "confirm", "", "the environment's full name, for one that keeps its data")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.checker(cmd.Context())
		if err != nil {
			return err
		}
		kept, err := c.Kept(cmd.Context())
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			fmt.Println("These stay, and go on costing; nobody removes them but you:")
		}
		for _, r := range kept {
			fmt.Printf("  %-28s %s\n", r.Type, r.Name)
		}
		if err := confirmed(o.env, confirm); err != nil {
			return err
		}
		return c.Unprotect(cmd.Context())
	}
	return cmd
}

// confirmed refuses to take down what people rely on by a command that is easily typed.
func confirmed(env, confirm string) error {
	if want := topology.NameIn(env, "and-all-its-stacks"); env != "dev" && confirm != want {
		return fault.New(fault.Invalid, "%s is not taken down by accident. If you mean it: make destroy ENV=%s CONFIRM=%s", env, env, want)
	}
	return nil
}

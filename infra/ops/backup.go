package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/shared/aws/backup"
	"github.com/orcray/orcray/shared/aws/preflight"
	"github.com/orcray/orcray/shared/fault"
)

const stamp = "20060102T150405Z"

// keeper finds the data of the environment by what its stacks say.
func (o *choices) keeper(ctx context.Context) (k *backup.Keeper, table string, err error) {
	c, err := o.checker(ctx)
	if err != nil {
		return nil, "", err
	}
	names, err := c.Named(ctx, "TableOutput", "BucketOutput")
	if err != nil {
		return nil, "", err
	}
	config, err := preflight.Load(ctx)
	return backup.New(config, o.env, names[0], names[1], time.Now, 0), names[0], err
}

func backupCommand() *cobra.Command {
	var o choices
	var to string
	cmd := o.flags(&cobra.Command{Use: "backup", Short: "Keep the table as it is now, and note when that was", Args: cobra.NoArgs})
	cmd.Flags().StringVar(&to, "to", "backups", "the folder of the notes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		k, _, err := o.keeper(cmd.Context())
		if err != nil {
			return err
		}
		b, err := k.Take(cmd.Context())
		if b.ARN == "" {
			return err
		}
		path := filepath.Join(to, "orcray-"+o.env+"-"+b.Taken.Format(stamp)+".json")
		text, _ := json.MarshalIndent(b, "", "  ")
		if err := errors.Join(err, os.MkdirAll(to, 0o700), os.WriteFile(path, append(text, '\n'), 0o600)); err != nil {
			return err
		}
		fmt.Printf("Kept for seven days. To bring it back: make restore ENV=%s FROM=%s\n", o.env, path)
		return nil
	}
	return cmd
}

func restoreCommand() *cobra.Command {
	var o choices
	var from, replace string
	cmd := o.flags(&cobra.Command{Use: "restore", Short: "Bring data back beside the data in use, or in its place", Args: cobra.NoArgs})
	cmd.Flags().StringVar(&from, "from", "", "the note of a backup, or a moment such as 2026-11-26T12:00:00Z")
	cmd.Flags().StringVar(&replace, "replace", "", "the environment's table by its name: it gets the data, and loses its own")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		b, err := moment(from, o.env)
		if err != nil {
			return err
		}
		k, table, err := o.keeper(cmd.Context())
		if err != nil {
			return err
		}
		return bringBack(cmd.Context(), k, b, table, replace, o.env, from)
	}
	return cmd
}

// moment reads what to restore.
func moment(from, env string) (backup.Backup, error) {
	if at, err := time.Parse(time.RFC3339, from); err == nil {
		return backup.Backup{Env: env, Taken: at}, nil
	}
	var b backup.Backup
	text, err := os.ReadFile(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, fault.New(fault.Invalid, "%s is no file, and no moment such as 2026-11-26T12:00:00Z.", from)
	case err != nil:
		return b, err
	case json.Unmarshal(text, &b) != nil || b.ARN == "" || b.Taken.IsZero():
		return b, fault.New(fault.Invalid, "%s is not the note of a backup.", from)
	case b.Env != env:
		return b, fault.New(fault.Invalid, "%s is a backup of %s, not of %s.", from, b.Env, env)
	}
	return b, nil
}

// bringBack restores beside the data in use; only who names the table gets it replaced.
func bringBack(ctx context.Context, k *backup.Keeper, b backup.Backup, table, replace, env, from string) error {
	if replace != "" && replace != table {
		return fault.New(fault.Invalid, "The table of %s is %s, not %s. Nothing was changed.", env, table, replace)
	}
	name := "orcray-" + env + "-restored-" + b.Taken.UTC().Format(stamp)
	fmt.Println("Restoring the table beside the one in use. This takes some minutes.")
	err := k.RestoreTable(ctx, b, name)
	if err != nil && !(replace != "" && fault.Is(err, fault.Conflict)) { // restored before: go on with it
		return err
	}
	if replace == "" {
		fmt.Printf("The data of %s is in the table %s. Nothing else was changed.\nTo put it in place of the data in use, while nobody works: make restore ENV=%s FROM=%s REPLACE=%s\n",
			b.Taken.Format(time.RFC3339), name, env, from, table)
		return nil
	}
	copied, gone, err := k.RestoreObjects(ctx, b.Taken)
	if err != nil {
		return err
	}
	written, removed, err := k.Replace(ctx, name)
	if err != nil {
		return err
	}
	fmt.Printf("%s is as it was at %s: %d items written, %d removed; %d objects brought back, %d removed.\nThe table %s is not needed any more.\n",
		env, b.Taken.Format(time.RFC3339), written, removed, copied, gone, name)
	return nil
}

func outputsCommand() *cobra.Command {
	var o choices
	cmd := o.flags(&cobra.Command{Use: "outputs", Short: "Print what the stacks say of themselves", Args: cobra.NoArgs})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := o.checker(cmd.Context())
		if err != nil {
			return err
		}
		all, err := c.Outputs(cmd.Context())
		for _, out := range all {
			if out.Description != "" {
				fmt.Printf("%-42s %s\n", out.Description, out.Value)
			}
		}
		return err
	}
	return cmd
}

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/infra/local/backup"
	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/fault"
)

func backupCommand() *cobra.Command {
	var keep time.Duration
	cmd := &cobra.Command{Use: "backup DIR", Short: "Keep a copy of all data in DIR, also while orcray runs", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := dataFolder()
			if err != nil {
				return err
			}
			m, err := backup.Take(cmd.Context(), backup.Plan{Data: data, To: args[0], Keep: keep, Now: time.Now})
			if err != nil {
				return spoken(err)
			}
			fmt.Printf("Kept in %s: %s.\n", m.Path, m)
			return nil
		}}
	cmd.Flags().DurationVar(&keep, "keep", backup.DefaultKeep, "remove older backups from DIR; 0: never")
	return cmd
}

func restoreCommand() *cobra.Command {
	return &cobra.Command{Use: "restore BACKUP", Short: "Bring a copy back into the data folder, which must be empty", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := dataFolder()
			if err != nil {
				return err
			}
			m, err := backup.Restore(cmd.Context(), filepath.Clean(args[0]), data)
			if err != nil {
				return spoken(err)
			}
			fmt.Printf("Restored to %s: %s. Start orcray with `make run`.\n", data, m)
			return nil
		}}
}

// spoken is an error as a person reads it: the sentence, and what the system said.
func spoken(err error) error {
	var ours *fault.Error
	if !errors.As(err, &ours) {
		return err
	}
	var system syscall.Errno
	if errors.As(err, &system) {
		return fmt.Errorf("%s (%w)", ours.Message, system)
	}
	return errors.New(ours.Message)
}

func dataFolder() (string, error) {
	cfg, err := config.FromEnvironment()
	if err != nil {
		return "", err
	}
	return filepath.Abs(cfg.Data.Dir)
}

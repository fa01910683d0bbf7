package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orcray/orcray/infra/local"
	"github.com/orcray/orcray/shared/config"
)

func passwordCommand() *cobra.Command {
	var from string
	cmd := &cobra.Command{Use: "password", Short: "Give the owner of this machine another password, and write it to the file the commands sign in with",
		Long: "The new password is made up, or read from --from. A running orcray is asked with the password in the file; if that one is not\n" +
			"good any more, stop orcray first: then the data folder itself is changed.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.FromEnvironment()
			if err != nil {
				return err
			}
			password, err := newPassword(from)
			if err != nil {
				return err
			}
			owner, err := setPassword(cmd.Context(), cfg, password)
			if err != nil {
				return err
			}
			fmt.Printf("%s has a new password; every earlier sign-in has ended. It is in %s.\n", owner.Email, filepath.Join(cfg.Data.Dir, "owner.json"))
			return nil
		}}
	cmd.Flags().StringVar(&from, "from", "", "file with the new password (default: one is made up)")
	return cmd
}

func newPassword(from string) (string, error) {
	if from == "" {
		return rand.Text(), nil
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return "", fmt.Errorf("the new password: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// setPassword changes the password where it is: in a running orcray, else in the data folder.
func setPassword(ctx context.Context, cfg config.Config, password string) (local.Owner, error) {
	dir, err := filepath.Abs(cfg.Data.Dir)
	if err != nil {
		return local.Owner{}, err
	}
	if !locked(dir) {
		return local.SetOwnerPassword(ctx, cfg, password)
	}
	owner, err := local.ReadOwner(dir)
	if err != nil {
		return owner, fmt.Errorf("%w. Stop orcray with `make down`, and run this again", err)
	}
	c := &client{base: "http://" + cfg.Server.Addr}
	if err := c.signIn(ctx, owner); err != nil {
		return owner, fmt.Errorf("%w Stop orcray with `make down`, and run this again", sentence(err))
	}
	body := map[string]string{"current": owner.Password, "new": password}
	if err := c.call(ctx, http.MethodPost, "/api/v1/auth/password", body, nil); err != nil {
		return owner, err
	}
	owner.Password = password
	return owner, local.WriteOwner(dir, owner)
}

// sentence ends an error as the next sentence needs it.
func sentence(err error) error {
	if strings.HasSuffix(err.Error(), ".") {
		return err
	}
	return errors.New(err.Error() + ".")
}

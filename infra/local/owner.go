package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/orcray/orcray/shared/config"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// OwnerEmail is the account of whoever installed orcray on this machine. Its password is made on the first start and lies in a
// file that only they can read; the command signs in with it.
const OwnerEmail = "admin@orcray.local"

// Owner is how the machine's owner signs in.
type Owner struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

func ownerFile(dataDir string) string { return filepath.Join(dataDir, "owner.json") }

// ReadOwner reads how to sign in on this machine.
func ReadOwner(dataDir string) (Owner, error) {
	var o Owner
	text, err := os.ReadFile(ownerFile(dataDir))
	if err != nil {
		return o, fmt.Errorf("no sign-in for this machine: %w", err)
	}
	return o, json.Unmarshal(text, &o)
}

// WriteOwner writes how to sign in on this machine, whole or not at all.
func WriteOwner(dataDir string, o Owner) error {
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		return err
	}
	next := ownerFile(dataDir) + ".new"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("the owner's account: %w", err)
	}
	if err := os.Rename(next, ownerFile(dataDir)); err != nil {
		return fmt.Errorf("the owner's account: %w", err)
	}
	return nil
}

// SetOwnerPassword gives the owner of a data folder another password while no orcray works on it: whoever can write the folder is the
// owner. The file comes last: should this break off, the next call mends it.
func SetOwnerPassword(ctx context.Context, cfg config.Config, password string) (Owner, error) {
	owner, err := ReadOwner(cfg.Data.Dir)
	if err != nil {
		owner.Email = OwnerEmail
	}
	a := &App{cfg: cfg}
	err = a.setPassword(ctx, owner.Email, password)
	if err := errors.Join(err, a.Close()); err != nil {
		return Owner{}, err
	}
	owner.Password = password
	return owner, WriteOwner(cfg.Data.Dir, owner)
}

func (a *App) setPassword(ctx context.Context, email, password string) error {
	if err := a.openStore(ctx, Options{Now: time.Now}); err != nil {
		return err
	}
	if err := a.openIdentity(ctx, Options{Now: time.Now}); err != nil {
		return err
	}
	err := a.users.SetPassword(ctx, email, password)
	if fault.Is(err, fault.NotFound) {
		return fmt.Errorf("there is no account %s in %s yet. Start orcray once with `make run`", email, a.cfg.Data.Dir)
	}
	return err
}

// openOwner makes the owner's account on the first start. The file is written first: a crash in between is mended by the next
// start, which makes the account with the password of the file.
func (a *App) openOwner(ctx context.Context) error {
	owner, err := ReadOwner(a.cfg.Data.Dir)
	if err != nil {
		owner = Owner{Email: OwnerEmail, Password: rand.Text()}
		if err := WriteOwner(a.cfg.Data.Dir, owner); err != nil {
			return err
		}
	}
	_, err = a.users.CreateAdmin(ctx, identity.Registration{Email: owner.Email, Password: owner.Password, Name: "Owner"})
	return ignoreTaken(err)
}

func ignoreTaken(err error) error {
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

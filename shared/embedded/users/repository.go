// Package users keeps the users and the keys of a deployment on one machine.
package users

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
	"github.com/orcray/orcray/shared/table"
)

// Repository implements identity.Accounts on a table:
//
//	USER#<id>        ACCOUNT   the account
//	EMAIL#<address>  ACCOUNT   which user has the address: what makes it unique
//	USERS            <id>      all users, in the order of creation because ids are ULIDs
//	USERS            #FIRST    the first account was made
type Repository struct {
	table table.Table
}

// New makes a repository.
func New(t table.Table) *Repository { return &Repository{table: t} }

const (
	accountSK = "ACCOUNT"
	usersPK   = "USERS"
	firstSK   = "#FIRST"
	indexSK   = "U#"
)

// record is the stored form. It spells out the hash, which identity.Account refuses to.
type record struct {
	ID         string        `json:"id"`
	Email      string        `json:"email"`
	Name       string        `json:"name"`
	Role       identity.Role `json:"role"`
	Active     bool          `json:"active"`
	Created    time.Time     `json:"created"`
	Generation int64         `json:"generation"`
	Hash       string        `json:"hash"`
}

// pointer is what an address and the list of users hold.
type pointer struct {
	ID string `json:"id"`
}

func userKey(id string) table.Key     { return table.Key{PK: "USER#" + id, SK: accountSK} }
func emailKey(email string) table.Key { return table.Key{PK: "EMAIL#" + email, SK: accountSK} }
func indexKey(id string) table.Key    { return table.Key{PK: usersPK, SK: indexSK + id} }
func firstKey() table.Key             { return table.Key{PK: usersPK, SK: firstSK} }

// Create implements identity.Accounts.
func (r *Repository) Create(ctx context.Context, account identity.Account, first bool) error {
	body, err := encode(account)
	if err != nil {
		return err
	}
	owner, err := json.Marshal(pointer{ID: account.ID})
	if err != nil {
		return fmt.Errorf("write a user's address: %w", err)
	}
	writes := []table.Write{
		put(userKey(account.ID), body, table.Absent()),
		put(emailKey(account.Email), owner, table.Absent()),
		put(indexKey(account.ID), owner, table.Absent()),
	}
	if first {
		writes = append(writes, put(firstKey(), owner, table.Absent()))
	}
	return explain(r.table.Transact(ctx, writes))
}

// explain says which rule a conflict broke. With both broken the store names the address, which is written first.
func explain(err error) error {
	var conflict *table.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	switch conflict.Key {
	case firstKey():
		return fault.Wrap(fmt.Errorf("%w: %w", identity.ErrNotFirst, err), fault.Conflict, "This is not the first account.")
	default:
		return fault.Wrap(fmt.Errorf("%w: %w", identity.ErrEmailTaken, err), fault.Conflict, "This address is in use.")
	}
}

// ByID implements identity.Accounts.
func (r *Repository) ByID(ctx context.Context, id string) (identity.Account, error) {
	item, err := r.table.Get(ctx, userKey(id))
	if fault.Is(err, fault.NotFound) {
		return identity.Account{}, fault.Wrap(err, fault.NotFound, "There is no such user.")
	}
	if err != nil {
		return identity.Account{}, err
	}
	return decode(item)
}

// ByEmail implements identity.Accounts. It reads two items whether the address is known or not, so that the time says
// nothing about it.
func (r *Repository) ByEmail(ctx context.Context, email string) (identity.Account, error) {
	item, err := r.table.Get(ctx, emailKey(email))
	if fault.Is(err, fault.NotFound) {
		_, _ = r.table.Get(ctx, userKey("nobody"))
		return identity.Account{}, fault.Wrap(err, fault.NotFound, "There is no such user.")
	}
	if err != nil {
		return identity.Account{}, err
	}
	var owner pointer
	if err := json.Unmarshal(item.Body, &owner); err != nil {
		return identity.Account{}, fmt.Errorf("read a user's address: %w", err)
	}
	return r.ByID(ctx, owner.ID)
}

// Update implements identity.Accounts.
func (r *Repository) Update(ctx context.Context, account identity.Account) error {
	stored, err := r.ByID(ctx, account.ID)
	if err != nil {
		return err
	}
	body, err := encode(account)
	if err != nil {
		return err
	}
	writes := []table.Write{put(userKey(account.ID), body, table.VersionIs(account.Version))}
	if stored.Email != account.Email {
		owner, err := json.Marshal(pointer{ID: account.ID})
		if err != nil {
			return fmt.Errorf("write a user's address: %w", err)
		}
		writes = append(writes,
			put(emailKey(account.Email), owner, table.Absent()),
			table.Write{Op: table.Delete, Item: table.Item{Key: emailKey(stored.Email)}, Need: table.Present()})
	}
	err = r.table.Transact(ctx, writes)
	var conflict *table.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	if conflict.Key == emailKey(account.Email) {
		return explain(err)
	}
	return fault.Wrap(err, fault.Conflict, "The user was changed meanwhile. Read it again.")
}

// List implements identity.Accounts.
func (r *Repository) List(ctx context.Context, cursor string, limit int) ([]identity.Account, string, error) {
	page, err := r.table.Query(ctx, table.Query{PK: usersPK, Prefix: indexSK, Cursor: cursor, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	accounts := make([]identity.Account, 0, len(page.Items))
	for _, item := range page.Items {
		account, err := r.ByID(ctx, item.SK[len(indexSK):])
		if err != nil {
			return nil, "", err
		}
		accounts = append(accounts, account)
	}
	return accounts, page.Next, nil
}

func put(key table.Key, body []byte, need table.Need) table.Write {
	return table.Write{Op: table.Put, Item: table.Item{Key: key, Body: body}, Need: need}
}

func encode(a identity.Account) ([]byte, error) {
	body, err := json.Marshal(record{
		ID: a.ID, Email: a.Email, Name: a.Name, Role: a.Role, Active: a.Active, Created: a.Created,
		Generation: a.Generation, Hash: string(a.Hash),
	})
	if err != nil {
		return nil, fmt.Errorf("write a user: %w", err)
	}
	return body, nil
}

func decode(item table.Item) (identity.Account, error) {
	var stored record
	if err := json.Unmarshal(item.Body, &stored); err != nil {
		return identity.Account{}, fmt.Errorf("read a user: %w", err)
	}
	return identity.Account{
		User: identity.User{
			ID: stored.ID, Email: stored.Email, Name: stored.Name, Role: stored.Role, Active: stored.Active,
			Created: stored.Created, Generation: stored.Generation,
		},
		Hash: identity.PasswordHash(stored.Hash), Version: item.Version,
	}, nil
}

package users_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/embedded/sqlite"
	"github.com/orcray/orcray/shared/embedded/users"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T, path string) (*users.Repository, func()) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: noon})
	must(t, err)
	closeOnce := sync.OnceFunc(func() { must(t, db.Close()) })
	t.Cleanup(closeOnce)
	return users.New(db.Table()), closeOnce
}

func newRepository(t *testing.T) *users.Repository {
	t.Helper()
	r, _ := open(t, filepath.Join(t.TempDir(), "users.db"))
	return r
}

// account makes the n-th account; ids sort in the order of n, as ULIDs do in the order of time.
func account(n int) identity.Account {
	return identity.Account{Hash: identity.PasswordHash(fmt.Sprintf("$argon2id$hash%d", n)), User: identity.User{
		ID: fmt.Sprintf("01J%023d", n), Email: fmt.Sprintf("u%d@example.com", n), Name: "User Ü " + fmt.Sprint(n),
		Role: identity.RoleUser, Active: true, Created: noon().Add(time.Duration(n) * time.Millisecond), Generation: 1,
	}}
}

func TestO1_AnAccountComesBackWholeByIdAndByAddressAfterARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users.db")
	r, stop := open(t, path)
	must(t, r.Create(t.Context(), account(1), false))
	stop()
	r, _ = open(t, path)
	want := account(1)
	want.Version = 1
	byID, err := r.ByID(t.Context(), want.ID)
	must(t, err)
	byEmail, err := r.ByEmail(t.Context(), want.Email)
	must(t, err)
	if byID != want || byEmail != want {
		t.Fatalf("got %+v and %+v, want %+v", byID, byEmail, want)
	}
	for _, find := range []func() (identity.Account, error){
		func() (identity.Account, error) { return r.ByID(t.Context(), "nobody") },
		func() (identity.Account, error) { return r.ByEmail(t.Context(), "nobody@example.com") },
	} {
		if _, err := find(); !fault.Is(err, fault.NotFound) {
			t.Errorf("got %v", err)
		}
	}
}

func TestO1_AddressesAreUniqueAndTheFirstIsFirst(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	must(t, r.Create(t.Context(), account(1), true))
	if err := r.Create(t.Context(), account(2), true); !errors.Is(err, identity.ErrNotFirst) || !fault.Is(err, fault.Conflict) {
		t.Fatalf("got %v", err)
	}
	same := account(2)
	same.Email = account(1).Email
	if err := r.Create(t.Context(), same, false); !errors.Is(err, identity.ErrEmailTaken) || !fault.Is(err, fault.Conflict) {
		t.Fatalf("got %v", err)
	}
	if _, err := r.ByID(t.Context(), same.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("half an account was left: %v", err)
	}
	must(t, r.Create(t.Context(), account(2), false))
}

func TestO8_OfTwoChangesTheSecondOneHasToReadAgain(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	must(t, r.Create(t.Context(), account(1), false))
	mine, err := r.ByID(t.Context(), account(1).ID)
	must(t, err)
	theirs := mine
	mine.Active = false
	must(t, r.Update(t.Context(), mine))
	theirs.Name = "late"
	if err := r.Update(t.Context(), theirs); !fault.Is(err, fault.Conflict) || errors.Is(err, identity.ErrEmailTaken) {
		t.Fatalf("got %v", err)
	}
	got, err := r.ByID(t.Context(), mine.ID)
	must(t, err)
	if got.Active || got.Name == "late" || got.Version != 2 {
		t.Fatalf("got %+v", got)
	}
	if err := r.Update(t.Context(), account(9)); !fault.Is(err, fault.NotFound) {
		t.Fatalf("an account that is not there was changed: %v", err)
	}
}

func TestAChangedAddressFreesTheOldOne(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	must(t, r.Create(t.Context(), account(1), false))
	must(t, r.Create(t.Context(), account(2), false))
	moved, err := r.ByID(t.Context(), account(1).ID)
	must(t, err)
	moved.Email = account(2).Email
	if err := r.Update(t.Context(), moved); !errors.Is(err, identity.ErrEmailTaken) {
		t.Fatalf("got %v", err)
	}
	moved.Email = "new@example.com"
	must(t, r.Update(t.Context(), moved))
	if got, err := r.ByEmail(t.Context(), "new@example.com"); err != nil || got.ID != moved.ID {
		t.Fatalf("got %+v, %v", got, err)
	}
	if _, err := r.ByEmail(t.Context(), account(1).Email); !fault.Is(err, fault.NotFound) {
		t.Fatalf("the old address still works: %v", err)
	}
	next := account(3)
	next.Email = account(1).Email
	must(t, r.Create(t.Context(), next, false))
}

func TestAllUsersAreListedInPagesInTheOrderOfTheirCreation(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	var want []string
	for n := range 25 {
		must(t, r.Create(t.Context(), account(n), n == 0))
		want = append(want, account(n).ID)
	}
	var got []string
	cursor := ""
	for pages := 1; ; pages++ {
		accounts, next, err := r.List(t.Context(), cursor, 10)
		must(t, err)
		for _, a := range accounts {
			got = append(got, a.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
		if pages > 5 {
			t.Fatal("the list does not end")
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
}

package identity

import (
	"context"

	"github.com/orcray/orcray/shared/fault"
)

// MaxUsersPage bounds one page of List.
const MaxUsersPage = 100

// Me gives the caller's own user.
func (s *Service) Me(ctx context.Context, caller Principal) (User, error) {
	if caller.Anonymous() {
		return User{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	return s.user(ctx, caller.UserID)
}

// Get gives a user to themselves and to admins; for everyone else there is no such user.
func (s *Service) Get(ctx context.Context, caller Principal, id string) (User, error) {
	if caller.Anonymous() || (caller.UserID != id && !caller.Admin()) || !validUserID(id) {
		return User{}, noUser()
	}
	return s.user(ctx, id)
}

// List gives a page of users to admins, in the order of their creation; limit is 1 to MaxUsersPage, 0 means MaxUsersPage.
func (s *Service) List(ctx context.Context, caller Principal, cursor string, limit int) ([]User, string, error) {
	if !caller.Admin() {
		return nil, "", onlyAdmins()
	}
	if limit < 0 || limit > MaxUsersPage {
		return nil, "", fault.At("/limit", "Ask for 1 to %d users.", MaxUsersPage)
	}
	if limit == 0 {
		limit = MaxUsersPage
	}
	accounts, next, err := s.config.Accounts.List(ctx, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	users := make([]User, len(accounts))
	for i, account := range accounts {
		users[i] = account.User
	}
	return users, next, nil
}

// SetActive lets an admin deactivate or activate a user. Deactivating ends every token of the user; nobody can
// deactivate themselves, so an admin always remains.
func (s *Service) SetActive(ctx context.Context, caller Principal, id string, active bool) (User, error) {
	if !caller.Admin() {
		return User{}, onlyAdmins()
	}
	if caller.UserID == id && !active {
		return User{}, fault.New(fault.Conflict, "You cannot deactivate yourself. Ask another admin.")
	}
	return s.change(ctx, id, func(account *Account) {
		if account.Active && !active {
			account.Generation++
		}
		account.Active = active
	})
}

// ChangePassword replaces the caller's own password and ends every token they have. A wrong current password is
// fault.Forbidden and counts as a failed login of the address.
func (s *Service) ChangePassword(ctx context.Context, caller Principal, current, next string) error {
	if caller.Anonymous() {
		return fault.New(fault.Unauthenticated, "Sign in first.")
	}
	if err := CheckNewPassword(next); err != nil {
		return err
	}
	account, err := s.config.Accounts.ByID(ctx, caller.UserID)
	if err != nil {
		return err
	}
	address := "email " + account.Email
	if err := s.limiter.try(limited{address, emailRule()}); err != nil {
		return err
	}
	ok, _, err := s.config.Hasher.Matches(ctx, account.Hash, current)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Forbidden, "The current password is wrong.")
	}
	s.limiter.forgive(address)
	hash, err := s.config.Hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	account.Hash = hash
	account.Generation++
	return s.config.Accounts.Update(ctx, account) // the version proves that current is still the password
}

// SetPassword replaces the password of an address and ends every token of the user. It is for the operator's command line, which has
// the data itself and needs no proof.
func (s *Service) SetPassword(ctx context.Context, email, next string) error {
	if err := CheckNewPassword(next); err != nil {
		return err
	}
	account, err := s.byEmail(ctx, NormaliseEmail(email))
	if err != nil {
		return err
	}
	hash, err := s.config.Hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, account.ID, func(a *Account) {
		a.Hash = hash
		a.Generation++
	})
	return err
}

// change applies one edit, again if somebody else was faster.
func (s *Service) change(ctx context.Context, id string, edit func(*Account)) (User, error) {
	if !validUserID(id) {
		return User{}, noUser()
	}
	for tries := 1; ; tries++ {
		account, err := s.config.Accounts.ByID(ctx, id)
		if err != nil {
			return User{}, err
		}
		edit(&account)
		err = s.config.Accounts.Update(ctx, account)
		if err == nil {
			return account.User, nil
		}
		if !fault.Is(err, fault.Conflict) || tries == 5 {
			return User{}, err
		}
	}
}

func (s *Service) user(ctx context.Context, id string) (User, error) {
	account, err := s.config.Accounts.ByID(ctx, id)
	return account.User, err
}

func noUser() error     { return fault.New(fault.NotFound, "There is no such user.") }
func onlyAdmins() error { return fault.New(fault.Forbidden, "Only an admin may do this.") }

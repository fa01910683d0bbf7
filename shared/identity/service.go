package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/shared/fault"
)

// Why Accounts.Create refused.
var (
	ErrNotFirst   = errors.New("this is not the first account")
	ErrEmailTaken = errors.New("this address is in use")
)

// ServiceConfig is what the service of users is made of; all but FirstIsAdmin are required.
type ServiceConfig struct {
	Accounts Accounts
	Hasher   *Hasher
	Now      func() time.Time
	Random   io.Reader // must be safe for concurrent use

	// FirstIsAdmin makes the first account that registers an admin: for a machine of one's own, before it has one.
	FirstIsAdmin bool
}

// Service is the book of users of a deployment without Cognito. It is safe for concurrent use.
type Service struct {
	config  ServiceConfig
	limiter *limiter
}

// NewService refuses a config with a part missing.
func NewService(config ServiceConfig) (*Service, error) {
	if config.Accounts == nil || config.Hasher == nil || config.Now == nil || config.Random == nil {
		return nil, errors.New("the user service needs accounts, hasher, clock and randomness")
	}
	return &Service{config: config, limiter: newLimiter(config.Now)}, nil
}

// Registration is what a new user tells.
type Registration struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Name     string `json:"name"`
}

// Register makes a user. clientKey names where the request comes from (an address); one client that registers without end
// has to wait (fault.Throttled). Bad fields are fault.Unprocessable, an address in use is fault.Conflict.
func (s *Service) Register(ctx context.Context, r Registration, clientKey string) (User, error) {
	if err := r.check(); err != nil {
		return User{}, err
	}
	if err := s.limiter.try(limited{"register " + clientKey, clientRule()}); err != nil {
		return User{}, err
	}
	role := RoleUser
	if s.config.FirstIsAdmin {
		role = RoleAdmin
	}
	return s.create(ctx, r, role, RoleUser)
}

// CreateAdmin makes an admin. It is for the operator's command line, which needs no principal.
func (s *Service) CreateAdmin(ctx context.Context, r Registration) (User, error) {
	if err := r.check(); err != nil {
		return User{}, err
	}
	return s.create(ctx, r, RoleAdmin, RoleAdmin)
}

// create stores the account with firstRole if it is the first of all, else with role.
func (s *Service) create(ctx context.Context, r Registration, firstRole, role Role) (User, error) {
	hash, err := s.config.Hasher.Hash(ctx, r.Password)
	if err != nil {
		return User{}, err
	}
	now := s.config.Now().UTC().Truncate(time.Millisecond)
	id, err := ulid.New(ulid.Timestamp(now), s.config.Random)
	if err != nil {
		return User{}, fmt.Errorf("make a user id: %w", err)
	}
	account := Account{Hash: hash, User: User{
		ID: id.String(), Email: NormaliseEmail(r.Email), Name: cleanName(r.Name), Role: firstRole, Active: true, Created: now, Generation: 1,
	}}
	err = s.config.Accounts.Create(ctx, account, true)
	if errors.Is(err, ErrNotFirst) {
		account.Role = role
		err = s.config.Accounts.Create(ctx, account, false)
	}
	if errors.Is(err, ErrEmailTaken) {
		return User{}, fault.Wrap(err, fault.Conflict, "This address is already registered. Sign in instead.")
	}
	if err != nil {
		return User{}, err
	}
	return account.User, nil
}

// Authenticate proves a user by address and password. A wrong password and an unknown address are the same
// fault.Unauthenticated after the same work; too many attempts for the client or the address are fault.Throttled; only a
// right password of a deactivated user is fault.Forbidden.
func (s *Service) Authenticate(ctx context.Context, email, password, clientKey string) (User, error) {
	email = NormaliseEmail(email)
	if len(checkEmail("", email)) > 0 {
		email = "" // nobody has it: no need to remember megabytes of it, or to show it to the store
	}
	client, address := "client "+clientKey, "email "+email
	if err := s.limiter.try(limited{client, clientRule()}, limited{address, emailRule()}); err != nil {
		return User{}, err
	}
	account, err := s.check(ctx, email, password)
	if err != nil {
		return User{}, err
	}
	s.limiter.forgive(address)
	s.limiter.refund(client)
	if !account.Active {
		return User{}, fault.New(fault.Forbidden, "This account is deactivated. Ask an admin to activate it.")
	}
	return account.User, nil
}

// check does one derivation, whatever it finds.
func (s *Service) check(ctx context.Context, email, password string) (Account, error) {
	wrong := fault.New(fault.Unauthenticated, "The address or the password is wrong.")
	account, err := s.byEmail(ctx, email)
	if fault.Is(err, fault.NotFound) {
		if err := s.config.Hasher.Spend(ctx, password); err != nil {
			return Account{}, err
		}
		return Account{}, wrong
	}
	if err != nil {
		return Account{}, err
	}
	ok, stale, err := s.config.Hasher.Matches(ctx, account.Hash, password)
	if err != nil {
		return Account{}, err
	}
	if !ok {
		return Account{}, wrong
	}
	if stale {
		s.rehash(ctx, account, password)
	}
	return account, nil
}

func (s *Service) byEmail(ctx context.Context, email string) (Account, error) {
	if email == "" {
		return Account{}, noUser()
	}
	return s.config.Accounts.ByEmail(ctx, email)
}

// rehash brings a hash to the present cost. A failure loses nothing: the next login tries again.
func (s *Service) rehash(ctx context.Context, account Account, password string) {
	hash, err := s.config.Hasher.Hash(ctx, password)
	if err != nil {
		return
	}
	account.Hash = hash
	_ = s.config.Accounts.Update(ctx, account)
}

// Standing implements Directory.
func (s *Service) Standing(ctx context.Context, subject string) (Standing, error) {
	account, err := s.config.Accounts.ByID(ctx, subject)
	if err != nil {
		return Standing{}, err
	}
	return Standing{Active: account.Active, Email: account.Email, Role: account.Role, Generation: account.Generation}, nil
}

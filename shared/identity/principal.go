// Package identity says who asks and what they may do: users, passwords, access tokens, the policy of operations, and
// sealed values that a client carries for us.
package identity

import (
	"context"
	"log/slog"
	"time"
)

// Role is what a user may do beyond their own things.
type Role string

// The roles.
const (
	RoleUser  Role = "user"
	RoleAdmin Role = "admin"
)

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == RoleUser || r == RoleAdmin }

// Principal is the proven caller of an operation. The zero Principal is nobody.
type Principal struct {
	UserID string
	Email  string // empty where the issuer does not say
	Role   Role
}

// Anonymous reports whether nobody was proven.
func (p Principal) Anonymous() bool { return p.UserID == "" }

// Admin reports whether the caller is a proven admin.
func (p Principal) Admin() bool { return !p.Anonymous() && p.Role == RoleAdmin }

// User is a person as everyone may see them; it holds no secret.
type User struct {
	ID      string    `json:"id"` // a ULID
	Email   string    `json:"email"`
	Name    string    `json:"name"`
	Role    Role      `json:"role"`
	Active  bool      `json:"active"`
	Created time.Time `json:"created"`

	// Generation is written into every token of the user. Raising it makes all earlier tokens worthless.
	Generation int64 `json:"-"`
}

// Principal gives the caller that this user is once they are proven.
func (u User) Principal() Principal {
	return Principal{UserID: u.ID, Email: u.Email, Role: u.Role}
}

// PasswordHash is an argon2id hash in PHC form. It prints and marshals as "[secret]"; a repository that stores it converts
// it to a string in the open.
type PasswordHash string

const hidden = "[secret]"

// String hides the hash.
func (PasswordHash) String() string { return hidden }

// GoString hides the hash from %#v.
func (PasswordHash) GoString() string { return hidden }

// MarshalText hides the hash from JSON and every other encoding.
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the hash from logs.
func (PasswordHash) LogValue() slog.Value { return slog.StringValue(hidden) }

// Account is a user as the store keeps them.
type Account struct {
	User
	Hash    PasswordHash `json:"-"`
	Version int64        `json:"-"` // of the stored item, for Update
}

// Accounts is the repository of users. Missing users are fault.NotFound.
type Accounts interface {
	// Create stores a new account. With first set it succeeds only while no account was ever created so, and returns
	// ErrNotFirst otherwise; an address that is in use gives ErrEmailTaken. Both are inside a fault.Conflict.
	Create(ctx context.Context, account Account, first bool) error
	ByID(ctx context.Context, id string) (Account, error)
	// ByEmail finds by the normalised address.
	ByEmail(ctx context.Context, email string) (Account, error)
	// Update replaces an account whose stored version is still account.Version, else fault.Conflict. The address may change.
	Update(ctx context.Context, account Account) error
	// List gives accounts in the order of their creation; next is empty at the end.
	List(ctx context.Context, cursor string, limit int) (accounts []Account, next string, err error)
}

// KeyStore keeps generated keys. The same name gives the same bytes for ever, also to two processes that ask at once.
type KeyStore interface {
	LoadOrCreate(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error)
}

package identity

import (
	"fmt"
	"maps"
	"slices"

	"github.com/orcray/orcray/shared/fault"
)

// Permission is who may call an operation. What they see inside it is decided by ownership, in the services.
type Permission string

// The permissions.
const (
	Public    Permission = "public" // everybody, without a token
	UserOnly  Permission = "user"   // every user who is signed in
	AdminOnly Permission = "admin"
)

// Policy says for each operation id who may call it. What has no row is denied to everyone.
type Policy struct {
	rows map[string]Permission
}

// NewPolicy makes a policy of the rows; an unknown permission is an error.
func NewPolicy(rows map[string]Permission) (Policy, error) {
	for operation, permission := range rows {
		known := permission == Public || permission == UserOnly || permission == AdminOnly
		if operation == "" || !known {
			return Policy{}, fmt.Errorf("operation %q has the unknown permission %q", operation, permission)
		}
	}
	return Policy{rows: maps.Clone(rows)}, nil
}

// Operations gives the ids of all rows, sorted.
func (p Policy) Operations() []string { return slices.Sorted(maps.Keys(p.rows)) }

// Permission gives the row of an operation.
func (p Policy) Permission(operation string) (Permission, bool) {
	permission, ok := p.rows[operation]
	return permission, ok
}

// Allow is nil when the caller may call the operation, fault.Unauthenticated when signing in would be the first step,
// and fault.Forbidden otherwise.
func (p Policy) Allow(operation string, caller Principal) error {
	permission, ok := p.rows[operation]
	switch {
	case !ok:
		return fault.New(fault.Forbidden, "Nobody may do this.")
	case permission == Public:
		return nil
	case caller.Anonymous():
		return fault.New(fault.Unauthenticated, "Sign in first.")
	case permission == UserOnly && caller.Role.Valid():
		return nil
	case permission == AdminOnly && caller.Admin():
		return nil
	}
	return fault.New(fault.Forbidden, "You may not do this. Ask an admin.")
}

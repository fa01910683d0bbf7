package identity_test

import (
	"slices"
	"testing"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

func TestThePolicyDeniesWhatHasNoRow(t *testing.T) {
	t.Parallel()
	policy, err := identity.NewPolicy(map[string]identity.Permission{
		"open": identity.Public, "mine": identity.UserOnly, "theirs": identity.AdminOnly,
	})
	must(t, err)
	nobody := identity.Principal{}
	user := identity.Principal{UserID: "u1", Role: identity.RoleUser}
	admin := identity.Principal{UserID: "u2", Role: identity.RoleAdmin}
	pretender := identity.Principal{Role: identity.RoleAdmin}
	odd := identity.Principal{UserID: "u3", Role: "root"}
	for _, c := range []struct {
		operation string
		caller    identity.Principal
		want      fault.Code
	}{
		{"open", nobody, ""}, {"open", user, ""}, {"open", admin, ""},
		{"mine", nobody, fault.Unauthenticated}, {"mine", user, ""}, {"mine", admin, ""}, {"mine", odd, fault.Forbidden},
		{"theirs", nobody, fault.Unauthenticated}, {"theirs", user, fault.Forbidden}, {"theirs", admin, ""},
		{"theirs", pretender, fault.Unauthenticated}, {"theirs", odd, fault.Forbidden},
		{"forgotten", nobody, fault.Forbidden}, {"forgotten", admin, fault.Forbidden}, {"", admin, fault.Forbidden},
	} {
		if got := fault.CodeOf(policy.Allow(c.operation, c.caller)); got != c.want {
			t.Errorf("%s by %+v: got %q, want %q", c.operation, c.caller, got, c.want)
		}
	}
	if got := policy.Operations(); !slices.Equal(got, []string{"mine", "open", "theirs"}) {
		t.Errorf("got %v", got)
	}
	var empty identity.Policy
	wantCode(t, empty.Allow("open", admin), fault.Forbidden)
	if _, err := identity.NewPolicy(map[string]identity.Permission{"x": "everyone"}); err == nil {
		t.Error("an unknown permission was taken")
	}
}

func TestWithoutATokenOneCanOnlyLookAtWhatIsForEverybodySignInAndRegister(t *testing.T) {
	t.Parallel()
	policy := identity.DefaultPolicy()
	known := []string{
		"get-health", "get-index", "get-openapi", "get-keys", "alias-health", "alias-index", "create-token", "register-user",
	}
	for _, operation := range policy.Operations() {
		permission, ok := policy.Permission(operation)
		if !ok {
			t.Errorf("%s has no permission", operation)
		}
		if permission == identity.Public && !slices.Contains(known, operation) {
			t.Errorf("%s needs no token; whoever opens another operation adds it here knowingly", operation)
		}
	}
	for _, operation := range []string{"stop-ray-job", "list-ray-jobs"} {
		if permission, _ := policy.Permission(operation); permission != identity.AdminOnly {
			t.Errorf("%s is for %q", operation, permission)
		}
	}
}

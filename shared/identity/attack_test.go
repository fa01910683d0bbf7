package identity_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// attack makes one hostile token. It returns "" where it makes no sense for the forge's algorithm or dialect.
type attack = func(*forge) string

func attacks() map[string]attack {
	all := map[string]attack{}
	for _, family := range []map[string]attack{
		headerAttacks(), keyAttacks(), secretAttacks(), signatureAttacks(), formAttacks(), jsonAttacks(),
		timeAttacks(), audienceAttacks(), subjectAttacks(), useAttacks(), localAttacks(), cognitoAttacks(),
	} {
		maps.Copy(all, family)
	}
	return all
}

func TestS2_EveryAttackOnTheVerifierIsRefused(t *testing.T) {
	t.Parallel()
	all := attacks()
	for algorithm, f := range newForges(t) {
		honest := f.honest()
		if _, err := f.verifier.Verify(t.Context(), honest); err != nil {
			t.Fatalf("%s: the honest token is refused, so nothing would be proven: %v", algorithm, err)
		}
		tried := 0
		for name, forgeToken := range all {
			token := forgeToken(f)
			if token == "" {
				continue
			}
			tried++
			t.Run(algorithm+"/"+name, func(t *testing.T) {
				claims, err := f.verifier.Verify(t.Context(), token)
				if !fault.Is(err, fault.Unauthenticated) {
					t.Fatalf("got %+v, %v for %.200s", claims, err, token)
				}
				if claims != (identity.Claims{}) {
					t.Fatalf("claims came with the refusal: %+v", claims)
				}
				if strings.Contains(fault.MessageOf(err), "kid") || fault.MessageOf(err) == "" {
					t.Fatalf("the answer tells too much or nothing: %s", fault.MessageOf(err))
				}
			})
		}
		if tried < 100 {
			t.Errorf("%s: only %d attacks were tried", algorithm, tried)
		}
		if _, err := f.verifier.Verify(t.Context(), honest); err != nil {
			t.Errorf("%s: the honest token is refused after the attacks: %v", algorithm, err)
		}
	}
}

func TestS2_OnlyOneSentenceIsEverSaid(t *testing.T) {
	t.Parallel()
	f := newForges(t)["EdDSA"]
	said := map[string]bool{}
	for _, forgeToken := range attacks() {
		if token := forgeToken(f); token != "" {
			_, err := f.verifier.Verify(t.Context(), token)
			said[fault.MessageOf(err)] = true
		}
	}
	if len(said) != 1 {
		t.Fatalf("the answers tell attacks apart: %v", said)
	}
}

func TestS2_ClocksMayDifferByTheLeewayAndNoMore(t *testing.T) {
	t.Parallel()
	for algorithm, f := range newForges(t) {
		now := f.clock.Now().Unix()
		leeway := int64(identity.Leeway / time.Second)
		for name, c := range map[string]struct {
			edits object
			ok    bool
		}{
			"expired within":     {object{"exp": now - leeway + 1, "iat": now - 3600}, true},
			"expired beyond":     {object{"exp": now - leeway, "iat": now - 3600}, false},
			"issued ahead":       {object{"iat": now + leeway}, true},
			"issued too early":   {object{"iat": now + leeway + 1}, false},
			"valid soon":         {object{"nbf": now + leeway}, true},
			"valid later":        {object{"nbf": now + leeway + 1}, false},
			"without not-before": {object{"nbf": absent{}}, true},
		} {
			_, err := f.verifier.Verify(t.Context(), f.mint(f.header(nil), f.claims(c.edits)))
			if (err == nil) != c.ok {
				t.Errorf("%s, %s: got %v", algorithm, name, err)
			}
		}
	}
}

func TestS2_AVerifierPinsEverythingOrIsNotMade(t *testing.T) {
	t.Parallel()
	good := newForges(t)["EdDSA"].trust
	for name, spoil := range map[string]func(*identity.Trust){
		"no issuer":    func(t *identity.Trust) { t.Issuer = "" },
		"no audience":  func(t *identity.Trust) { t.Audience = "" },
		"no algorithm": func(t *identity.Trust) { t.Algorithm = "" },
		"none":         func(t *identity.Trust) { t.Algorithm = "none" },
		"a secret":     func(t *identity.Trust) { t.Algorithm = "HS256" },
		"no dialect":   func(t *identity.Trust) { t.Dialect = 0 },
		"no keys":      func(t *identity.Trust) { t.Keys = nil },
		"no clock":     func(t *identity.Trust) { t.Now = nil },
	} {
		trust := good
		spoil(&trust)
		if _, err := identity.NewVerifier(trust); err == nil {
			t.Errorf("%s: a verifier was made", name)
		}
	}
}

func TestS2_CognitoRolesComeFromTheVerifiedGroupsOnly(t *testing.T) {
	t.Parallel()
	f := newForges(t)["RS256"]
	for name, c := range map[string]struct {
		edits object
		want  identity.Role
	}{
		"the group":        {object{"cognito:groups": []string{"readers", "admin"}}, identity.RoleAdmin},
		"no groups":        {object{"cognito:groups": absent{}}, identity.RoleUser},
		"groups as text":   {object{"cognito:groups": "admin"}, identity.RoleUser},
		"a longer name":    {object{"cognito:groups": []string{"administrators", "Admin", "admin "}}, identity.RoleUser},
		"groups, plainly":  {object{"groups": []string{"admin"}}, identity.RoleUser},
		"role as a claim":  {object{"role": "admin", "custom:role": "admin"}, identity.RoleUser},
		"a nested admin":   {object{"cognito:groups": []any{[]string{"admin"}}}, identity.RoleUser},
		"admin in a scope": {object{"scope": "admin"}, identity.RoleUser},
	} {
		claims, err := f.verifier.Verify(t.Context(), f.mint(f.header(nil), f.claims(c.edits)))
		must(t, err)
		if claims.Role != c.want {
			t.Errorf("%s: got %s", name, claims.Role)
		}
	}
}

package identity_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// FuzzVerify proves S2 for what nobody thought of: Ed25519 and the strict spelling make a token unique, so nothing but the
// honest token itself may ever pass.
func FuzzVerify(f *testing.F) {
	forge := newForges(f)["EdDSA"]
	honest := forge.honest()
	f.Add(honest)
	for _, forgeToken := range attacks() {
		if token := forgeToken(forge); len(token) < 4096 {
			f.Add(token)
		}
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := forge.verifier.Verify(t.Context(), token)
		if err == nil && token != honest {
			t.Fatalf("accepted %q", token)
		}
		if err != nil && !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

// FuzzVerifySignedClaims signs whatever comes with the issuer's own key: even then only sane claims pass.
func FuzzVerifySignedClaims(f *testing.F) {
	forge := newForges(f)["EdDSA"]
	f.Add(forge.header(nil), forge.claims(nil))
	for _, forgeToken := range attacks() {
		if parts := strings.Split(forgeToken(forge), "."); len(parts) == 3 && len(parts[0])+len(parts[1]) < 2048 {
			f.Add(decode(parts[0]), decode(parts[1]))
		}
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		claims, err := forge.verifier.Verify(t.Context(), forge.mint(header, body))
		if err != nil {
			return
		}
		now := forge.clock.Now()
		if claims.Subject == "" || !claims.Role.Valid() || !claims.Expires.After(now.Add(-identity.Leeway)) || claims.Issued.After(now.Add(identity.Leeway)) {
			t.Fatalf("accepted %s . %s as %+v", header, body, claims)
		}
		var again map[string]any
		if err := json.Unmarshal([]byte(body), &again); err != nil || again["sub"] != claims.Subject || again["iss"] != issuer || again["aud"] != audience {
			t.Fatalf("another parser reads something else in %s", body)
		}
	})
}

// zeros is randomness that is none.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// FuzzOpen proves that nothing but what was sealed opens.
func FuzzOpen(f *testing.F) {
	clock := newClock()
	sealer, err := identity.NewSealer(make([]byte, 32), clock.Now, zeros{}) // the same text in every fuzzing process
	must(f, err)
	sealed, err := sealer.Seal("jobs", "u1", "page 2", time.Hour)
	must(f, err)
	f.Add("jobs", "u1", sealed)
	f.Add("job", "su1", sealed)
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, purpose, user, text string) {
		var value any
		err := sealer.Open(purpose, user, text, &value)
		if err == nil && (purpose != "jobs" || user != "u1" || text != sealed || value != "page 2") {
			t.Fatalf("opened %q for %q and %q: %v", text, purpose, user, value)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
	})
}

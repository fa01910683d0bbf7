package identity_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

func decode(segment string) string {
	text, _ := base64.RawURLEncoding.DecodeString(segment)
	return string(text)
}

func TestO10_TokensSurviveARestartBecauseTheKeyIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(t, "ada@example.com")
	header := w.login(t, "ada@example.com")
	again, err := identity.NewIssuer(t.Context(), identity.IssuerConfig{
		Name: "https://orcray.test", Audience: "orcray", Keys: w.keys, Now: w.clock.Now, Random: rand.Reader,
	})
	must(t, err)
	verifier, err := identity.NewVerifier(again.Trust())
	must(t, err)
	_, err = identity.NewAuthenticator(verifier, w.service).Authenticate(t.Context(), header)
	must(t, err)

	other := newWorld(t) // another deployment has another key
	_, err = other.gate.Authenticate(t.Context(), header)
	wantCode(t, err, fault.Unauthenticated)
}

func TestO10_TheKeySetDocumentIsEnoughToVerifyAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	document, err := json.Marshal(w.issuer.JWKS())
	must(t, err)
	if strings.Contains(string(document), `"d"`) {
		t.Fatal("the private key is in the key set")
	}
	keys, err := identity.ParseJWKS(document)
	must(t, err)
	trust := w.issuer.Trust()
	trust.Keys = keys
	verifier, err := identity.NewVerifier(trust)
	must(t, err)
	w.register(t, "ada@example.com")
	token := strings.TrimPrefix(w.login(t, "ada@example.com")[0], "Bearer ")
	claims, err := verifier.Verify(t.Context(), token)
	must(t, err)
	if claims.Expires.Sub(claims.Issued) != identity.TokenLife || len(claims.TokenID) != 26 {
		t.Fatalf("got %+v", claims)
	}
}

func TestO10_EveryTokenIsItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.register(t, "ada@example.com")
	seen := map[string]bool{}
	for range 100 {
		token, err := w.issuer.Issue(user)
		must(t, err)
		seen[token.AccessToken] = true
	}
	if len(seen) != 100 {
		t.Fatalf("only %d of 100 tokens differ", len(seen))
	}
}

func TestS2_WeakOrBrokenKeySetsAreNotTaken(t *testing.T) {
	t.Parallel()
	n := func(bits int) string {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	}
	good := n(2048)
	rsaKey := func(n, e string) string { return fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k","n":%q,"e":%q}]}`, n, e) }
	if _, err := identity.ParseJWKS([]byte(rsaKey(good, "AQAB"))); err != nil {
		t.Fatal(err)
	}
	point := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for name, document := range map[string]string{
		"not JSON":           `keys`,
		"no keys":            `{"keys":[]}`,
		"only encryption":    `{"keys":[{"kty":"RSA","kid":"k","use":"enc"}]}`,
		"a secret":           `{"keys":[{"kty":"oct","kid":"k","k":"c2VjcmV0"}]}`,
		"RSA of 1024 bits":   rsaKey(n(1024), "AQAB"),
		"exponent 1":         rsaKey(good, "AQ"),
		"exponent even":      rsaKey(good, "BA"),
		"exponent huge":      rsaKey(good, "AQAAAAE"),
		"RSA not base64":     rsaKey("!", "AQAB"),
		"no id":              strings.Replace(rsaKey(good, "AQAB"), `"kid":"k",`, "", 1),
		"P-256 off curve":    fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":%q,"y":%q}]}`, point, point),
		"P-256 short":        `{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"AA","y":"AA"}]}`,
		"P-521":              `{"keys":[{"kty":"EC","crv":"P-521","kid":"k","x":"AA","y":"AA"}]}`,
		"Ed25519 short":      `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AA"}]}`,
		"one id, two keys":   fmt.Sprintf(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q},{"kty":"OKP","crv":"Ed25519","kid":"k","x":%q}]}`, point, point),
		"one good, one weak": strings.TrimSuffix(rsaKey(good, "AQAB"), "]}") + `,{"kty":"RSA","kid":"w","n":"AQAB","e":"AQAB"}]}`,
	} {
		if keys, err := identity.ParseJWKS([]byte(document)); err == nil {
			t.Errorf("%s: got %v", name, keys)
		}
	}
}

func TestS2_AP256KeySetVerifies(t *testing.T) {
	t.Parallel()
	f := newForges(t)["ES256"]
	raw, err := f.key.(*ecdsa.PrivateKey).PublicKey.Bytes()
	must(t, err)
	text := base64.RawURLEncoding.EncodeToString
	keys, err := identity.ParseJWKS(fmt.Appendf(nil, `{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, keyID, text(raw[1:33]), text(raw[33:])))
	must(t, err)
	trust := f.trust
	trust.Keys = keys
	verifier, err := identity.NewVerifier(trust)
	must(t, err)
	_, err = verifier.Verify(t.Context(), f.honest())
	must(t, err)
}

// directory is one fixed answer.
type directory identity.Standing

func (d directory) Standing(context.Context, string) (identity.Standing, error) {
	return identity.Standing(d), nil
}

func TestO8_TheDirectoryOverrulesTheToken(t *testing.T) {
	t.Parallel()
	f := newForges(t)["EdDSA"] // its tokens say generation 1, role user
	token := f.honest()
	claims, err := f.verifier.Verify(t.Context(), token)
	must(t, err)
	header := []string{"Bearer " + token}
	ask := func(s identity.Standing) (identity.Principal, error) {
		return identity.NewAuthenticator(f.verifier, directory(s)).Authenticate(t.Context(), header)
	}
	for name, standing := range map[string]identity.Standing{
		"inactive":              {Active: false, Generation: 1, Role: identity.RoleUser},
		"of a later generation": {Active: true, Generation: 2, Role: identity.RoleUser},
		"of another generation": {Active: true, Generation: 0, Role: identity.RoleUser},
		"changed since":         {Active: true, Generation: 1, Role: identity.RoleUser, Since: claims.Issued.Add(time.Second)},
	} {
		if caller, err := ask(standing); !fault.Is(err, fault.Unauthenticated) || !caller.Anonymous() {
			t.Errorf("%s: got %+v, %v", name, caller, err)
		}
	}
	caller, err := ask(identity.Standing{Active: true, Generation: 1, Role: identity.RoleAdmin, Email: "new@example.com"})
	must(t, err)
	if !caller.Admin() || caller.Email != "new@example.com" {
		t.Errorf("got %+v", caller)
	}
	_, err = ask(identity.Standing{Active: true, Generation: 1, Since: claims.Issued}) // signed in again in the second of the change
	must(t, err)
	caller, err = ask(identity.Standing{Active: true, Generation: 1}) // a directory that knows neither
	must(t, err)
	if caller.Role != identity.RoleUser || caller.Email != "ada@example.com" {
		t.Errorf("got %+v", caller)
	}
}

// outage is a key set or a directory that cannot be reached.
type outage struct{}

func (outage) Key(context.Context, string) (crypto.PublicKey, error) {
	return nil, fault.New(fault.Unavailable, "The keys cannot be fetched. Try again.")
}

func (outage) Standing(context.Context, string) (identity.Standing, error) {
	return identity.Standing{}, fault.New(fault.Unavailable, "The directory does not answer. Try again.")
}

func TestS2_AnOutageIsNotAnAnswer(t *testing.T) {
	t.Parallel()
	f := newForges(t)["EdDSA"]
	trust := f.trust
	trust.Keys = outage{}
	verifier, err := identity.NewVerifier(trust)
	must(t, err)
	_, err = verifier.Verify(t.Context(), f.honest())
	wantCode(t, err, fault.Unavailable)
	caller, err := identity.NewAuthenticator(f.verifier, outage{}).Authenticate(t.Context(), []string{"Bearer " + f.honest()})
	wantCode(t, err, fault.Unavailable)
	if !caller.Anonymous() {
		t.Fatal("an outage let somebody in")
	}
}

func TestO10_HashingAtTheDefaultCostIsCheckedAndUpgraded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.register(t, "ada@example.com")
	strong, err := identity.NewHasher(identity.DefaultHashParams(), rand.Reader)
	must(t, err)
	service, err := identity.NewService(identity.ServiceConfig{Accounts: w.accounts, Hasher: strong, Now: w.clock.Now, Random: rand.Reader})
	must(t, err)
	_, err = service.Authenticate(t.Context(), "ada@example.com", password, "client")
	must(t, err)
	account, err := w.accounts.ByID(t.Context(), user.ID)
	must(t, err)
	if !strings.Contains(string(account.Hash), "$m=47104,t=2,p=1$") {
		t.Fatal("the hash kept its old cost")
	}
	_, err = service.Authenticate(t.Context(), "ada@example.com", password, "client")
	must(t, err)
}

func TestO10_BrokenHashesAreErrorsAndNeverMatch(t *testing.T) {
	t.Parallel()
	hasher, err := identity.NewHasher(cheap(), rand.Reader)
	must(t, err)
	good, err := hasher.Hash(t.Context(), password)
	must(t, err)
	for _, hash := range []string{
		"", "$", password, "$2b$12$abcdefghijklmnopqrstuv", strings.Replace(string(good), "argon2id", "argon2i", 1),
		strings.Replace(string(good), "v=19", "v=16", 1), strings.Replace(string(good), "m=64", "m=4294967295", 1),
		strings.Replace(string(good), "t=1", "t=0", 1), strings.Replace(string(good), "p=1", "p=0", 1),
		string(good)[:len(good)-4], string(good) + "$",
	} {
		ok, _, err := hasher.Matches(t.Context(), identity.PasswordHash(hash), password)
		if ok || err == nil || (hash != "" && strings.Contains(err.Error(), hash)) {
			t.Errorf("%q: got %v, %v", hash, ok, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hasher.Hash(ended, password); !errors.Is(err, context.Canceled) {
		t.Fatalf("a caller who left was served: %v", err)
	}
}

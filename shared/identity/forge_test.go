package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/orcray/orcray/shared/identity"
)

// forge mints tokens, honest and hostile, against one verifier. It shares no code with the issuer or the JWT library.
type forge struct {
	clock    *clock
	trust    identity.Trust
	verifier *identity.Verifier
	key      crypto.Signer            // the issuer's
	stranger crypto.Signer            // of the same kind, unknown to the verifier
	guests   map[string]crypto.Signer // other kinds of keys that the key set also holds, by id
}

const (
	keyID    = "key-1"
	issuer   = "https://orcray.test"
	audience = "orcray"
)

// newForges makes one forge for every pinned algorithm.
func newForges(t testing.TB) map[string]*forge {
	t.Helper()
	makeKeys := func(owner string) map[identity.Algorithm]crypto.Signer {
		seed := sha256.Sum256([]byte(owner)) // the same key in every fuzzing process
		ed := ed25519.NewKeyFromSeed(seed[:])
		ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		rs, err := rsa.GenerateKey(rand.Reader, 2048)
		must(t, err)
		return map[identity.Algorithm]crypto.Signer{identity.EdDSA: ed, identity.ES256: ec, identity.RS256: rs}
	}
	own, strange := makeKeys("issuer"), makeKeys("stranger")
	forges := map[string]*forge{}
	for algorithm, key := range own {
		f := &forge{clock: newClock(), key: key, stranger: strange[algorithm], guests: map[string]crypto.Signer{}}
		keys := identity.FixedKeys{keyID: key.Public()}
		for other, guest := range own {
			if other != algorithm {
				f.guests[string(other)] = guest
				keys[string(other)] = guest.Public()
			}
		}
		dialect := identity.LocalDialect
		if algorithm == identity.RS256 {
			dialect = identity.CognitoDialect
		}
		f.trust = identity.Trust{
			Issuer: issuer, Audience: audience, Algorithm: algorithm, Dialect: dialect, Keys: keys, Now: f.clock.Now,
		}
		var err error
		f.verifier, err = identity.NewVerifier(f.trust)
		must(t, err)
		forges[string(algorithm)] = f
	}
	return forges
}

type object = map[string]any

// header gives the honest header after the edits; a nil value removes a member.
func (f *forge) header(edits object) string {
	header := object{"alg": f.trust.Algorithm, "kid": keyID}
	if f.trust.Dialect == identity.LocalDialect {
		header["typ"] = "at+jwt"
	}
	return edited(header, edits)
}

// claims gives the honest claims after the edits.
func (f *forge) claims(edits object) string {
	now := f.clock.Now().Unix()
	claims := object{
		"iss": issuer, "sub": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "jti": "t1", "token_use": "access",
		"iat": now - 10, "exp": now + 3600,
	}
	if f.trust.Dialect == identity.LocalDialect {
		claims["aud"], claims["nbf"], claims["email"], claims["role"], claims["gen"] = audience, now-10, "ada@example.com", "user", 1
	} else {
		claims["client_id"], claims["username"], claims["cognito:groups"] = audience, "ada", []string{"readers"}
	}
	return edited(claims, edits)
}

// absent as an edit removes the member; a nil edit writes null.
type absent struct{}

func edited(members, edits object) string {
	for name, value := range edits {
		if _, remove := value.(absent); remove {
			delete(members, name)
		} else {
			members[name] = value
		}
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (f *forge) honest() string { return f.mint(f.header(nil), f.claims(nil)) }

// mint signs any header and claims with the issuer's own key.
func (f *forge) mint(header, claims string) string { return f.mintWith(f.key, header, claims) }

func (f *forge) mintWith(key crypto.Signer, header, claims string) string {
	input := encode(header) + "." + encode(claims)
	return input + "." + encode(string(sign(key, input)))
}

// parts splits a token; the signature is decoded.
func (f *forge) parts() (input string, signature []byte) {
	token := f.honest()
	cut := strings.LastIndex(token, ".")
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil {
		panic(err)
	}
	return token[:cut], signature
}

func (f *forge) withSignature(change func([]byte) []byte) string {
	input, signature := f.parts()
	return input + "." + encode(string(change(signature)))
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// sign makes the signature that the key's kind has in a JWS.
func sign(key crypto.Signer, input string) []byte {
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch key := key.(type) {
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	case *ecdsa.PrivateKey:
		var r, s *big.Int
		r, s, err = ecdsa.Sign(rand.Reader, key, digest[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	}
	if err != nil {
		panic(err)
	}
	return signature
}

package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/orcray/orcray/shared/fault"
)

// Algorithm is a way to sign tokens. Only public-key algorithms exist here, so no public key can ever serve as a secret.
type Algorithm string

// The algorithms a deployment can pin; it pins exactly one.
const (
	EdDSA Algorithm = "EdDSA" // our own issuer
	ES256 Algorithm = "ES256"
	RS256 Algorithm = "RS256" // Cognito
)

// Limits of what a verifier looks at.
const (
	MaxToken = 8 << 10          // bytes
	Leeway   = 60 * time.Second // that the issuer's clock and ours may differ
)

// Dialect names the issuer whose habits a token follows.
type Dialect int

// The dialects.
const (
	// LocalDialect is our own issuer: typ at+jwt, aud, and role, email and generation as claims.
	LocalDialect Dialect = iota + 1
	// CognitoDialect is a Cognito access token: client_id stands for aud, the group "admin" for the role.
	CognitoDialect
)

// Trust is everything a verifier believes; all fields are required.
type Trust struct {
	Issuer    string
	Audience  string // with CognitoDialect the app client's id
	Algorithm Algorithm
	Dialect   Dialect
	Keys      KeySet
	Now       func() time.Time
}

// Claims is what a verified token says.
type Claims struct {
	Subject    string
	Email      string
	Role       Role
	TokenID    string
	Generation int64 // 0 where the issuer has none
	Issued     time.Time
	Expires    time.Time
}

// Verifier checks access tokens. It is safe for concurrent use.
type Verifier struct {
	trust  Trust
	parser *jwt.Parser
}

// NewVerifier refuses a trust with a part missing or an algorithm it does not know.
func NewVerifier(trust Trust) (*Verifier, error) {
	known := trust.Algorithm == EdDSA || trust.Algorithm == ES256 || trust.Algorithm == RS256
	dialect := trust.Dialect == LocalDialect || trust.Dialect == CognitoDialect
	if !known || !dialect || trust.Issuer == "" || trust.Audience == "" || trust.Keys == nil || trust.Now == nil {
		return nil, errors.New("a verifier needs issuer, audience, one known algorithm, dialect, keys and clock")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods([]string{string(trust.Algorithm)}),
		jwt.WithIssuer(trust.Issuer),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
		jwt.WithTimeFunc(trust.Now),
	}
	if trust.Dialect == LocalDialect {
		options = append(options, jwt.WithAudience(trust.Audience))
	}
	return &Verifier{trust: trust, parser: jwt.NewParser(options...)}, nil
}

// Verify proves the token and gives its claims. Every refusal is the same fault.Unauthenticated to the caller, with the
// reason inside for the log; only keys that cannot be fetched are fault.Unavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	form, err := readForm(token)
	if err != nil {
		return Claims{}, refuse(err)
	}
	if err := v.checkHeader(form.header); err != nil {
		return Claims{}, refuse(err)
	}
	claims, err := v.checkClaims(form.claims)
	if err != nil {
		return Claims{}, refuse(err)
	}
	key, err := v.key(ctx, form.header["kid"].(string)) // checkHeader proved the type
	if fault.Is(err, fault.Unavailable) {
		return Claims{}, err
	}
	if err != nil {
		return Claims{}, refuse(err)
	}
	if _, err := v.parser.Parse(token, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
		return Claims{}, refuse(err)
	}
	return claims, nil
}

// key finds the key and makes sure that it is one for the pinned algorithm, whatever else the set holds.
func (v *Verifier) key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	key, err := v.trust.Keys.Key(ctx, kid)
	if err != nil {
		return nil, err
	}
	fits := false
	switch key.(type) {
	case ed25519.PublicKey:
		fits = v.trust.Algorithm == EdDSA
	case *ecdsa.PublicKey:
		fits = v.trust.Algorithm == ES256
	case *rsa.PublicKey:
		fits = v.trust.Algorithm == RS256
	}
	if !fits {
		return nil, fmt.Errorf("key %q is not one for %s", kid, v.trust.Algorithm)
	}
	return key, nil
}

// checkHeader allows alg, kid and typ and nothing else: every other parameter either changes what is verified (crit, b64,
// zip) or brings its own key (jwk, jku, x5c, x5u).
func (v *Verifier) checkHeader(header map[string]any) error {
	for name := range header {
		if !slices.Contains([]string{"alg", "kid", "typ"}, name) {
			return fmt.Errorf("header parameter %q", name)
		}
	}
	if header["alg"] != string(v.trust.Algorithm) {
		return fmt.Errorf("algorithm %v", header["alg"])
	}
	if kid, ok := header["kid"].(string); !ok || kid == "" {
		return errors.New("no key id")
	}
	typ, present := header["typ"]
	switch {
	case v.trust.Dialect == LocalDialect && typ != tokenType:
		return fmt.Errorf("type %v", typ)
	case v.trust.Dialect == CognitoDialect && present && typ != "JWT":
		return fmt.Errorf("type %v", typ)
	}
	return nil
}

func refuse(why error) error {
	return fault.Wrap(why, fault.Unauthenticated, "The access token is missing, not valid or expired. Sign in again.")
}

package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oklog/ulid/v2"

	"github.com/orcray/orcray/shared/fault"
)

// TokenLife is how long an access token is good for.
const TokenLife = 3600 * time.Second

// signingKeyName is where the KeyStore keeps the issuer's key.
const signingKeyName = "signing-key.pem"

// Token is the reply of a login, as OAuth2 spells it.
type Token struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"` // always "bearer"
	ExpiresIn   int    `json:"expires_in"` // seconds
}

// Issuer makes the access tokens of a deployment that has no Cognito. It is safe for concurrent use.
type Issuer struct {
	name, audience string
	key            ed25519.PrivateKey
	jwk            JWK
	now            func() time.Time
	random         io.Reader
}

// IssuerConfig says how an issuer calls itself and what it is made of; all fields are required.
type IssuerConfig struct {
	Name     string // the iss claim
	Audience string // the aud claim
	Keys     KeyStore
	Now      func() time.Time
	Random   io.Reader // must be safe for concurrent use
}

// NewIssuer loads the signing key, or makes it on the first start.
func NewIssuer(ctx context.Context, config IssuerConfig) (*Issuer, error) {
	if config.Name == "" || config.Audience == "" || config.Keys == nil || config.Now == nil || config.Random == nil {
		return nil, errors.New("an issuer needs name, audience, key store, clock and randomness")
	}
	stored, err := config.Keys.LoadOrCreate(ctx, signingKeyName, func() ([]byte, error) {
		return newSigningKey(config.Random)
	})
	if err != nil {
		return nil, fmt.Errorf("load the signing key: %w", err)
	}
	key, err := parseSigningKey(stored)
	if err != nil {
		return nil, err
	}
	return &Issuer{
		name: config.Name, audience: config.Audience, key: key,
		jwk: newJWK(key.Public().(ed25519.PublicKey)), now: config.Now, random: config.Random,
	}, nil
}

func newSigningKey(random io.Reader) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// parseSigningKey never quotes what it read: that is the key.
func parseSigningKey(stored []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(stored)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("the signing key is not a PEM private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the signing key cannot be read")
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the signing key is not an Ed25519 key")
	}
	return key, nil
}

// Issue makes an access token for a user who has just proven who they are.
func (i *Issuer) Issue(user User) (Token, error) {
	if !user.Active || !validUserID(user.ID) || !user.Role.Valid() {
		return Token{}, fault.New(fault.Forbidden, "This account cannot sign in.")
	}
	now := i.now()
	id, err := ulid.New(ulid.Timestamp(now), i.random)
	if err != nil {
		return Token{}, fmt.Errorf("make a token id: %w", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": i.name, "aud": i.audience, "sub": user.ID, "jti": id.String(), "token_use": "access",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(TokenLife).Unix(),
		"email": user.Email, "role": user.Role, "gen": user.Generation,
	})
	token.Header["kid"] = i.jwk.KeyID
	token.Header["typ"] = tokenType
	signed, err := token.SignedString(i.key)
	if err != nil {
		return Token{}, fmt.Errorf("sign a token: %w", err)
	}
	return Token{AccessToken: signed, TokenType: "bearer", ExpiresIn: int(TokenLife / time.Second)}, nil
}

// JWKS is the public half of the signing key, for everyone.
func (i *Issuer) JWKS() JWKS { return JWKS{Keys: []JWK{i.jwk}} }

// Trust is what a verifier must believe to accept this issuer's tokens.
func (i *Issuer) Trust() Trust {
	return Trust{
		Issuer: i.name, Audience: i.audience, Algorithm: EdDSA, Dialect: LocalDialect, Now: i.now,
		Keys: FixedKeys{i.jwk.KeyID: i.key.Public()},
	}
}

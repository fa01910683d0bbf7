package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/orcray/orcray/shared/fault"
)

// KeySet finds public keys by their id. An unknown id is fault.NotFound; a set that cannot be fetched is
// fault.Unavailable. Sets that refresh themselves are adapters.
type KeySet interface {
	Key(ctx context.Context, kid string) (crypto.PublicKey, error)
}

// FixedKeys is a KeySet that never changes.
type FixedKeys map[string]crypto.PublicKey

// Key looks kid up. The id is only ever compared, never used as a path, an address or a query.
func (k FixedKeys) Key(_ context.Context, kid string) (crypto.PublicKey, error) {
	key, ok := k[kid]
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no such key.")
	}
	return key, nil
}

// JWK is a public key as RFC 7517 writes it.
type JWK struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
}

// JWKS is a set of public keys, the document behind a jwks_uri.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

const minRSABits = 2048

// ParseJWKS reads a JWKS document. Keys for other uses than signatures are passed over; a broken or weak key, one without
// an id, or two with the same id fail the whole document.
func ParseJWKS(document []byte) (FixedKeys, error) {
	var set JWKS
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	keys := FixedKeys{}
	for _, jwk := range set.Keys {
		if jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		key, err := jwk.publicKey()
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", jwk.KeyID, err)
		}
		if _, twice := keys[jwk.KeyID]; twice || jwk.KeyID == "" {
			return nil, fmt.Errorf("key id %q is empty or used twice", jwk.KeyID)
		}
		keys[jwk.KeyID] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no signing key")
	}
	return keys, nil
}

func (j JWK) publicKey() (crypto.PublicKey, error) {
	switch {
	case j.KeyType == "OKP" && j.Curve == "Ed25519":
		x, err := base64.RawURLEncoding.DecodeString(j.X)
		if err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errors.New("not an Ed25519 point")
		}
		return ed25519.PublicKey(x), nil
	case j.KeyType == "EC" && j.Curve == "P-256":
		return j.p256()
	case j.KeyType == "RSA":
		return j.rsa()
	}
	return nil, fmt.Errorf("unsupported key type %q %q", j.KeyType, j.Curve)
}

func (j JWK) p256() (crypto.PublicKey, error) {
	x, errX := base64.RawURLEncoding.DecodeString(j.X)
	y, errY := base64.RawURLEncoding.DecodeString(j.Y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, errors.New("not a P-256 point")
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

func (j JWK) rsa() (crypto.PublicKey, error) {
	n, errN := base64.RawURLEncoding.DecodeString(j.N)
	e, errE := base64.RawURLEncoding.DecodeString(j.E)
	if errN != nil || errE != nil || len(e) > 4 {
		return nil, errors.New("not an RSA key")
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if key.N.BitLen() < minRSABits || key.E < 3 || key.E%2 == 0 {
		return nil, errors.New("a weak RSA key")
	}
	return key, nil
}

// newJWK writes an Ed25519 key; its id is the key's RFC 7638 thumbprint, so the same key has the same id everywhere.
func newJWK(key ed25519.PublicKey) JWK {
	x := base64.RawURLEncoding.EncodeToString(key)
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + x + `"}`))
	return JWK{
		KeyType: "OKP", Curve: "Ed25519", X: x, Use: "sig", Algorithm: string(EdDSA),
		KeyID: base64.RawURLEncoding.EncodeToString(sum[:]),
	}
}

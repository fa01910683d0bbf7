// Package sealed reads secrets, and seals cursors with one of them.
package sealed

import (
	"context"
	"crypto/rand"
	"crypto/sha256"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/secrets"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/identity"
)

// Secrets reads secrets.
func Secrets(p *wire.Parts) *secrets.Store {
	return secrets.New(secretsmanager.NewFromConfig(p.AWS), secrets.WithClock(p.Now))
}

const minSecret = 32 // letters of the secret that the sealing key is made of

// Sealer opens cursors with a key that it reads when it first needs one.
func Sealer(p *wire.Parts, s *secrets.Store) func(context.Context) (*identity.Sealer, error) {
	return func(ctx context.Context) (*identity.Sealer, error) {
		secret, err := s.Get(ctx, p.Set.SealSecret)
		if err != nil {
			return nil, err
		}
		if len(secret) < minSecret {
			return nil, fault.New(fault.Internal, "the secret that seals cursors is too short; replace it with one of %d letters or more", minSecret)
		}
		key := sha256.Sum256([]byte("orcray seal 1\x00" + secret))
		return identity.NewSealer(key[:], p.Now, rand.Reader)
	}
}

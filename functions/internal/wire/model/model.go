// Package model asks the models of Amazon Bedrock.
package model

import (
	"context"
	"crypto/rand"
	"math/big"
	"time"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/bedrock"
	"github.com/orcray/orcray/shared/codegen"
)

// New makes the models that this deployment offers.
func New(p *wire.Parts) (codegen.Model, error) {
	catalog, err := codegen.BedrockCatalog(p.Set.Models)
	if err != nil {
		return nil, err
	}
	// A model streams for minutes and asks once: what all other clients have in common, the bound of an attempt above all, is not for it.
	config := p.AWS.Copy()
	config.APIOptions, config.HTTPClient = nil, nil
	adapters := map[string]codegen.Model{codegen.Bedrock: bedrock.New(config, bedrock.Options{})}
	return codegen.Retrying(codegen.NewRouter(catalog, adapters), codegen.Policy{Sleep: sleep, Rand: uniform, Now: p.Now}), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func uniform() float64 {
	const fine = 1 << 53
	n, err := rand.Int(rand.Reader, big.NewInt(fine))
	if err != nil {
		return 0.5
	}
	return float64(n.Int64()) / fine
}

// Command api is the HTTP API.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/front"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnAPI, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	api, err := front.New(p)
	if err != nil {
		return nil, err
	}
	return p.Serving(gateway.HTTP(api)), nil
}

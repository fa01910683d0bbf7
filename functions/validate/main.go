// Command validate proves a program on samples.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/run"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnValidate, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	return flow.Serving(p, run.Steps(p).Validate), nil
}

// Command finish ends a job, once, and tells the world.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/ending"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/place"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnFinish, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	t := flow.Table(p)
	steps, err := ending.Steps(p, flow.Jobs(p, t, nil), place.Cells(p, t, nil))
	if err != nil {
		return nil, err
	}
	return flow.Serving(p, steps.Finish), nil
}

// Command prepare is the step that takes a job up and chooses its place.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnPrepare, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	steps := flow.Steps(p, interpret.Deps{Jobs: flow.Jobs(p, flow.Table(p), nil), Cluster: flow.Elsewhere{}})
	return flow.Serving(p, steps.Prepare), nil
}

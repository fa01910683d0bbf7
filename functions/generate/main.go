// Command generate asks the model for a program.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/model"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnGenerate, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	m, err := model.New(p)
	if err != nil {
		return nil, err
	}
	steps := flow.Steps(p, interpret.Deps{Jobs: flow.Jobs(p, flow.Table(p), nil), Model: m})
	return flow.Serving(p, steps.Generate), nil
}

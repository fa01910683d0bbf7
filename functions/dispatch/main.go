// Command dispatch takes the messages of the queue of jobs to workflows.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/engine"
	"github.com/orcray/orcray/shared/handler/task"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnDispatch, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	return p.Serving(invoke.Function(task.Batch(task.Dispatch(engine.New(p))))), nil
}

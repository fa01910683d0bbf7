// Command reaper looks after what nobody works on any more: stuck jobs, cells and a cluster that idle.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/ending"
	"github.com/orcray/orcray/functions/internal/wire/engine"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/jobqueue"
	"github.com/orcray/orcray/functions/internal/wire/place"
	"github.com/orcray/orcray/functions/internal/wire/sweep"
	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnReaper, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	t, queue := flow.Table(p), jobqueue.New(p)
	jobs, cells := flow.Jobs(p, t, queue), place.Cells(p, t, nil)
	steps, err := ending.Steps(p, jobs, cells)
	if err != nil {
		return nil, err
	}
	reaper := interpret.Reaper{StuckAfter: interpret.StuckAfter, Jobs: jobs, Steps: steps, Workflows: engine.New(p), Queue: queue, Now: p.Now, Log: p.Log}
	objects := s3.New(s3.NewClient(p.AWS, ""), p.Set.Bucket, p.Now)
	uploads := session.NewService(session.Deps{Table: t, Objects: objects, Now: p.Now})
	keys := func(ctx context.Context) error {
		return cognito.Keep(ctx, p.AWS.HTTPClient, p.Set.Issuer, objects, p.Now)
	}
	return p.Serving(sweep.New(p, reaper, cells, cells, uploads, sweep.By(place.Cluster(p, t, nil).Idle), sweep.By(keys))), nil
}

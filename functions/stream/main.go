// Command stream answers with the live events of a job, for as long as one invocation may last; the client comes back for the rest.
package main

import (
	"context"
	"time"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/web"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnStream, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	d, err := web.Base(p, web.Users(p), web.Published(p))
	if err != nil {
		return nil, err
	}
	t := flow.Table(p)
	d.Jobs = job.NewService(job.Deps{Store: job.NewStore(t, p.Now), Log: web.Following(p, t), Table: t, Now: p.Now})
	s := gateway.Streaming{Around: p.Around(), Cap: 5 * time.Minute, Margin: 2 * time.Second}
	return s.Handle(handler.NewEvents(d)), nil
}

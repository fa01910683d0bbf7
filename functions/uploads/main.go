// Command uploads looks into files that were sent, and makes sources of them. It is a function of its own because it alone carries
// what reads Parquet, which would make every request to the API start later.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/web"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/source/reader"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnUploads, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	d, err := web.Base(p, web.Users(p), web.Published(p))
	if err != nil {
		return nil, err
	}
	objects := s3.New(s3.NewClient(p.AWS, ""), p.Set.Bucket, p.Now)
	d.Sessions = session.NewService(session.Deps{Table: flow.Table(p), Objects: objects, Inspector: reader.Objects{Store: objects},
		Bucket: p.Set.Bucket, Now: p.Now, NewID: p.NewID})
	return p.Serving(gateway.HTTP(handler.NewUploads(d))), nil
}

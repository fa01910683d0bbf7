// Command cluster answers for Ray, from inside the network where its head is.
package main

import (
	"context"

	"github.com/orcray/orcray/functions/internal/gateway"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/rayview"
	"github.com/orcray/orcray/functions/internal/wire/sealed"
	"github.com/orcray/orcray/functions/internal/wire/web"
	"github.com/orcray/orcray/shared/aws/cognito"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/topology"
)

func main() { wire.Run(topology.FnCluster, build) }

func build(_ context.Context, p *wire.Parts) (any, error) {
	secrets := sealed.Secrets(p)
	// Whether the issuer's keys come through the network's endpoint is nowhere promised, so the reaper keeps them as an object.
	kept := cognito.NewKeptKeys(s3.New(s3.NewClient(p.AWS, ""), p.Set.Bucket, p.Now), p.Now)
	d, err := web.Base(p, web.Users(p), kept)
	if err != nil {
		return nil, err
	}
	d.Ray = rayview.New(p, secrets)
	return p.Serving(gateway.HTTP(handler.NewRay(d))), nil
}

// Package run puts together the steps that run programs.
package run

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/functions/internal/wire/place"
	"github.com/orcray/orcray/shared/aws/s3"
	"github.com/orcray/orcray/shared/aws/secrets"
	"github.com/orcray/orcray/shared/aws/sts"
	"github.com/orcray/orcray/shared/interpret"
)

// Steps makes the steps with both places.
func Steps(p *wire.Parts) *interpret.Steps {
	t := flow.Table(p)
	objects := s3.New(s3.NewClient(p.AWS, ""), p.Set.Bucket, p.Now)
	known := secrets.New(secretsmanager.NewFromConfig(p.AWS), secrets.WithClock(p.Now))
	token := func(ctx context.Context) (string, error) { return known.Get(ctx, p.Set.RunnerSecret) }
	return flow.Steps(p, interpret.Deps{Jobs: flow.Jobs(p, t, nil), Cells: place.Cells(p, t, objects), Cluster: place.Cluster(p, t, token), Objects: objects,
		Grants: sts.NewGranter(awssts.NewFromConfig(p.AWS), p.Set.RunRole, p.Set.Bucket, p.Set.Region, p.Now)})
}

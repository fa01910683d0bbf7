// Package place puts together where programs run: cells and the cluster.
package place

import (
	"context"
	"crypto/rand"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/table"
)

// Cells leases cells. Without objects it can release what others leased, and look after all: steps that lease give them.
func Cells(p *wire.Parts, t table.Table, objects ecs.Objects) *ecs.Cells {
	return ecs.NewCells(ecs.CellsConfig{Client: awsecs.NewFromConfig(p.AWS), Table: t, Objects: objects, Cluster: p.Set.ECSCluster,
		Service: p.Set.CellService, Warm: p.Set.CellsWarm, Max: p.Set.CellsMax, IdleStop: p.Set.IdleStop, Now: p.Now, Rand: rand.Reader, Logger: p.Log})
}

// Cluster is the deployment's own Ray; token reads the secret of its head's runner.
func Cluster(p *wire.Parts, t table.Table, token func(context.Context) (string, error)) *ecs.Cluster {
	return ecs.NewCluster(ecs.ClusterConfig{Client: awsecs.NewFromConfig(p.AWS), Table: t, Cluster: p.Set.ECSCluster, Service: p.Set.HeadService,
		Host: p.Set.HeadHost, Token: token, IdleStop: p.Set.IdleStop, Now: p.Now, Logger: p.Log})
}

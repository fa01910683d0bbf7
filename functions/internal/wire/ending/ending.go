// Package ending puts together how a job ends: its last step, the event that tells the world, and what is measured of it.
package ending

import (
	"context"

	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/functions/internal/wire/flow"
	"github.com/orcray/orcray/shared/aws/eventbridge"
	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/telemetry"
	"github.com/orcray/orcray/shared/topology"
)

// Steps makes the steps for those that end jobs; cells only takes back what was leased.
func Steps(p *wire.Parts, jobs *job.Service, cells interpret.Cells) (*interpret.Steps, error) {
	catalog, err := codegen.BedrockCatalog(p.Set.Models)
	if err != nil {
		return nil, err
	}
	bus := eventbridge.New(awseb.NewFromConfig(p.AWS), p.Set.Bus)
	return flow.Steps(p, interpret.Deps{Jobs: jobs, Cells: cells, Publish: measured{bus, p.Metrics, catalog}}), nil
}

// measured writes the metrics of each event that was published.
type measured struct {
	bus     interpret.Publisher
	metrics *telemetry.Metrics
	catalog *codegen.Catalog
}

// Publish implements interpret.Publisher.
func (m measured) Publish(ctx context.Context, detailType string, detail any) error {
	if err := m.bus.Publish(ctx, detailType, detail); err != nil {
		return err
	}
	if end, ok := detail.(job.Ended); ok {
		m.metrics.Emit(ctx, nil, m.of(end)...)
	}
	return nil
}

func (m measured) of(end job.Ended) []telemetry.Metric {
	metrics := []telemetry.Metric{
		{Name: topology.MetricJobs, Value: 1, Unit: telemetry.Count},
		{Name: topology.MetricJobFailed, Value: oursToMend(end), Unit: telemetry.Count},
		{Name: topology.MetricJobTime, Value: end.Completed.Sub(end.Created).Seconds(), Unit: telemetry.Seconds},
	}
	listed, err := m.catalog.Lookup(end.Model)
	if err != nil || end.Model == "" {
		return metrics
	}
	if dollars, known := listed.Cost(codegen.Usage{InputTokens: end.Cost.InputTokens, OutputTokens: end.Cost.OutputTokens}); known {
		metrics = append(metrics, telemetry.Metric{Name: topology.MetricJobCost, Value: dollars, Unit: telemetry.NoUnit})
	}
	return metrics
}

// oursToMend is 1 for a job that failed without its program or its asker being the reason.
func oursToMend(end job.Ended) float64 {
	switch end.Class {
	case "internal", "unavailable", "lost_worker", "throttled":
		return 1
	}
	return 0
}

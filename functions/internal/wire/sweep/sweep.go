// Package sweep is what the reaper does by the clock: stuck jobs, cells and a cluster that nobody uses.
package sweep

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/ecs"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/telemetry"
	"github.com/orcray/orcray/shared/topology"
)

// Places are what costs money while nobody uses it: cells, the cluster, and files that nobody completed or that were removed.
type Places interface {
	// Sweep ends what nobody uses.
	Sweep(ctx context.Context) error
}

// By makes a Places of a function.
type By func(ctx context.Context) error

// Sweep implements Places.
func (f By) Sweep(ctx context.Context) error { return f(ctx) }

// Counter counts cells.
type Counter interface {
	Count(ctx context.Context) (ecs.Counts, error)
}

// New makes the reaper's function. One part that fails does not keep the others from their work; the failure is reported all the same.
func New(p *wire.Parts, reaper interpret.Reaper, cells Counter, places ...Places) invoke.Function {
	return func(ctx context.Context, _ []byte) ([]byte, error) {
		swept, err := reaper.Sweep(ctx)
		if err == nil || swept.Open > 0 {
			measure(ctx, p, swept)
		}
		errs := []error{err}
		for _, place := range places {
			errs = append(errs, place.Sweep(ctx))
		}
		errs = append(errs, count(ctx, p, cells))
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
		return json.Marshal(swept)
	}
}

// count measures the cells, after the sweep: what it leaves is what costs.
func count(ctx context.Context, p *wire.Parts, cells Counter) error {
	n, err := cells.Count(ctx)
	if err == nil {
		p.Metrics.Emit(ctx, nil, number(topology.MetricCells, n.All), number(topology.MetricLeased, n.Leased))
	}
	return err
}

func measure(ctx context.Context, p *wire.Parts, s interpret.Swept) {
	p.Metrics.Emit(ctx, nil, number(topology.MetricOpen, s.Open), number(topology.MetricStuck, s.Stuck),
		number(topology.MetricQueue, s.Queue.Visible+s.Queue.InFlight), number(topology.MetricDead, s.Queue.Dead))
}

func number(name string, n int) telemetry.Metric {
	return telemetry.Metric{Name: name, Value: float64(n), Unit: telemetry.Count}
}

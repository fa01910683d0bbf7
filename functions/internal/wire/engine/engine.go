// Package engine starts workflows and asks how they stand.
package engine

import (
	"context"

	awssfn "github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/sfn"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/topology"
)

// Engine implements task.Starter and interpret.Workflows.
type Engine struct{ engine *sfn.Engine }

// New makes the engine of a function.
func New(p *wire.Parts) Engine {
	return Engine{sfn.New(awssfn.NewFromConfig(p.AWS), map[string]string{topology.MachineInterp: p.Set.MachineARN})}
}

// Start implements task.Starter. A conflict is a workflow that was started before, by a message with another trace.
func (e Engine) Start(ctx context.Context, _ job.Kind, name string, input []byte) error {
	err := e.engine.Start(ctx, topology.MachineInterp, name, input)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// Workflow implements interpret.Workflows.
func (e Engine) Workflow(ctx context.Context, jobID string) (interpret.Workflow, error) {
	x, err := e.engine.Describe(ctx, topology.MachineInterp, jobID)
	return interpret.Workflow{Running: err == nil && !x.Ended(), Error: x.Error, Cause: x.Cause}, err
}

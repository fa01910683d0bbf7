// Package flow puts together what works on jobs: the store and the steps of the workflow.
package flow

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orcray/orcray/functions/internal/invoke"
	"github.com/orcray/orcray/functions/internal/wire"
	"github.com/orcray/orcray/shared/aws/dynamo"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler/task"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/session"
	"github.com/orcray/orcray/shared/table"
)

// Settings of the steps that AWS has of its own.
const (
	stepBudget = 4 * time.Minute // a step waits for its cell and follows its run this long each, and has a quarter of an hour in all
	maxWait    = time.Hour
	maxTokens  = 8192
	stopGrace  = 10 * time.Second // over the network of a VPC, and a run on the cluster stops with its Ray job
	credsTTL   = 5 * time.Minute
)

// Table is the store.
func Table(p *wire.Parts) table.Table {
	return dynamo.New(dynamo.NewClient(p.AWS, ""), p.Set.Table, p.Now)
}

// Jobs makes the service of jobs as those who work on them need it: nobody there accepts new ones. q is the queue of whoever sends
// messages again, nil for all others.
func Jobs(p *wire.Parts, t table.Table, q queue.Queue) *job.Service {
	return job.NewService(job.Deps{Store: job.NewStore(t, p.Now), Log: job.NewLog(t, p.Now, job.Polling{}), Table: t, Queue: q,
		Sessions: session.NewService(session.Deps{Table: t, Now: p.Now}), Now: p.Now, NewID: p.NewID})
}

// Steps makes the steps with the parts that are given.
func Steps(p *wire.Parts, d interpret.Deps) *interpret.Steps {
	d.Notify, d.Now = job.Polling{}, p.Now
	d.Settings = interpret.Settings{PlaceLimit: int64(p.Set.Limits.Place), StepBudget: stepBudget, MaxWait: maxWait, MaxTokens: maxTokens,
		StopGrace: stopGrace, CredsTTL: credsTTL}
	return interpret.New(d)
}

// Serving serves one step. It goes on with the trace of its job.
func Serving(p *wire.Parts, do func(context.Context, interpret.State) (interpret.State, error)) any {
	around := p.Around()
	around.Trace = func(payload []byte) string {
		var st struct {
			Trace string `json:"trace"`
		}
		_ = json.Unmarshal(payload, &st) // the step itself says what is wrong with it
		return st.Trace
	}
	return wire.Bytes(around.Function(invoke.Function(task.Step(do))))
}

// Elsewhere is the cluster for a step that only asks whether there is one.
type Elsewhere struct{}

// Runner implements interpret.Cluster.
func (Elsewhere) Runner(context.Context, func(interpret.Wait)) (interpret.Runner, string, error) {
	return nil, "", fault.New(fault.Internal, "this step does not reach the cluster")
}

// Isolation implements interpret.Cluster.
func (Elsewhere) Isolation() string { return "" }

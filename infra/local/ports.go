package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/asl/sqlitejournal"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/topology"
	"github.com/orcray/orcray/statemachines"
)

// Queue is the queue of jobs, and what the reaper and the health ask about it.
type Queue interface {
	queue.Queue
	interpret.Waiting
}

// Engine runs the workflows of jobs. When it is opened it goes on with those that had not ended.
//
// Start begins an execution once for each name: again with the same input is no error, with another one it is fault.Conflict.
// Look and Done answer fault.NotFound for one that was never started. Done's channel is closed when the execution has ended or the
// engine is closed. Close lets go of every execution and returns when no function is running any more.
type Engine interface {
	Start(ctx context.Context, machine, name string, input json.RawMessage) error
	Look(ctx context.Context, machine, name string) (interpret.Workflow, error)
	Done(ctx context.Context, machine, name string) (<-chan struct{}, error)
	Close(ctx context.Context) error
}

// embedded is the engine of one machine.
type embedded struct{ *asl.Engine }

// Look implements Engine.
func (e embedded) Look(ctx context.Context, machine, name string) (interpret.Workflow, error) {
	x, err := e.Describe(ctx, machine, name)
	return interpret.Workflow{Running: err == nil && x.Status == asl.Running, Error: x.Error, Cause: x.Cause}, err
}

// embeddedEngine opens the engine of one machine on its journal.
func (a *App) embeddedEngine(o Options) func(context.Context, map[string]*asl.Machine, asl.Invoker) (Engine, error) {
	return func(ctx context.Context, machines map[string]*asl.Machine, functions asl.Invoker) (Engine, error) {
		journal, err := sqlitejournal.Open(ctx, a.path("workflow.db"))
		if err != nil {
			return nil, err
		}
		a.onClose(journal.Close)
		e, err := asl.Open(ctx, asl.Config{Journal: journal, Invoker: functions, Now: o.Now, Logger: a.log, Calls: 4096}, machines)
		if err != nil {
			return nil, err
		}
		return embedded{e}, nil
	}
}

// parseMachines puts the functions' names into the definitions, as the CDK app puts their ARNs.
func parseMachines() (map[string]*asl.Machine, error) {
	machines := map[string]*asl.Machine{}
	for _, m := range topology.Orcray().Machines {
		text, err := statemachines.Files.ReadFile(m.File)
		if err != nil {
			return nil, fmt.Errorf("state machine %s: %w", m.Name, err)
		}
		definition := string(text)
		for _, name := range m.Functions {
			definition = strings.ReplaceAll(definition, "${"+name+"}", name)
		}
		if machines[m.Name], err = asl.Parse([]byte(definition)); err != nil {
			return nil, fmt.Errorf("state machine %s: %w", m.Name, err)
		}
	}
	return machines, nil
}

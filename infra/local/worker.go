package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/handler/task"
	"github.com/orcray/orcray/shared/interpret"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
	"github.com/orcray/orcray/shared/telemetry"
	"github.com/orcray/orcray/shared/topology"
)

// worker calls functions: for the state machines, for the queue and by the clock.
type worker struct {
	app       *App
	functions map[string]task.Function
	lanes     *lanes
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

// Invoke implements asl.Invoker as Lambda would: the error type of a function is the error name of the state machine.
func (w *worker) Invoke(ctx context.Context, c asl.Call) (json.RawMessage, error) {
	f := w.functions[c.Function]
	if f == nil {
		return nil, &asl.TaskError{Name: "Lambda.ResourceNotFoundException", Cause: "there is no function " + c.Function}
	}
	ctx = w.traced(ctx, c)
	out, err := f(ctx, c.Payload)
	var typed messages.InvokeResponse_Error
	switch {
	case errors.As(err, &typed):
		telemetry.Logger(ctx).ErrorContext(ctx, "step failed", "execution", c.Execution, "attempt", c.Attempt, "error", typed.Message)
		cause, _ := json.Marshal(map[string]string{"errorType": typed.Type, "errorMessage": typed.Message})
		return nil, &asl.TaskError{Name: typed.Type, Cause: string(cause)}
	case err != nil:
		return nil, err
	}
	telemetry.Logger(ctx).InfoContext(ctx, "step", "execution", c.Execution, "attempt", c.Attempt)
	return out, nil
}

// traced goes on with the trace of the job, which the payload carries.
func (w *worker) traced(ctx context.Context, c asl.Call) context.Context {
	ctx = telemetry.WithLogger(ctx, w.app.log.With("function", c.Function))
	var st struct {
		Trace string `json:"trace"`
	}
	_ = json.Unmarshal(c.Payload, &st) // the step itself says what is wrong with it
	trace, ok := telemetry.ParseTraceparent(st.Trace)
	if ok {
		if child, err := trace.Child(rand.Reader); err == nil {
			return telemetry.WithTrace(ctx, child)
		}
	}
	return ctx
}

// Start implements task.Starter: the job gets its workflow as soon as it is its owner's turn. Until then nothing is written: the
// job itself is kept, and the reaper sends its message again should this process end first.
func (w *worker) Start(ctx context.Context, _ job.Kind, name string, input []byte) error {
	var st interpret.State
	if err := json.Unmarshal(input, &st); err != nil {
		return fault.Wrap(err, fault.Invalid, "a workflow's input cannot be read")
	}
	ahead := w.lanes.add(ticket{owner: st.Owner, job: name, begin: func(ended func()) { w.begin(name, input, ended) }})
	if ahead >= 0 && ahead < told {
		w.sayTurn(ctx, st)
	}
	return nil
}

// told is how many waiting jobs of one person say so: who sends hundreds does not look at each.
const told = 20

// begin starts the workflow and keeps its place until it has ended.
func (w *worker) begin(name string, input []byte, ended func()) {
	ctx := context.Background() // a workflow does not end with what started it
	err := w.app.engine.Start(ctx, topology.MachineInterp, name, input)
	if err != nil && !fault.Is(err, fault.Conflict) { // a conflict: started before, by a message with another trace
		w.app.log.Error("a workflow could not be started; the reaper tries again", "job", name, "error", err.Error())
		go ended()
		return
	}
	over, err := w.app.engine.Done(ctx, topology.MachineInterp, name)
	go func() {
		if err == nil {
			<-over // also when the engine closes
		}
		ended()
	}()
}

// sayTurn tells the person why nothing happens yet.
func (w *worker) sayTurn(ctx context.Context, st interpret.State) {
	j, err := w.app.jobs.Get(ctx, st.Owner, st.JobID)
	if err == nil && j.Status == job.Queued {
		_ = w.app.jobs.Note(ctx, j, job.Draft{Type: "status", Data: job.StatusData{Status: job.Queued, Note: "waiting for your earlier jobs"}}) // a courtesy
	}
}

const (
	consumers = 2
	batch     = 10 // messages that one look at the queue takes
)

func (w *worker) start(now func() time.Time) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	dispatch := task.Dispatch(w)
	for range consumers {
		w.running.Go(func() { w.consume(ctx, dispatch) })
	}
	w.running.Go(func() { w.reap(ctx, now) })
}

func (w *worker) stop() error {
	w.lanes.close()
	w.cancel()
	w.running.Wait()
	return nil
}

// consume hands the queue's messages to the dispatcher, while there is room for another workflow. What it cannot do is left to
// the queue: the message comes again, and in the end goes to the dead letters.
func (w *worker) consume(ctx context.Context, dispatch func(context.Context, []byte) error) {
	for ctx.Err() == nil {
		if moved := w.lanes.full(); moved != nil { // in the queue a message is no worse off
			select {
			case <-moved:
			case <-ctx.Done():
			}
			continue
		}
		got, err := w.app.queue.Receive(ctx, batch, 20*time.Second)
		if err != nil {
			if ctx.Err() == nil {
				w.app.log.Error("the queue does not answer", "error", err.Error())
				pause(ctx, time.Second)
			}
			continue
		}
		for _, d := range got {
			w.deliver(ctx, d, dispatch)
		}
	}
}

func (w *worker) deliver(ctx context.Context, d queue.Delivery, dispatch func(context.Context, []byte) error) {
	if err := dispatch(ctx, d.Body); err != nil {
		w.app.log.Error("a message could not be handled", "message", d.ID, "received", d.Received, "error", err.Error())
		return
	}
	if err := w.app.queue.Delete(ctx, d.Receipt); err != nil && ctx.Err() == nil {
		w.app.log.Warn("a message will come again", "message", d.ID, "error", err.Error())
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// reap looks for stuck jobs at the start and by the clock.
func (w *worker) reap(ctx context.Context, now func() time.Time) {
	every := topology.Orcray().Schedules[0].Every
	// Jobs that waited for their turn when the last process ended have no message any more: the first look waits for nothing.
	for patience := time.Duration(0); ctx.Err() == nil; patience = interpret.StuckAfter {
		if err := w.sweep(ctx, now, patience); err != nil && ctx.Err() == nil {
			w.app.log.Error("the reaper failed", "error", err.Error())
		}
		pause(ctx, every)
	}
}

func (w *worker) sweep(ctx context.Context, now func() time.Time, patience time.Duration) error {
	_, err := interpret.Reaper{StuckAfter: patience, Jobs: w.app.jobs, Steps: w.app.steps, Workflows: w, Queue: w.app.queue, Now: now, Log: w.app.log}.Sweep(ctx)
	return err
}

// Workflow implements interpret.Workflows.
func (w *worker) Workflow(ctx context.Context, jobID string) (interpret.Workflow, error) {
	if w.lanes.waits(jobID) {
		return interpret.Workflow{Running: true}, nil
	}
	return w.app.engine.Look(ctx, topology.MachineInterp, jobID)
}

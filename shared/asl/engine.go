package asl

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Config is what an Engine needs. Journal and Now must be set.
type Config struct {
	Journal Journal
	Invoker Invoker          // nil: a Task fails with States.Runtime
	Now     func() time.Time // the wall clock
	Random  io.Reader        // for States.UUID, States.MathRandom and jitter; nil: crypto/rand; safe for concurrent use
	Logger  *slog.Logger     // nil: none
	Calls   int              // how many functions may run at the same time, over all executions; 0: 64
}

// Engine runs executions and keeps them in its journal. It is safe for concurrent use.
type Engine struct {
	config Config
	clock  clock
	slots  chan struct{}
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	machines map[string]*Machine
	runs     map[Key]*run // those this process drives
}

// New makes an engine. It does nothing until Resume or Start.
func New(c Config) *Engine {
	if c.Calls <= 0 {
		c.Calls = 64
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Random = randomSource(c.Random)
	ctx, cancel := context.WithCancel(context.Background())
	return &Engine{config: c, clock: wallClock{c.Now}, slots: make(chan struct{}, c.Calls), ctx: ctx, cancel: cancel,
		machines: map[string]*Machine{}, runs: map[Key]*run{}}
}

// Open makes an engine that knows machines by their names, and goes on with the executions that had not ended. When that fails, nothing
// runs any more.
func Open(ctx context.Context, c Config, machines map[string]*Machine) (*Engine, error) {
	e := New(c)
	var err error
	for name, m := range machines {
		err = errors.Join(err, e.Register(name, m))
	}
	if err = errors.Join(err, e.Resume(ctx)); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	return e, nil
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,80}$`)

// Register makes a machine known by a name, or replaces it for executions that start from now on: one that runs keeps the
// definition it started with. fault.Invalid for a name that is not 1 to 80 letters, digits, dots, dashes and underscores.
func (e *Engine) Register(name string, m *Machine) error {
	if !validName.MatchString(name) {
		return fault.New(fault.Invalid, "The name of a state machine has 1 to 80 letters, digits, dots, dashes and underscores: %q.", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.machines[name] = m
	return nil
}

// Start begins an execution, and returns once it is durable: from then on it is never lost. The same machine, name and
// input again is no error and starts nothing. fault.Conflict when the name was used with another input, fault.NotFound for
// a machine that is not registered, fault.TooLarge for an input over MaxPayload, fault.Unavailable while closing.
func (e *Engine) Start(ctx context.Context, machine, name string, input json.RawMessage) error {
	e.mu.Lock()
	m := e.machines[machine]
	e.mu.Unlock()
	if m == nil {
		return fault.New(fault.NotFound, "There is no state machine %q.", machine)
	}
	if !validName.MatchString(name) {
		return fault.New(fault.Invalid, "The name of an execution has 1 to 80 letters, digits, dots, dashes and underscores: %q.", name)
	}
	data, err := canonical(input)
	if err != nil {
		return err
	}
	key := Key{Machine: machine, Name: name}
	r, record := e.fresh(key, m, data)
	if !e.adopt(r) {
		return e.again(ctx, key, data)
	}
	if err := e.config.Journal.Create(ctx, record); err != nil {
		e.release(r)
		if fault.Is(err, fault.Conflict) {
			return e.again(ctx, key, data)
		}
		return err
	}
	e.launch(r)
	return nil
}

// again judges a Start whose name is taken.
func (e *Engine) again(ctx context.Context, key Key, input json.RawMessage) error {
	if e.ctx.Err() != nil {
		return fault.New(fault.Unavailable, "The workflow engine is closing.")
	}
	record, err := e.config.Journal.Load(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Unavailable, "The execution %q is just being started; try again.", key.Name)
	}
	if err != nil {
		return err
	}
	if string(record.Input) != string(input) {
		return fault.New(fault.Conflict, "There is an execution %q of %q with another input.", key.Name, key.Machine)
	}
	// A Start whose answer got lost may have left an execution that nobody drives.
	return e.resume(ctx, key)
}

// fresh makes the run of a new execution, and its first record.
func (e *Engine) fresh(key Key, m *Machine, input json.RawMessage) (*run, Record) {
	r := e.newRun(key, m, input, e.clock.now())
	r.root = &frame{path: rootPath, flow: m.root, State: m.root.startAt, Phase: phaseEnter, Input: input}
	r.ready = []*frame{r.root}
	r.append("ExecutionStarted", "", eventDetail{Input: input})
	data, _ := json.Marshal(r.root) // a frame always encodes
	record := Record{
		Execution:  Execution{Key: key, Status: Running, Input: input, Started: r.started, Events: r.events},
		Definition: m.definition,
		Frames:     map[string][]byte{rootPath: data},
		History:    r.pending,
	}
	r.pending = nil
	return r, record
}

func (e *Engine) newRun(key Key, m *Machine, input json.RawMessage, started time.Time) *run {
	return &run{key: key, machine: m, input: input, started: started, journal: e.config.Journal, invoker: e.config.Invoker,
		slots: e.slots, clock: e.clock, random: e.config.Random, log: e.config.Logger, sleepers: map[*frame]struct{}{},
		dirty: map[string]*frame{}, results: make(chan result), stops: make(chan stopRequest), calls: &e.wg, done: make(chan struct{})}
}

// adopt reserves the execution for this run; false when another run has it, or when the engine is closing.
func (e *Engine) adopt(r *run) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.runs[r.key] != nil {
		return false
	}
	e.runs[r.key] = r
	e.wg.Add(1)
	return true
}

// release lets go of an execution: it has ended, or the next process goes on with it.
func (e *Engine) release(r *run) {
	e.mu.Lock()
	delete(e.runs, r.key)
	e.mu.Unlock()
	close(r.done)
	e.wg.Done()
}

// launch drives an adopted run in the background.
func (e *Engine) launch(r *run) {
	go func() {
		defer e.release(r)
		err := r.drive(e.ctx)
		for running := true; running && errors.Is(err, errLost); {
			e.config.Logger.Warn("an execution is read again from the journal", "machine", r.key.Machine, "execution", r.key.Name)
			if running, err = r.load(e.ctx); running {
				err = r.drive(e.ctx)
			}
		}
		if err != nil && e.ctx.Err() == nil {
			e.config.Logger.Error("an execution cannot go on", "machine", r.key.Machine, "execution", r.key.Name, "error", err)
		}
	}()
}

// Resume continues every execution that has not ended. Call it once, when the process starts. The error names the
// executions that cannot go on; the others do.
func (e *Engine) Resume(ctx context.Context) error {
	keys, err := e.config.Journal.Running(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, k := range keys {
		failed = append(failed, fault.Wrap(e.resume(ctx, k), fault.Internal, "The execution %q of %q cannot be resumed.", k.Name, k.Machine))
	}
	return errors.Join(failed...)
}

// resume goes on with one execution, unless this process drives it already. The execution is reserved before it is read:
// read first, it could have moved on by the time it is driven, and committed steps would run again.
func (e *Engine) resume(ctx context.Context, key Key) error {
	r := e.newRun(key, nil, nil, time.Time{})
	if !e.adopt(r) {
		return nil
	}
	running, err := r.load(ctx)
	if err != nil || !running {
		e.release(r)
		return err
	}
	e.launch(r)
	return nil
}

// load reads the execution's last committed step; false when the execution has ended.
func (r *run) load(ctx context.Context) (bool, error) {
	record, err := r.journal.Load(ctx, r.key)
	if err != nil || record.Status != Running {
		return false, err
	}
	if r.machine, err = Parse(record.Definition); err != nil {
		return false, err
	}
	if r.root, err = restore(r.machine, record.Frames); err != nil {
		return false, err
	}
	r.ready, r.launch, r.drops, r.pending, r.end, r.full = nil, nil, nil, nil, nil, false
	r.sleepers, r.dirty = map[*frame]struct{}{}, map[string]*frame{}
	r.input, r.started, r.seq, r.events = record.Input, record.Started, record.Seq, record.Execution.Events
	r.root.each(r.reawaken)
	return true, nil
}

// reawaken puts a restored frame where it waits for what comes next.
func (r *run) reawaken(f *frame) {
	switch f.Phase {
	case phaseEnter, phaseRun:
		r.ready = append(r.ready, f)
	case phaseTask:
		r.launch = append(r.launch, f)
	case phaseWait, phaseRetry:
		r.sleepers[f] = struct{}{}
	}
}

// Stop ends an execution with ABORTED, and cancels what it is doing. It returns once that is durable; an execution that has
// ended stays as it is. fault.NotFound for an unknown one.
func (e *Engine) Stop(ctx context.Context, machine, name, errorName, cause string) error {
	key := Key{Machine: machine, Name: name}
	e.mu.Lock()
	r := e.runs[key]
	e.mu.Unlock()
	if r != nil {
		s := stopRequest{err: &TaskError{Name: errorName, Cause: cause}, reply: make(chan error, 1)}
		select {
		case r.stops <- s:
			return <-s.reply
		case <-r.done:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.Timeout, "The execution %q could not be stopped in time; try again.", name)
		}
	}
	record, err := e.config.Journal.Load(ctx, key)
	if err != nil || record.Status != Running {
		return err
	}
	return fault.New(fault.Unavailable, "The execution %q is not resumed yet; try again.", name)
}

// Describe tells about an execution. fault.NotFound for an unknown one.
func (e *Engine) Describe(ctx context.Context, machine, name string) (Execution, error) {
	record, err := e.config.Journal.Load(ctx, Key{Machine: machine, Name: name})
	return record.Execution, err
}

// History gives up to limit events after the event with the id after, 0 being the start. fault.NotFound.
func (e *Engine) History(ctx context.Context, machine, name string, after int64, limit int) ([]Event, error) {
	return e.config.Journal.History(ctx, Key{Machine: machine, Name: name}, after, limit)
}

// Done gives a channel that is closed when the execution has ended, or when this engine has closed. fault.NotFound.
func (e *Engine) Done(ctx context.Context, machine, name string) (<-chan struct{}, error) {
	key := Key{Machine: machine, Name: name}
	e.mu.Lock()
	r := e.runs[key]
	e.mu.Unlock()
	if r != nil {
		return r.done, nil
	}
	if _, err := e.config.Journal.Load(ctx, key); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	close(ended)
	return ended, nil
}

// Wait waits for the end of an execution and tells how it ended. fault.NotFound; fault.Timeout when ctx ends first;
// fault.Unavailable when the engine closed before the end.
func (e *Engine) Wait(ctx context.Context, machine, name string) (Execution, error) {
	done, err := e.Done(ctx, machine, name)
	if err != nil {
		return Execution{}, err
	}
	select {
	case <-done:
	case <-ctx.Done():
		return Execution{}, fault.Wrap(ctx.Err(), fault.Timeout, "The execution %q did not end in time.", name)
	}
	x, err := e.Describe(ctx, machine, name)
	if err == nil && x.Status == Running {
		err = fault.New(fault.Unavailable, "The execution %q goes on when the workflow engine is back.", name)
	}
	return x, err
}

// Close lets go of every execution and cancels their calls; what runs goes on with the next process's Resume. It returns
// when nothing is running any more, the functions included, or with fault.Timeout when ctx ends first.
func (e *Engine) Close(ctx context.Context) error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	idle := make(chan struct{})
	go func() { e.wg.Wait(); close(idle) }()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Timeout, "The workflow engine did not close in time.")
	}
}

package asl

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Call is one request to a function.
type Call struct {
	Function  string          // the function's name, without account or version
	Payload   json.RawMessage // at most MaxPayload bytes; a repeated call has the same
	Machine   string
	Execution string // the execution's name
	State     string
	Attempt   int    // retries before this one; a call repeated after a crash keeps its number
	Heartbeat func() // tells that the function is alive; never nil
}

// Invoker calls functions. A *TaskError says which error Retry and Catch see; any other error is States.TaskFailed. ctx
// ends when the task's time is up, when the execution is stopped, and when the engine closes. A call can come again after a
// crash, so functions must bear that. It must be safe for concurrent use.
type Invoker interface {
	Invoke(ctx context.Context, c Call) (json.RawMessage, error)
}

// result is the answer to a call, on its way to the run.
type result struct {
	f    *frame
	call *pendingCall
	data json.RawMessage
	err  *TaskError
}

// schedule works out a task's request. The call itself is made after the commit.
func (r *run) schedule(v *visit) error {
	payload, err := v.shaped(v.s.parameters, v.input)
	if err != nil {
		return err
	}
	c := &pendingCall{Function: v.s.task.function}
	if v.s.task.wrapped() {
		envelope, _ := payload.(map[string]any)
		text, _ := envelope["FunctionName"].(string)
		name, ok := functionName(text)
		if !ok {
			return fail(errRuntime, "FunctionName must be the name or the ARN of a Lambda function, not %s.", clip(encode(envelope["FunctionName"])))
		}
		c.Function = name
		if payload, ok = envelope["Payload"]; !ok {
			payload = map[string]any{}
		}
	}
	if c.Payload = encode(payload); len(c.Payload) > MaxPayload {
		return fail(errDataLimit, "The state '%s' would send %d bytes to '%s'; at most %d can be sent.", v.s.name, len(c.Payload), c.Function, MaxPayload)
	}
	if c.Timeout, err = v.bounded(v.s.task.timeout, "TimeoutSeconds", 99_999_999, 0, true); err != nil {
		return err
	}
	if c.Heartbeat, err = v.bounded(v.s.task.heartbeat, "HeartbeatSeconds", 99_999_999, 0, true); err != nil {
		return err
	}
	v.f.Phase, v.f.Call, v.f.Until = phaseTask, c, time.Time{}
	r.emit(v.f, v.s.taskEvent("Scheduled"), eventDetail{Resource: c.Function, Input: c.Payload})
	r.emit(v.f, v.s.taskEvent("Started"), eventDetail{})
	r.launch = append(r.launch, v.f)
	return nil
}

func (s *state) taskEvent(what string) string {
	if s.task.wrapped() {
		return "Task" + what
	}
	return "LambdaFunction" + what
}

// call makes the calls that the last commit allows.
func (r *run) call(ctx context.Context) {
	for _, f := range r.launch {
		if f.dead || f.Phase != phaseTask {
			continue
		}
		callCtx, cancel := context.WithCancel(ctx)
		f.cancel = cancel
		r.flying++
		c := Call{Function: f.Call.Function, Payload: f.Call.Payload, Machine: r.key.Machine, Execution: r.key.Name,
			State: f.State, Attempt: f.retries()}
		p := f.Call
		r.calls.Go(func() { r.invoke(callCtx, cancel, f, p, c) })
	}
	r.launch = nil
}

// invoke runs beside the run, and reports to it.
func (r *run) invoke(ctx context.Context, cancel context.CancelFunc, f *frame, p *pendingCall, c Call) {
	defer cancel()
	out := result{f: f, call: p}
	select {
	case r.slots <- struct{}{}:
		out.data, out.err = r.timed(ctx, p, c)
		<-r.slots
	case <-ctx.Done():
		out.err = fail(errTaskFailed, "The call was cancelled before it began.")
	}
	select {
	case r.results <- out:
	case <-r.done:
	}
}

// timed makes the call under its time limits. A function that does not heed its context is left behind when its time is up.
func (r *run) timed(ctx context.Context, p *pendingCall, c Call) (json.RawMessage, *TaskError) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	beats := make(chan struct{}, 1)
	c.Heartbeat = func() {
		select {
		case beats <- struct{}{}:
		default:
		}
	}
	type answer struct {
		data json.RawMessage
		err  error
	}
	answers := make(chan answer, 1)
	r.calls.Go(func() {
		data, err := r.guarded(ctx, c)
		answers <- answer{data, err}
	})
	limit, beat := newLimit(p.Timeout), newLimit(p.Heartbeat)
	defer limit.stop()
	defer beat.stop()
	for {
		select {
		case a := <-answers:
			return a.data, r.judge(c, a.data, a.err)
		case <-beats:
			beat.restart()
		case <-limit.c:
			return nil, fail(errTimeout, "The function '%s' did not answer in %v seconds.", c.Function, p.Timeout)
		case <-beat.c:
			return nil, fail(errHeartbeat, "The function '%s' gave no sign of life for %v seconds.", c.Function, p.Heartbeat)
		case <-ctx.Done():
			return nil, fail(errTaskFailed, "The call was cancelled.")
		}
	}
}

// guarded calls the invoker; a panic in it is the function's failure, not the engine's.
func (r *run) guarded(ctx context.Context, c Call) (data json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a function panicked", "function", c.Function, "execution", c.Execution, "panic", p)
			err = fail(errTaskFailed, "The function '%s' panicked.", c.Function)
		}
	}()
	if r.invoker == nil {
		return nil, fail(errRuntime, "There is nothing to call the function '%s' with.", c.Function)
	}
	return r.invoker.Invoke(ctx, c)
}

// judge turns what a call gave into the error that Retry and Catch see.
func (r *run) judge(c Call, data json.RawMessage, err error) *TaskError {
	var named *TaskError
	switch {
	case errors.As(err, &named):
		return named
	case err != nil:
		r.log.Warn("a function failed", "function", c.Function, "execution", c.Execution, "state", c.State, "error", err)
		return fail(errTaskFailed, "The function '%s' failed.", c.Function)
	case len(data) > MaxPayload:
		return fail(errDataLimit, "The function '%s' returned %d bytes; at most %d may be passed on.", c.Function, len(data), MaxPayload)
	case !json.Valid(data):
		return fail(errRuntime, "The function '%s' returned something that is not JSON.", c.Function)
	}
	return nil
}

// limit is a timer that may never fire.
type limit struct {
	c      <-chan time.Time
	timer  *time.Timer
	period time.Duration
}

func newLimit(secs float64) *limit {
	l := &limit{period: seconds(secs)}
	if secs > 0 {
		l.timer = time.NewTimer(l.period)
		l.c = l.timer.C
	}
	return l
}

func (l *limit) restart() {
	if l.timer != nil {
		l.timer.Reset(l.period)
	}
}

func (l *limit) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
}

// land takes in the answer to a call.
func (r *run) land(x result) {
	r.flying--
	f := x.f
	if f.dead || f.Phase != phaseTask || f.Call != x.call || r.end != nil {
		return
	}
	f.cancel = nil
	r.touch(f)
	s := f.state()
	err := x.err
	if err == nil {
		r.emit(f, s.taskEvent("Succeeded"), eventDetail{Output: x.data})
		err = r.landed(f, x.data)
	} else if kind := "Failed"; err.Name != errRuntime {
		if err.Name == errTimeout || err.Name == errHeartbeat {
			kind = "TimedOut"
		}
		r.emit(f, s.taskEvent(kind), eventDetail{Error: err.Name, Cause: err.Cause})
	}
	if err != nil {
		r.failState(f, err)
	}
}

// landed goes on with a task's result.
func (r *run) landed(f *frame, data json.RawMessage) *TaskError {
	v, err := r.visit(f)
	if err != nil {
		return asTaskError(err)
	}
	value, err := decode(data)
	if err != nil {
		return fail(errRuntime, "The function returned something that is not JSON.")
	}
	if v.s.task.wrapped() {
		value = map[string]any{"Payload": value, "StatusCode": int64(200), "ExecutedVersion": "$LATEST"}
	}
	if err := r.conclude(v, value); err != nil {
		return asTaskError(err)
	}
	return nil
}

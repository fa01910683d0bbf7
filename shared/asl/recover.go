package asl

import (
	"encoding/binary"
	"io"
	"math"
	"math/rand/v2"
	"time"
)

// failState is what happens when a state fails: retry it, catch the error, or fail the flow.
func (r *run) failState(f *frame, e *TaskError) {
	s := f.state()
	r.dropKids(f)
	if e.Name == errRuntime && f.iteration() == nil {
		r.finish(Failed, nil, r.located(f, e))
		return
	}
	for i, spec := range s.retry {
		if !e.matches(spec.errors) {
			continue
		}
		if len(f.Tries) < len(s.retry) {
			f.Tries = make([]int, len(s.retry))
		}
		if f.Tries[i] >= spec.attempts {
			break
		}
		f.Tries[i]++
		f.Phase, f.Until, f.Call = phaseRetry, r.clock.now().Add(r.pause(spec, f.Tries[i])), nil
		r.sleepers[f] = struct{}{}
		return
	}
	if s.kind == kindMap || s.kind == kindParallel {
		r.emit(f, string(s.kind)+"StateFailed", eventDetail{Error: e.Name, Cause: e.Cause})
	}
	for _, c := range s.catch {
		if e.matches(c.errors) {
			if err := r.caught(f, c, e); err != nil {
				r.failFlow(f, asTaskError(err))
			}
			return
		}
	}
	r.failFlow(f, e)
}

// located adds to the engine's own errors where they happened.
func (r *run) located(f *frame, e *TaskError) *TaskError {
	return fail(e.Name, "An error occurred while executing the state '%s': %s", f.State, e.Cause)
}

// pause is the time before the n-th retry.
func (r *run) pause(spec retrier, n int) time.Duration {
	wait := spec.interval * math.Pow(spec.backoff, float64(n-1))
	if spec.maxDelay > 0 {
		wait = min(wait, spec.maxDelay)
	}
	const longest = 99_999_999
	wait = min(wait, longest)
	var seed [8]byte
	if spec.jitter {
		if _, err := io.ReadFull(r.random, seed[:]); err == nil {
			wait *= rand.New(rand.NewPCG(binary.BigEndian.Uint64(seed[:]), 0)).Float64()
		}
	}
	return seconds(wait)
}

// caught leads the frame to a catcher's state.
func (r *run) caught(f *frame, c catcher, e *TaskError) error {
	v, err := r.visit(f)
	if err != nil {
		return err
	}
	report := map[string]any{"Error": e.Name, "Cause": e.Cause}
	vars, err := v.assigned(c.assign, report)
	if err != nil {
		return err
	}
	output, err := v.combined(c.resultPath, report)
	if err != nil {
		return err
	}
	data := encode(output)
	if len(data) > MaxPayload {
		return fail(errDataLimit, "The caught error makes the output larger than %d bytes.", MaxPayload)
	}
	if err := f.set(vars); err != nil {
		return err
	}
	r.move(f, data, c.next)
	return nil
}

// failFlow ends a flow with an error: the execution, or a branch or iteration.
func (r *run) failFlow(f *frame, e *TaskError) {
	if f.parent == nil {
		r.finish(Failed, nil, e)
		return
	}
	f.Phase, f.Failure, f.Input, f.Vars = phaseDone, e, nil, nil
	r.kidDone(f, e)
}

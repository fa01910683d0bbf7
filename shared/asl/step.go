package asl

import (
	"encoding/json"
	"errors"
	"time"
)

// visit is one look at a state by a frame: the decoded input, and what expressions can see.
type visit struct {
	f     *frame
	s     *state
	raw   any // the state's input
	input any // after InputPath
	scope *scope
}

// step moves a frame as far as it gets without waiting for anything.
func (r *run) step(f *frame) {
	s := f.state()
	r.touch(f)
	if f.Phase == phaseEnter {
		f.Entered, f.Tries, f.Phase = r.clock.now(), nil, phaseRun
		r.emit(f, string(s.kind)+"StateEntered", eventDetail{Input: f.Input})
	}
	v, err := r.visit(f)
	if err == nil {
		err = r.execute(v)
	}
	if err != nil {
		r.failState(f, asTaskError(err))
	}
	if r.full && r.end == nil {
		r.finish(Failed, nil, fail(errRuntime, "The execution reached the maximum number of history events (%d).", MaxEvents))
	}
}

func asTaskError(err error) *TaskError {
	var t *TaskError
	if errors.As(err, &t) {
		return t
	}
	return fail(errRuntime, "%s", err)
}

// visit decodes the input and applies InputPath.
func (r *run) visit(f *frame) (*visit, error) {
	raw, err := decode(f.Input)
	if err != nil {
		return nil, err
	}
	v := &visit{f: f, s: f.state(), raw: raw, input: raw}
	v.scope = &scope{input: raw, context: func() any { return r.contextObject(f) }, lookup: f.variable, random: r.random}
	if v.input, err = v.selected(v.s.inputPath, raw); err != nil {
		return nil, err
	}
	v.scope = v.over(v.input)
	return v, nil
}

// over gives the scope with another value as $.
func (v *visit) over(input any) *scope {
	s := *v.scope
	s.input = input
	return &s
}

// selected applies InputPath or OutputPath.
func (v *visit) selected(sel *selector, value any) (any, error) {
	switch {
	case sel == nil:
		return value, nil
	case sel.null:
		return map[string]any{}, nil
	}
	return v.over(value).get(sel.path)
}

// shaped evaluates a template over a value; without one it is the value.
func (v *visit) shaped(t expression, value any) (any, error) {
	if t == nil {
		return value, nil
	}
	return t.eval(v.over(value))
}

// contextObject makes what $$ shows.
func (r *run) contextObject(f *frame) any {
	const account = "arn:aws:states:local:000000000000:"
	input, _ := decode(r.input)
	object := map[string]any{
		"Execution": map[string]any{
			"Id": account + "execution:" + r.key.Machine + ":" + r.key.Name, "Name": r.key.Name, "Input": input,
			"StartTime": stamp(r.started), "RoleArn": "arn:aws:iam::000000000000:role/" + r.key.Machine, "RedriveCount": int64(0),
		},
		"StateMachine": map[string]any{"Id": account + "stateMachine:" + r.key.Machine, "Name": r.key.Machine},
		"State":        map[string]any{"Name": f.State, "EnteredTime": stamp(f.Entered), "RetryCount": int64(f.retries())},
	}
	if it := f.innermost(); it != nil {
		value, _ := decode(it.Value)
		object["Map"] = map[string]any{"Item": map[string]any{"Index": int64(it.Index), "Value": value}}
	}
	return object
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// execute does the work of a state, or as much as can be done now.
func (r *run) execute(v *visit) error {
	switch v.s.kind {
	case kindPass:
		result, err := v.shaped(v.s.parameters, v.input)
		if err == nil && v.s.result != nil {
			result, err = v.s.result.eval(v.scope)
		}
		if err != nil {
			return err
		}
		return r.leave(v, result)
	case kindChoice:
		return r.choose(v)
	case kindWait:
		return r.wait(v)
	case kindSucceed:
		return r.exit(v, v.input, nil, "")
	case kindFail:
		return v.failure()
	case kindTask:
		return r.schedule(v)
	default:
		return r.spread(v)
	}
}

// choose follows the first rule that holds.
func (r *run) choose(v *visit) error {
	for _, rule := range v.s.choices {
		ok, err := rule.when.holds(v.scope)
		if err != nil {
			return err
		}
		if ok {
			vars, err := v.assigned(rule.assign, v.input)
			if err != nil {
				return err
			}
			return r.exit(v, v.input, vars, rule.next)
		}
	}
	if v.s.next == "" {
		return fail(errNoChoice, "No rule of the state '%s' holds, and it has no Default.", v.s.name)
	}
	vars, err := v.assigned(v.s.assign, v.input)
	if err != nil {
		return err
	}
	return r.exit(v, v.input, vars, v.s.next)
}

// wait sets the time to go on at, or goes on when it has come.
func (r *run) wait(v *visit) error {
	if v.f.Phase != phaseWait {
		until, err := r.waitUntil(v)
		if err != nil {
			return err
		}
		v.f.Phase, v.f.Until = phaseWait, until
	}
	if v.f.Until.After(r.clock.now()) {
		r.sleepers[v.f] = struct{}{}
		return nil
	}
	vars, err := v.assigned(v.s.assign, v.input)
	if err != nil {
		return err
	}
	return r.exit(v, v.input, vars, v.s.next)
}

func (r *run) waitUntil(v *visit) (time.Time, error) {
	if e := v.s.wait.seconds; e != nil {
		found, err := e.eval(v.scope)
		if err != nil {
			return time.Time{}, err
		}
		n, ok := wholeSeconds(found)
		if !ok {
			return time.Time{}, fail(errRuntime, "A Wait needs a whole number of seconds between 0 and 99999999, not %s.", clip(encode(found)))
		}
		return r.clock.now().Add(time.Duration(n) * time.Second), nil
	}
	found, err := v.s.wait.timestamp.eval(v.scope)
	if err != nil {
		return time.Time{}, err
	}
	text, _ := found.(string)
	at, ok := timestamp(text)
	if !ok {
		return time.Time{}, fail(errRuntime, "A Wait needs a timestamp such as 2026-11-22T08:00:00Z, not %s.", clip(encode(found)))
	}
	return at, nil
}

// failure evaluates a Fail state.
func (v *visit) failure() error {
	out := &TaskError{}
	for _, field := range []struct {
		target *string
		value  expression
	}{{&out.Name, v.s.failure.name}, {&out.Cause, v.s.failure.cause}} {
		if field.value == nil {
			continue
		}
		found, err := field.value.eval(v.scope)
		if err != nil {
			return err
		}
		text, ok := found.(string)
		if !ok {
			return fail(errRuntime, "The error and the cause of a Fail must be strings, not %s.", clip(encode(found)))
		}
		*field.target = text
	}
	return out
}

// leave is the way out of a state that made a result: ResultPath, OutputPath, Assign.
func (r *run) leave(v *visit, result any) error {
	vars, err := v.assigned(v.s.assign, result)
	if err != nil {
		return err
	}
	output, err := v.combined(v.s.resultPath, result)
	if err != nil {
		return err
	}
	return r.exit(v, output, vars, v.s.next)
}

// combined applies ResultPath: it puts the result into the state's input.
func (v *visit) combined(target *selector, result any) (any, error) {
	switch {
	case target == nil:
		return result, nil
	case target.null:
		return v.raw, nil
	}
	output, ok := put(v.raw, target.path.steps, result)
	if !ok {
		return nil, fail(errResultPath, "The result cannot be put at '%s' of the input '%s'.", target.path.text, clip(v.f.Input))
	}
	return output, nil
}

// assigned evaluates Assign; nothing is set before the state is left.
func (v *visit) assigned(assign expression, over any) (map[string]any, error) {
	if assign == nil {
		return nil, nil
	}
	found, err := assign.eval(v.over(over))
	if err != nil {
		return nil, err
	}
	return found.(map[string]any), nil
}

// exit applies OutputPath, sets the variables and goes on to the next state, or ends the flow.
func (r *run) exit(v *visit, output any, vars map[string]any, next string) error {
	if v.s.outputPath != nil {
		var err error
		if output, err = v.selected(v.s.outputPath, output); err != nil {
			return err
		}
	}
	data := encode(output)
	if len(data) > MaxPayload {
		return fail(errDataLimit, "The state '%s' returned %d bytes; at most %d may be passed on.", v.s.name, len(data), MaxPayload)
	}
	if err := v.f.set(vars); err != nil {
		return err
	}
	r.move(v.f, data, next)
	return nil
}

// set stores variables; the limit is the cloud's for one execution's variables.
func (f *frame) set(vars map[string]any) error {
	const most = 10 << 20
	if len(vars) == 0 {
		return nil
	}
	next, total := make(map[string]json.RawMessage, len(f.Vars)+len(vars)), 0
	for k, raw := range f.Vars {
		next[k] = raw
	}
	for k, value := range vars {
		if next[k] = encode(value); len(next[k]) > MaxPayload {
			return fail(errDataLimit, "The variable '%s' has more than %d bytes.", k, MaxPayload)
		}
	}
	for _, raw := range next {
		total += len(raw)
	}
	if total > most {
		return fail(errDataLimit, "The variables have more than %d bytes together.", most)
	}
	f.Vars = next
	return nil
}

// move puts a frame into its next state, or ends its flow.
func (r *run) move(f *frame, output json.RawMessage, next string) {
	r.emit(f, string(f.state().kind)+"StateExited", eventDetail{Output: output})
	f.Call, f.Tries, f.Until = nil, nil, time.Time{}
	if next != "" {
		f.State, f.Phase, f.Input = next, phaseEnter, output
		r.ready = append(r.ready, f)
		return
	}
	if f.parent == nil {
		r.finish(Succeeded, output, nil)
		return
	}
	f.Phase, f.Output, f.Input, f.Vars = phaseDone, output, nil, nil
	r.kidDone(f, nil)
}

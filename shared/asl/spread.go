package asl

import (
	"math"
	"strconv"
)

// spreadPlan is what a Map or a Parallel works out when it starts. It is worked out again after a restart: from the same
// input and the same variables comes the same plan.
type spreadPlan struct {
	visit     *visit
	input     any   // of the branches, and $ of the ItemSelector
	items     []any // Map only
	width     int   // branches or iterations in all
	atOnce    int
	tolerateN float64 // failures that do not fail the Map
	tolerateP float64 // the same in percent
}

// How many iterations run at the same time when the definition does not say less.
const (
	mostInline      = 40
	mostDistributed = 1000
)

// spread starts the branches of a Parallel or the iterations of a Map.
func (r *run) spread(v *visit) error {
	f := v.f
	r.dropKids(f)
	r.emit(f, string(v.s.kind)+"StateStarted", eventDetail{})
	plan, err := v.planned()
	if err != nil {
		return err
	}
	if v.s.spread.distributed {
		r.emit(f, "MapRunStarted", eventDetail{})
	}
	f.plan, f.Phase = plan, phaseSpread
	if plan.width == 0 {
		return r.gather(f)
	}
	return r.fill(f)
}

func (v *visit) planned() (*spreadPlan, error) {
	input := v.input
	if v.s.kind == kindParallel {
		var err error
		if input, err = v.shaped(v.s.parameters, input); err != nil {
			return nil, err
		}
		return &spreadPlan{visit: v, input: input, width: len(v.s.flows), atOnce: len(v.s.flows)}, nil
	}
	spec := v.s.spread
	p := &spreadPlan{visit: v, input: input, atOnce: mostInline}
	if spec.distributed {
		p.atOnce = mostDistributed
	}
	found := input
	if spec.items != nil {
		var err error
		if found, err = v.scope.get(spec.items); err != nil {
			return nil, err
		}
	}
	items, ok := found.([]any)
	if !ok {
		return nil, fail(errRuntime, "A Map needs an array of items, not %s.", clip(encode(found)))
	}
	p.items, p.width = items, len(items)
	return p, p.limits(v, spec)
}

// limits reads MaxConcurrency and the tolerated failures.
func (p *spreadPlan) limits(v *visit, spec mapSpec) error {
	atOnce, err := v.bounded(spec.concurrency, "MaxConcurrency", math.MaxInt32, 0, true)
	if err != nil {
		return err
	}
	if atOnce > 0 {
		p.atOnce = min(p.atOnce, int(atOnce))
	}
	otherwiseN, otherwiseP := 0.0, 0.0
	if spec.toleratedPart != nil {
		otherwiseN = math.Inf(1)
	}
	if spec.toleratedN != nil {
		otherwiseP = 100
	}
	if p.tolerateN, err = v.bounded(spec.toleratedN, "ToleratedFailureCount", math.MaxInt32, otherwiseN, true); err != nil {
		return err
	}
	p.tolerateP, err = v.bounded(spec.toleratedPart, "ToleratedFailurePercentage", 100, otherwiseP, false)
	return err
}

// bounded evaluates a number between 0 and most; as in the cloud it may also be the text of a number.
func (v *visit) bounded(e expression, what string, most, otherwise float64, integer bool) (float64, error) {
	if e == nil {
		return otherwise, nil
	}
	found, err := e.eval(v.scope)
	if err != nil {
		return 0, err
	}
	n, ok := toFloat(found)
	if s, isText := found.(string); isText {
		n, err = strconv.ParseFloat(s, 64)
		ok = err == nil
	}
	if !ok || math.IsNaN(n) || n < 0 || n > most || integer && n != math.Trunc(n) {
		return 0, fail(errRuntime, "%s must be a number between 0 and %v, not %s.", what, most, clip(encode(found)))
	}
	return n, nil
}

// planOf gives the plan of a spreading frame, worked out again after a restart.
func (r *run) planOf(f *frame) (*spreadPlan, error) {
	if f.plan != nil {
		return f.plan, nil
	}
	v, err := r.visit(f)
	if err != nil {
		return nil, err
	}
	f.plan, err = v.planned()
	return f.plan, err
}

// fill starts as many branches or iterations as may run at the same time.
func (r *run) fill(f *frame) error {
	plan, err := r.planOf(f)
	if err != nil {
		return err
	}
	running := 0
	for _, k := range f.kids {
		if k.Phase != phaseDone {
			running++
		}
	}
	for ; len(f.kids) < plan.width && running < plan.atOnce; running++ {
		if err := r.begin(f, plan, len(f.kids)); err != nil {
			return err
		}
	}
	return nil
}

// begin starts one branch or iteration.
func (r *run) begin(f *frame, plan *spreadPlan, i int) error {
	s := f.state()
	k := &frame{path: f.kidPath(i), parent: f, flow: s.flowOf(i), Phase: phaseEnter}
	input := plan.input
	if s.kind == kindMap {
		input = plan.items[i]
		k.Item = &item{Index: i, Value: encode(input)}
		if s.spread.selector != nil {
			sc := *plan.visit.scope
			sc.context = func() any { return r.contextObject(k) }
			var err error
			k.State = f.State // until it enters its first state, $$.State is the Map's
			if input, err = s.spread.selector.eval(&sc); err != nil {
				return err
			}
		}
	}
	k.State, k.Input = k.flow.startAt, encode(input)
	if len(k.Input) > MaxPayload {
		return fail(errDataLimit, "The input of iteration %d has more than %d bytes.", i, MaxPayload)
	}
	f.kids = append(f.kids, k)
	if s.kind == kindMap && !s.spread.distributed {
		r.emit(f, "MapIterationStarted", eventDetail{Index: &i})
	}
	r.touch(k)
	r.ready = append(r.ready, k)
	return nil
}

// kidDone is told that a branch or an iteration ended, with an error or without one.
func (r *run) kidDone(k *frame, e *TaskError) {
	f := k.parent
	r.touch(k)
	if !f.state().spread.distributed {
		i := k.index()
		switch {
		case f.state().kind != kindMap:
		case e == nil:
			r.emit(f, "MapIterationSucceeded", eventDetail{Index: &i})
		default:
			r.emit(f, "MapIterationFailed", eventDetail{Index: &i, Error: e.Name, Cause: e.Cause})
		}
		if e != nil {
			r.touch(f)
			r.failState(f, e)
			return
		}
	}
	if err := r.progress(f); err != nil {
		r.touch(f)
		r.failState(f, asTaskError(err))
	}
}

// progress starts what may start now that another branch or iteration is done, or ends the state.
func (r *run) progress(f *frame) error {
	plan, err := r.planOf(f)
	if err != nil {
		return err
	}
	done, failed := 0, 0
	for _, k := range f.kids {
		if k.Phase == phaseDone {
			done++
		}
		if k.Failure != nil {
			failed++
		}
	}
	if n := float64(failed); n > plan.tolerateN || n/float64(max(plan.width, 1))*100 > plan.tolerateP && failed > 0 {
		r.emit(f, "MapRunFailed", eventDetail{Error: errTooManyFails})
		return fail(errTooManyFails, "%d of %d iterations failed, more than the Map tolerates.", failed, plan.width)
	}
	if done == plan.width {
		return r.gather(f)
	}
	return r.fill(f)
}

// gather collects the outputs, in order, and leaves the state. Tolerated failures have no output.
func (r *run) gather(f *frame) error {
	results := []any{}
	for _, k := range f.kids {
		if k.Failure != nil {
			continue
		}
		v, err := decode(k.Output)
		if err != nil {
			return err
		}
		results = append(results, v)
	}
	if f.state().spread.distributed {
		r.emit(f, "MapRunSucceeded", eventDetail{})
	}
	r.dropKids(f)
	r.touch(f)
	v, err := r.visit(f)
	if err != nil {
		return err
	}
	r.emit(f, string(v.s.kind)+"StateSucceeded", eventDetail{})
	return r.conclude(v, results)
}

// conclude applies ResultSelector to the raw result of a Task, Map or Parallel, and leaves the state.
func (r *run) conclude(v *visit, raw any) error {
	result, err := v.shaped(v.s.resultSelector, raw)
	if err != nil {
		return err
	}
	return r.leave(v, result)
}

package interpret

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
)

// verdict is how a run ended.
type verdict struct {
	state   ray.RunState
	outputs []ray.Output
	reads   []json.RawMessage
	failure *ray.Failure
	seconds float64 // of the run itself, by the runner's clock
	first   time.Time
}

// follow copies a run's events to the job's log until the run is terminal. It returns nil when the step's budget is up first.
// It stops the run when the job is asked to stop, and when the run overstays its limit: a runner that does not obey loses
// its place.
func (s *Steps) follow(ctx context.Context, j *job.Job, rec *job.Run, p *place, limit time.Duration) (*verdict, error) {
	budget := time.Now().Add(s.set.StepBudget)
	limited, cancelLimit := context.WithDeadlineCause(ctx, rec.Started.Add(limit+s.set.StopGrace), errOverstayed)
	defer cancelLimit()
	watched, cancel := s.untilStopped(limited, j)
	defer cancel()
	polled, fail := context.WithCancelCause(watched)
	c := s.copyTo(ctx, j, rec, fail)
	defer c.close()
	v, seen := &verdict{}, int64(0)
	for {
		next, state, err := p.runner.Events(polled, rec.ID, seen, func(e ray.Event) error {
			v.take(e)
			return c.add(e)
		})
		idle := next == seen
		seen, v.state = next, state
		cerr := c.flush()
		switch {
		case errors.Is(cerr, job.ErrSuperseded): // the job ended meanwhile, or moved on: its run must not go on alone
			return s.halt(ctx, rec, p, errGone)
		case cerr != nil:
			return nil, cerr // of our own store: the run is not to blame
		}
		switch {
		case v.state.Terminal():
			return v, nil
		case watched.Err() != nil && ctx.Err() == nil:
			return s.halt(ctx, rec, p, context.Cause(watched))
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			return nil, lost(err)
		case time.Now().After(budget):
			return nil, nil
		}
		if idle {
			breathe(watched)
		}
	}
}

// breathe keeps a runner that answers at once with nothing from being asked without a pause.
func breathe(ctx context.Context) {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

var errOverstayed = errors.New("the run overstayed its limit")

// lost sorts an error of a runner: one that is away, or does not know the run any more, has lost it.
func lost(err error) error {
	if fault.Is(err, fault.Unavailable) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Timeout) || errors.Is(err, ray.ErrProtocol) {
		return errLost
	}
	return err
}

// halt stops a run; when it does not stop in the grace time its place is discarded.
func (s *Steps) halt(ctx context.Context, rec *job.Run, p *place, why error) (*verdict, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.set.StopGrace)
	defer cancel()
	v := &verdict{}
	status, err := p.runner.Stop(ctx, rec.ID)
	for err == nil && !status.State.Terminal() {
		_, status.State, err = p.runner.Events(ctx, rec.ID, 0, func(ray.Event) error { return nil })
	}
	p.stubborn = !status.State.Terminal()
	switch {
	case errors.Is(why, errOverstayed):
		v.state = ray.TimedOut
	case errors.Is(why, errGone):
		return nil, job.ErrSuperseded
	default:
		v.state = ray.Stopped
	}
	v.seconds = s.now().Sub(rec.Started).Seconds()
	return v, nil
}

// take keeps what a verdict needs of an event.
func (v *verdict) take(e ray.Event) {
	if v.first.IsZero() {
		v.first = e.Time
	}
	v.seconds = max(0, e.Time.Sub(v.first).Seconds())
	switch e.Type {
	case "output":
		var o ray.Output
		if json.Unmarshal(e.Data, &o) == nil && len(v.outputs) < maxOutputs {
			v.outputs = append(v.outputs, o)
		}
	case "read":
		if len(v.reads) < 1000 {
			v.reads = append(v.reads, e.Data)
		}
	case "failure":
		var f ray.Failure
		if json.Unmarshal(e.Data, &f) == nil {
			v.failure = &f
		}
	}
}

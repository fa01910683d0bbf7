package interpret

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
)

// Finish ends the job: one conditional write of status, failure and result. A job that has ended, or that another attempt
// took over, stays as it is.
func (s *Steps) Finish(ctx context.Context, st State) (State, error) {
	attempt := st.Attempt
	if st.Error != nil || st.Status == "" {
		st = unforeseen(st)
		attempt = 0 // the attempt that the state machine knows may be an older one: the step failed on its way
	}
	j, err := s.jobs.Get(ctx, st.Owner, st.JobID)
	if fault.Is(err, fault.NotFound) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if attempt == 0 && !j.Status.Terminal() {
		s.abandon(ctx, j)
	}
	var result *job.Result
	if st.Result != "" {
		result = &job.Result{Ref: st.Result}
	}
	ended, err := s.jobs.End(ctx, st.Owner, st.JobID, attempt, st.Status, st.Failure, result)
	if err != nil && !errors.Is(err, job.ErrSuperseded) {
		return st, err
	}
	s.cells.Release(j.SessionID, j.ID) // also of a job that somebody else ended: nobody works on it after this step
	if err == nil {
		err = s.tell(ctx, ended)
	}
	if errors.Is(err, job.ErrSuperseded) {
		err = nil
	}
	return st, err
}

// abandon stops what still runs for a job whose step failed on our side: nobody follows it any more.
func (s *Steps) abandon(ctx context.Context, j *job.Job) {
	for _, step := range []job.Step{job.Validate, job.Running} {
		rec, err := s.jobs.FindRun(ctx, j, j.RunID(step))
		if err != nil || rec.Settled || rec.Void {
			continue
		}
		brief, cancel := context.WithTimeout(ctx, s.set.StopGrace)
		p, err := s.place(brief, j, step, rec, false)
		cancel()
		if err != nil {
			continue // it is gone, and the run with it
		}
		if _, err := s.halt(ctx, &rec, p, errStopRequested); (err != nil || p.stubborn) && p.cell != nil {
			s.cells.Discard(j.SessionID, "a run that nobody follows did not stop")
		}
	}
}

// tell publishes the end. It comes after the end is written: a crash in between repeats the step, and the event with it.
func (s *Steps) tell(ctx context.Context, j *job.Job) error {
	if s.publish == nil {
		return nil
	}
	name, detail := j.Ended()
	return s.publish.Publish(ctx, name, detail)
}

// unforeseen ends a job whose step failed on our side, in the attempt that the state machine knows.
func unforeseen(st State) State {
	name := ""
	if st.Error != nil {
		name = st.Error.Error
	}
	f := &job.Failure{Class: "internal", Message: words("internal"), Name: name}
	switch fault.Code(name) {
	case fault.Unavailable:
		f = &job.Failure{Class: "unavailable", Message: "A part of the system did not answer. Nothing was lost: ask again in a moment."}
	case fault.Throttled:
		f = &job.Failure{Class: "throttled", Message: words("throttled")}
	case fault.Timeout, "States.Timeout":
		f = &job.Failure{Class: "timeout", Message: words("timeout")}
	}
	st.Status, st.Failure, st.Error = job.Failed, f, nil
	return st
}

// mendable says which classes are worth another program.
func mendable(class string) bool {
	return class == "code" || class == "unknown_column" || class == "unknown_name"
}

// explain makes the failure of an attempt out of a run's own account.
func explain(v *verdict, limit time.Duration) *job.Failure {
	if v.state == ray.TimedOut {
		return &job.Failure{Class: "timeout", Message: fmt.Sprintf("The program was stopped after its time limit of %d seconds. "+
			"Check it for a loop without an end, or give the job more time.", int(limit.Seconds()))}
	}
	if v.failure == nil {
		return &job.Failure{Class: "internal", Message: words("internal")}
	}
	f := v.failure
	out := &job.Failure{Class: f.Class, Name: f.Name, Value: clip(f.Value, 4<<10), Traceback: tail(f.Traceback, 8<<10), Line: f.Line,
		Column: f.Column, Wrong: clip(f.Wrong, 200), Nearest: f.Nearest}
	out.Message = words(f.Class)
	switch {
	case f.Class == "unknown_column" && f.Wrong != "":
		out.Message = missingName("column", f)
	case f.Class == "unknown_name" && f.Wrong != "":
		out.Message = missingName("name", f)
	case f.Class == "code" && f.Line > 0:
		out.Message = fmt.Sprintf("The program failed in line %d: %s: %s", f.Line, f.Name, clip(f.Value, 300))
	case f.Class == "policy", f.Class == "missing_data", f.Class == "code":
		out.Message = clip(f.Value, 600)
	}
	return out
}

// missingName says which name does not exist, and which do.
func missingName(what string, f *ray.Failure) string {
	text := fmt.Sprintf("There is no %s %q", what, clip(f.Wrong, 100))
	if f.Line > 0 {
		text += fmt.Sprintf(" (line %d)", f.Line)
	}
	if len(f.Nearest) == 0 {
		return text + "."
	}
	near := make([]string, 0, 3)
	for _, name := range f.Nearest[:min(3, len(f.Nearest))] {
		near = append(near, strconv.Quote(clip(name, 100)))
	}
	return text + ". The nearest that exist: " + strings.Join(near, ", ") + "."
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

// words is the plain sentence of a failure class: what happened, and what to do.
func words(class string) string {
	switch class {
	case "out_of_memory":
		return "The program needed more memory than it has. Read fewer columns, aggregate earlier, or run it on the cluster."
	case "lost_worker":
		return "The place where the program ran was lost several times. Try again; if it stays, the program may use too much memory."
	case "throttled":
		return "The model is busy. Try again in a minute, or choose another model."
	case "timeout":
		return "It took too long. Try again, or ask for less."
	case "denied":
		return "Access was denied. Ask your operator for the right to use it."
	case "missing_data":
		return "The program reads data that this job does not have."
	case "policy":
		return "The program does something that is not allowed."
	case "code":
		return "The program failed."
	default:
		return "Something went wrong on our side. Try again; if it stays, give the job id to your operator."
	}
}

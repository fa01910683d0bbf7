package interpret

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/ray"
	"github.com/orcray/orcray/shared/table"
)

// Validate proves the current program on the samples, in the session's cell.
func (s *Steps) Validate(ctx context.Context, st State) (State, error) {
	j, over, err := s.open(ctx, st)
	if err != nil || over {
		st.Next = End
		return st, err
	}
	a, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, st.Attempt)
	if err != nil {
		return st, err
	}
	if a.Verdict != "" {
		return afterValidate(st, j, a), nil // settled before a crash
	}
	if st, done, err := s.enter(ctx, st, j, job.Validate); done {
		return st, err
	}
	limit := time.Duration(j.Limits.ValidateSeconds) * time.Second
	v, p, err := s.attend(ctx, j, job.Validate, ray.Validate, limit)
	if st, done, err := s.unsettled(ctx, st, j, v, p, err); done {
		return st, err
	}
	a.Verdict, a.Finished, a.Place = verdictWord(v.state), s.now(), job.Cell
	if v.state != ray.Succeeded {
		a.Failure = explain(v, limit)
	}
	j, err = s.settle(ctx, j, a, v)
	if err != nil {
		return s.superseded(ctx, st, err)
	}
	return afterValidate(st, j, a), nil
}

func (s *Steps) settle(ctx context.Context, j *job.Job, a job.Attempt, v *verdict) (*job.Job, error) {
	w, err := s.jobs.Store().SaveAttempt(j.Owner, j.ID, a)
	if err != nil {
		return nil, err
	}
	return s.jobs.SettleRun(ctx, j, j.RunID(job.Validate), func(j *job.Job) ([]table.Write, error) {
		j.Iterations++
		j.Cost.RunSeconds += v.seconds
		if v.state == ray.Succeeded {
			j.Validated = a.Hash
		}
		return []table.Write{w}, nil
	})
}

// afterValidate decides: a program that passed is executed, a program with a mistake is mended while there are tries left.
func afterValidate(st State, j *job.Job, a job.Attempt) State {
	switch {
	case a.Verdict == passedVerdict && j.Check:
		st.Next, st.Status = End, job.Completed
	case a.Verdict == passedVerdict:
		st.Next = ToExecute
	case a.Verdict == lostVerdict:
		return st.onward()
	case a.Verdict == string(ray.Stopped):
		return st.fail(job.Cancelled, nil)
	case a.Verdict == string(ray.TimedOut):
		return st.fail(job.TimedOut, a.Failure)
	case mendable(a.Failure.Class) && j.Kind == job.Interpret && j.Iterations < job.MaxValidations:
		st.Next = ToFix
	default:
		return st.fail(job.Failed, a.Failure)
	}
	return st
}

// onward goes on with the attempt that took the place of a lost one.
func (st State) onward() State {
	st.Attempt, st.Next = st.Attempt+1, Poll
	return st
}

// enter says in the log that a step begins, unless the job is to stop; a repeated call says nothing, and its run is stopped
// where it is.
func (s *Steps) enter(ctx context.Context, st State, j *job.Job, step job.Step) (State, bool, error) {
	if j.Step == step {
		return st, false, nil
	}
	if j.StopRequested {
		return st.fail(job.Cancelled, nil), true, nil
	}
	entered, err := s.jobs.Advance(ctx, j.Owner, j.ID, j.Attempt, func(j *job.Job) ([]table.Write, error) {
		j.Step, j.Entered = step, s.now()
		return nil, nil
	}, status(step, j.Attempt))
	if err != nil {
		st, err = s.superseded(ctx, st, err)
		return st, true, err
	}
	*j = *entered
	return st, false, nil
}

// unsettled deals with a run that has no verdict: it goes on, was lost with its place, or could not be placed.
func (s *Steps) unsettled(ctx context.Context, st State, j *job.Job, v *verdict, p *place, err error) (State, bool, error) {
	if p != nil && p.cell != nil && (p.stubborn || v != nil && v.state != ray.Succeeded && v.state != ray.Failed) {
		s.cells.Discard(j.SessionID, "a run did not end by itself")
	}
	switch {
	case errors.Is(err, errLost):
		if p != nil && p.cell != nil {
			s.cells.Discard(j.SessionID, "the cell does not answer")
		}
		st, err = s.again(ctx, st, j)
		return st, true, err
	case errors.Is(err, errStopRequested):
		return st.fail(job.Cancelled, nil), true, nil
	case errors.Is(err, errNoCell):
		return st.fail(job.Failed, &job.Failure{Class: "unavailable", Message: fmt.Sprintf("No cell became free in %d minutes. Nothing was lost: ask again later.",
			int(s.set.MaxWait.Minutes()))}), true, nil
	case errors.Is(err, errNoCluster):
		return st.fail(job.Failed, &job.Failure{Class: "unavailable", Message: fmt.Sprintf("The cluster did not start in %d minutes. Nothing was lost: ask again later.",
			int(s.set.MaxWait.Minutes()))}), true, nil
	case errors.Is(err, errMissingData):
		return st.fail(job.Failed, &job.Failure{Class: "missing_data", Message: "A file that this job reads was removed from the session, or replaced since it was looked at. Upload it again and ask again."}), true, nil
	case errors.Is(err, job.ErrSuperseded):
		st, err = s.superseded(ctx, st, err)
		return st, true, err
	case fault.Is(err, fault.Unprocessable), fault.Is(err, fault.Invalid), fault.Is(err, fault.TooLarge):
		return st.fail(job.Failed, &job.Failure{Class: "policy", Message: fault.MessageOf(err)}), true, nil
	case err != nil:
		return st, true, err
	case v == nil:
		st.Next = Poll
		return st, true, nil
	}
	return st, false, nil
}

// again gives a lost run another attempt with the same program: the lost one can never write again.
func (s *Steps) again(ctx context.Context, st State, j *job.Job) (State, error) {
	if j.Lost >= job.MaxLost {
		return st.fail(job.Failed, &job.Failure{Class: "lost_worker", Message: words("lost_worker")}), nil
	}
	a, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, j.Attempt)
	if err != nil {
		return st, err
	}
	under := j.Attempt
	next := a
	a.Verdict, a.Finished = lostVerdict, s.now()
	void, err := s.void(ctx, j)
	if err != nil {
		return st, err
	}
	lostWrite, err := s.jobs.Store().SaveAttempt(j.Owner, j.ID, a)
	if err != nil {
		return st, err
	}
	next.Number, next.Started, next.Diff, next.Change = under+1, s.now(), "", ""
	next.Origin, next.Verdict, next.Failure, next.Finished = "rerun", "", nil, time.Time{}
	nextWrite, err := s.jobs.Store().SaveAttempt(j.Owner, j.ID, next)
	if err != nil {
		return st, err
	}
	_, err = s.jobs.Advance(ctx, j.Owner, j.ID, under, func(j *job.Job) ([]table.Write, error) {
		j.Attempt, j.Lost, j.Step = next.Number, j.Lost+1, ""
		return append(void, lostWrite, nextWrite), nil
	}, job.Draft{Type: "status", Data: job.StatusData{Status: job.Processing, Attempt: next.Number, Note: "the run was lost with its place and starts again"}})
	if err != nil {
		return s.superseded(ctx, st, err)
	}
	return st.onward(), nil
}

// void makes the writes after which nobody copies events of the current attempt's runs any more, however late they wake up.
func (s *Steps) void(ctx context.Context, j *job.Job) ([]table.Write, error) {
	var writes []table.Write
	for _, step := range []job.Step{job.Validate, job.Running} {
		rec, err := s.jobs.FindRun(ctx, j, j.RunID(step))
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		w, err := s.jobs.Void(j, rec)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// The verdicts that are not states of a run.
const (
	passedVerdict = "passed"
	lostVerdict   = "lost"
)

func verdictWord(state ray.RunState) string {
	if state == ray.Succeeded {
		return passedVerdict
	}
	return string(state)
}

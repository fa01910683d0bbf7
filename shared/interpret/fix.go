package interpret

import (
	"context"
	"fmt"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
)

// Fix makes the next program out of one that failed: a wrong name is mended without a model where there is no doubt, everything
// else is the model's work, with the code and the real traceback.
func (s *Steps) Fix(ctx context.Context, st State) (State, error) {
	j, over, err := s.open(ctx, st)
	if err != nil || over {
		st.Next = End
		return st, err
	}
	if j.Attempt > st.Attempt {
		st.Attempt, st.Next = j.Attempt, ToValidate // mended before a crash
		return st, nil
	}
	if j.StopRequested {
		return st.fail(job.Cancelled, nil), nil
	}
	failed, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, j.Attempt)
	if err != nil {
		return st, err
	}
	if failed.Failure == nil {
		return st, fault.New(fault.Internal, "attempt %d of job %s has nothing to fix", j.Attempt, j.ID)
	}
	next := job.Attempt{Number: j.Attempt + 1, Started: s.now()}
	if code, change, ok := mend(failed); ok {
		next.Code, next.Origin, next.Change = code, "repair", change
	} else {
		code, failure, err := s.ask(ctx, j, job.Fix, &codegen.Attempt{Number: failed.Number, Code: failed.Code,
			Class: failed.Failure.Class, Traceback: traceback(failed.Failure)})
		if err != nil {
			return s.superseded(ctx, st, err)
		}
		if failure != nil {
			return s.unmended(st, failed, failure), nil
		}
		next.Code, next.Origin = code, "model"
	}
	next.Hash = job.HashCode(next.Code)
	switch err := s.record(ctx, j, j.Attempt, next, &failed); {
	case fault.Is(err, fault.TooLarge):
		return s.unmended(st, failed, tooLong()), nil
	case err != nil:
		return s.superseded(ctx, st, err)
	}
	st.Attempt, st.Next = next.Number, ToValidate
	return st, nil
}

// unmended ends a job whose program could not be mended: what the person needs to hear is why the program failed.
func (s *Steps) unmended(st State, failed job.Attempt, why *job.Failure) State {
	if why.Class == "stopped" {
		return st.fail(job.Cancelled, nil)
	}
	f := *failed.Failure
	f.Message = fmt.Sprintf("%s It could not be repaired: %s", f.Message, why.Message)
	return st.fail(job.Failed, &f)
}

func mend(a job.Attempt) (code, change string, ok bool) {
	f := a.Failure
	if a.Origin == "repair" || f.Wrong == "" || (f.Class != "unknown_column" && f.Class != "unknown_name") {
		return "", "", false
	}
	return codegen.FixName(a.Code, codegen.Missing{Column: f.Class == "unknown_column", Wrong: f.Wrong, Nearest: f.Nearest, Line: f.Line})
}

func traceback(f *job.Failure) string {
	if f.Traceback != "" {
		return f.Traceback
	}
	return f.Name + ": " + f.Value
}

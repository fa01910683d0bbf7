package interpret

import (
	"context"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
)

var (
	errStopRequested = errors.New("the job was asked to stop")
	errGone          = errors.New("the job has ended, or another attempt took it over")
)

// lookAgain is how often a step looks at its job without being told to: notices can be lost.
const lookAgain = time.Second

// untilStopped gives a context that ends when the job is asked to stop, ends, or moves on to another attempt; its cause says
// which. The caller must call cancel.
func (s *Steps) untilStopped(ctx context.Context, j *job.Job) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	changed, stop := s.notify.Watch(j.ID)
	go func() {
		defer stop()
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		for {
			if why := s.mustStop(ctx, j); why != nil {
				cancel(why)
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			case <-tick.C:
			}
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

func (s *Steps) mustStop(ctx context.Context, j *job.Job) error {
	now, err := s.jobs.Get(ctx, j.Owner, j.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return errGone
	case err != nil:
		return nil // a store that does not answer is no reason to stop
	case now.Status.Terminal() || now.Attempt != j.Attempt:
		return errGone
	case now.StopRequested:
		return errStopRequested
	}
	return nil
}

package interpret

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/queue"
)

// Workflow is how the workflow of a job stands.
type Workflow struct {
	Running bool
	Error   string // of one that failed
	Cause   string
}

// Workflows finds the workflows of jobs.
type Workflows interface {
	// Workflow gives the workflow that is named by a job's id; fault.NotFound when none was ever started.
	Workflow(ctx context.Context, jobID string) (Workflow, error)
}

// Waiting tells what lies in the queue of jobs.
type Waiting interface {
	Stats(ctx context.Context) (queue.Stats, error)
}

// Reaper looks after jobs that nobody works on any more: their message was lost, or their workflow ended without them.
type Reaper struct {
	Jobs      *job.Service
	Steps     *Steps
	Workflows Workflows
	Queue     Waiting
	// StuckAfter is how long a queued job may be without progress before its message is sent again.
	StuckAfter time.Duration
	Now        func() time.Time
	Log        *slog.Logger
}

// Swept is what a sweep saw and did.
type Swept struct {
	Queue  queue.Stats `json:"-"`
	Open   int         `json:"open"`   // jobs that are not terminal
	Stuck  int         `json:"stuck"`  // of them, those without progress
	Failed int         `json:"failed"` // of them, those that could not be looked after
}

// StuckAfter is the Reaper's usual patience.
const StuckAfter = 30 * time.Second

const (
	// sendTime is more than what lies between a job and its message.
	sendTime = 5 * time.Second
	// patience is how long a message may wait in a queue that does not tell how old its messages are.
	patience = 10 * time.Minute
)

// Sweep sends the message of every job that is queued for too long, and ends jobs whose workflow has ended without them.
func (r Reaper) Sweep(ctx context.Context) (Swept, error) {
	var s Swept
	open, err := r.Jobs.Store().Unfinished(ctx)
	if err != nil {
		return s, err
	}
	if s.Queue, err = r.Queue.Stats(ctx); err != nil {
		return s, err
	}
	s.Open = len(open)
	now := r.Now()
	var errs []error // of one job each: the others are looked after all the same
	for _, o := range open {
		j, err := r.Jobs.Get(ctx, o.Owner, o.ID)
		if err != nil || now.Sub(j.Updated) < r.StuckAfter {
			continue
		}
		s.Stuck++
		if err := r.rescue(ctx, j, now, s.Queue); err != nil {
			s.Failed++
			errs = append(errs, err)
		}
	}
	return s, errors.Join(errs...)
}

// rescue sends the message of a job again when no workflow knows it and its message cannot be in the queue any more.
func (r Reaper) rescue(ctx context.Context, j *job.Job, now time.Time, waiting queue.Stats) error {
	w, err := r.Workflows.Workflow(ctx, j.ID)
	switch {
	case fault.Is(err, fault.NotFound) && stillQueued(j, now, waiting):
		return nil
	case fault.Is(err, fault.NotFound):
		return r.Jobs.Resend(ctx, j)
	case err != nil || w.Running:
		return err
	}
	switch now, err := r.Jobs.Get(ctx, j.Owner, j.ID); {
	case fault.Is(err, fault.NotFound):
		return nil // it was removed between the two looks
	case err != nil || now.Status.Terminal():
		return err // it ended between them, with its workflow
	}
	r.Log.ErrorContext(ctx, "a workflow ended without its job", "job", j.ID, "error", w.Error, "cause", w.Cause)
	_, err = r.Steps.Finish(ctx, State{Owner: j.Owner, JobID: j.ID, Error: &StepError{Error: w.Error, Cause: w.Cause}})
	return err
}

// stillQueued reports whether the message of a job can be waiting for its turn: a long queue alone is no reason to send it again,
// or every look would make it longer.
func stillQueued(j *job.Job, now time.Time, waiting queue.Stats) bool {
	switch {
	case waiting.Visible == 0:
		return false
	case waiting.Oldest.IsZero():
		return now.Sub(j.Updated) < patience
	default:
		return !waiting.Oldest.After(j.Updated.Add(sendTime))
	}
}

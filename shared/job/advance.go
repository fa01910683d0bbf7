package job

import (
	"context"
	"errors"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// Store gives the store that the service works on.
func (s *Service) Store() *Store { return s.store }

// Log gives the event log.
func (s *Service) Log() *Log { return s.log }

// Advance changes a processing job and appends events, in one transaction, under the attempt of the caller. It returns
// ErrSuperseded when the job has ended or another attempt is the current one. change may raise the attempt.
func (s *Service) Advance(ctx context.Context, owner, id string, attempt int, change func(*Job) ([]table.Write, error), drafts ...Draft) (*Job, error) {
	for {
		j, err := s.store.Get(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		if j.Status.Terminal() || j.Attempt != attempt {
			return j, ErrSuperseded
		}
		extra, err := change(j)
		if err != nil {
			return nil, err
		}
		w, err := s.store.save(j)
		if err != nil {
			return nil, err
		}
		err = s.log.Append(ctx, owner, id, drafts, append(extra, w)...)
		if err == nil {
			j.Version++
			return j, nil
		}
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return nil, err
		}
	}
}

// Run is where one run of a job is, and how many of its events stand in the job's log.
type Run struct {
	ID      string    `json:"id"`
	Step    Step      `json:"step"`
	Attempt int       `json:"attempt"`
	Place   Place     `json:"place"`
	Host    string    `json:"host"` // the cell's id, or the cluster's: a run is never looked for anywhere else
	Copied  int64     `json:"copied"`
	Started time.Time `json:"started_at"`
	Void    bool      `json:"void,omitempty"`    // another attempt took its place: its events are not copied any more
	Settled bool      `json:"settled,omitempty"` // its costs stand in the job

	version int64
}

// ClaimRun records that a run is about to start on a host, or gives the record that exists: the same run id is never started
// on a second host.
func (s *Service) ClaimRun(ctx context.Context, j *Job, r Run) (run Run, created bool, err error) {
	key := runKey(j.Owner, j.ID, r.ID)
	for {
		known, version, err := table.Load[Run](ctx, s.table, key)
		if err == nil {
			known.version = version
			return known, false, nil
		}
		if !fault.Is(err, fault.NotFound) {
			return Run{}, false, err
		}
		r.Started = s.now()
		w, err := table.Save(key, r, table.Absent())
		if err != nil {
			return Run{}, false, err
		}
		err = s.table.Transact(ctx, []table.Write{w})
		if err == nil {
			r.version = 1
			return r, true, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return Run{}, false, err
		}
	}
}

// FindRun gives the record of a run; fault.NotFound when it was never claimed.
func (s *Service) FindRun(ctx context.Context, j *Job, id string) (Run, error) {
	r, version, err := table.Load[Run](ctx, s.table, runKey(j.Owner, j.ID, id))
	r.version = version
	return r, err
}

// RunEvent is an event of a run on its way into the job's log.
type RunEvent struct {
	Seq int64 // in the run
	Draft
}

// SettleRun is Advance for what a run that ended means to its job: change is applied once for a run, however often its step
// is repeated.
func (s *Service) SettleRun(ctx context.Context, j *Job, runID string, change func(*Job) ([]table.Write, error)) (*Job, error) {
	settled := errors.New("settled before")
	done, err := s.Advance(ctx, j.Owner, j.ID, j.Attempt, func(j *Job) ([]table.Write, error) {
		run, err := s.FindRun(ctx, j, runID)
		if err == nil && run.Settled {
			err = settled
		}
		if err != nil {
			return nil, err
		}
		run.Settled = true
		w, err := table.Save(runKey(j.Owner, j.ID, runID), run, table.VersionIs(run.version))
		if err != nil {
			return nil, err
		}
		writes, err := change(j)
		return append(writes, w), err
	})
	if errors.Is(err, settled) {
		return s.store.Get(ctx, j.Owner, j.ID)
	}
	return done, err
}

// CopyEvents appends events of a run to the job's log and remembers how far it came, in one transaction: an event is copied
// once, however often a step is repeated, and also when two steps copy at the same time. upTo is the number of the run's last
// event that was looked at. When the job has ended, or the run is void, nothing is written and the error is ErrSuperseded.
func (s *Service) CopyEvents(ctx context.Context, j *Job, r *Run, upTo int64, events []RunEvent) error {
	for {
		for len(events) > 0 && events[0].Seq <= r.Copied {
			events = events[1:]
		}
		if upTo <= r.Copied {
			return nil
		}
		n, err := s.copyBatch(ctx, j, r, upTo, events)
		switch {
		case fault.Is(err, fault.Conflict):
			if err := s.catchUp(ctx, j, r); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			events = events[n:]
		}
	}
}

func (s *Service) copyBatch(ctx context.Context, j *Job, r *Run, upTo int64, events []RunEvent) (int, error) {
	drafts := make([]Draft, min(len(events), maxBatch))
	for i := range drafts {
		drafts[i] = events[i].Draft
	}
	batch, err := s.log.number(drafts)
	if err != nil {
		return 0, err
	}
	n := fitting(batch)
	next := *r
	next.Copied = upTo
	if n < len(events) {
		next.Copied = events[n-1].Seq
	}
	w, err := table.Save(runKey(j.Owner, j.ID, r.ID), next, table.VersionIs(r.version))
	if err != nil {
		return 0, err
	}
	if err := s.log.appendBatch(ctx, j.Owner, j.ID, batch[:n], []table.Write{w, unended(j.ID)}); err != nil {
		return 0, err
	}
	next.version++
	*r = next
	return n, nil
}

// catchUp reads how far another copier of the same run came; without one the conflict says that the job has ended.
func (s *Service) catchUp(ctx context.Context, j *Job, r *Run) error {
	now, err := s.FindRun(ctx, j, r.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (now.Void || now.version == r.version) {
		return ErrSuperseded
	}
	if err == nil {
		*r = now
	}
	return err
}

// Void makes the write after which nobody copies events of a run any more.
func (s *Service) Void(j *Job, r Run) (table.Write, error) {
	r.Void = true
	return table.Save(runKey(j.Owner, j.ID, r.ID), r, table.Always())
}

// Note appends events that say how a job fares; after its end they come too late and are dropped.
func (s *Service) Note(ctx context.Context, j *Job, drafts ...Draft) error {
	err := s.log.Append(ctx, j.Owner, j.ID, drafts, unended(j.ID))
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// unended holds while the job is not terminal, so that no event ever follows the last one.
func unended(id string) table.Write {
	return table.Write{Op: table.Check, Item: table.Item{Key: openKey(id)}, Need: table.Present()}
}

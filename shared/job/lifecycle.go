package job

import (
	"context"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// ErrSuperseded says that another attempt took the job over, or that it ended: what the caller did is void.
var ErrSuperseded = fault.New(fault.Conflict, "another attempt has taken this job over")

// Get reads a job.
func (s *Service) Get(ctx context.Context, owner, id string) (*Job, error) {
	return s.store.Get(ctx, owner, id)
}

// End makes a job terminal, once: it writes status, failure and result in one transaction with the last event, so nobody sees
// one without the other. attempt fences it: a caller whose attempt is no longer the current one gets ErrSuperseded (0 is not
// fenced). A job that has ended already is returned as it is.
func (s *Service) End(ctx context.Context, owner, id string, attempt int, status Status, failure *Failure, result *Result) (*Job, error) {
	for {
		j, err := s.store.Get(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		if j.Status.Terminal() {
			return j, nil
		}
		if attempt != 0 && attempt != j.Attempt {
			return nil, ErrSuperseded
		}
		err = s.writeEnd(ctx, j, status, failure, result)
		if err == nil {
			s.log.Forget(id)
			return j, nil
		}
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return nil, err
		}
	}
}

func (s *Service) writeEnd(ctx context.Context, j *Job, status Status, failure *Failure, result *Result) error {
	if !j.Status.May(status) {
		return fault.New(fault.Internal, "a job cannot go from %s to %s", j.Status, status)
	}
	j.Status, j.Failure, j.Step, j.Completed = status, failure, "", s.now()
	w, err := s.store.save(j)
	if err != nil {
		return err
	}
	extra, err := s.unselecting(ctx, j)
	if err != nil {
		return err
	}
	extra = append(extra, w, table.Write{Op: table.Delete, Item: table.Item{Key: openKey(j.ID)}})
	if result != nil {
		w, err := s.store.SaveResult(j.Owner, j.ID, *result)
		if err != nil {
			return err
		}
		extra = append(extra, w)
	}
	var drafts []Draft
	if failure != nil {
		drafts = append(drafts, Draft{Type: "failure", Data: failure})
	}
	drafts = append(drafts, Draft{Type: "status", Data: StatusData{Status: status, Attempt: j.Attempt, Place: j.RanIn}})
	if err := s.log.Append(ctx, j.Owner, j.ID, drafts, extra...); err != nil {
		return err
	}
	j.Version++
	return nil
}

// unselecting ends the selection of what the job read: in the transaction of the end, so that whoever sees the end and asks the
// next question does not read the old sources again.
func (s *Service) unselecting(ctx context.Context, j *Job) ([]table.Write, error) {
	ids := make([]string, len(j.Sources))
	for i, b := range j.Sources {
		ids[i] = b.ID
	}
	return s.sessions.Unselecting(ctx, j.Owner, j.SessionID, ids)
}

// Stop asks for the end of a job. A queued job is cancelled at once; a processing one is marked, and the step that works on
// it stops its run and ends it. Stopping a job that has ended changes nothing.
func (s *Service) Stop(ctx context.Context, owner, id string) (*Job, error) {
	for {
		j, err := s.store.Get(ctx, owner, id)
		if err != nil || j.Status.Terminal() || j.StopRequested {
			return j, err
		}
		if j.Status == Queued {
			// Of this version only: one that a step has taken up meanwhile may have a run, which must be stopped first.
			switch err := s.writeEnd(ctx, j, Cancelled, nil, nil); {
			case err == nil:
				s.log.Forget(id)
				return j, nil
			case !fault.Is(err, fault.Conflict) || ctx.Err() != nil:
				return nil, err
			}
			continue
		}
		j, err = s.store.Update(ctx, owner, id, func(j *Job) (bool, []table.Write, error) {
			changed := j.Status == Processing && !j.StopRequested
			j.StopRequested = j.StopRequested || changed
			return changed, nil, nil
		})
		if err == nil {
			s.log.notify.Notify(id)
		}
		return j, err
	}
}

// StopOpen asks for the end of anybody's job that has not ended; it is for admins. Any other job is fault.NotFound: whether it ended
// or never was is its owner's business.
func (s *Service) StopOpen(ctx context.Context, id string) (*Job, error) {
	open, _, err := table.Load[Open](ctx, s.table, openKey(id))
	if err != nil {
		return nil, notFound(err)
	}
	return s.Stop(ctx, open.Owner, open.ID)
}

// List gives the owner's jobs, newest first.
func (s *Service) List(ctx context.Context, owner string, f Filter, cursor string, limit int) ([]Job, string, error) {
	return s.store.List(ctx, owner, f, cursor, limit)
}

// Attempts gives the attempts of a job.
func (s *Service) Attempts(ctx context.Context, owner, id string) ([]Attempt, error) {
	return s.store.Attempts(ctx, owner, id)
}

// Program gives the current program of a job, empty when there is none yet.
func (s *Service) Program(ctx context.Context, j *Job) (string, error) {
	a, err := s.store.AttemptAt(ctx, j.Owner, j.ID, j.Attempt)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return a.Code, err
}

// Result gives the answer of a job.
func (s *Service) Result(ctx context.Context, owner, id string) (Result, error) {
	if _, err := s.store.Get(ctx, owner, id); err != nil {
		return Result{}, err
	}
	return s.store.Result(ctx, owner, id)
}

// Delete removes a job that has ended, with its log; the job itself goes last, so that a deletion that broke off can be
// repeated. Objects are removed by the caller, before.
func (s *Service) Delete(ctx context.Context, owner, id string, version int64) error {
	j, err := s.store.Get(ctx, owner, id)
	if err != nil {
		return err
	}
	if !j.Status.Terminal() {
		return fault.New(fault.Conflict, "The job is still %s. Stop it first, then delete it.", j.Status)
	}
	if version == 0 {
		version = j.Version
	}
	if version != j.Version {
		return fault.New(fault.Conflict, "The job was changed meanwhile. Read it again and repeat the deletion.")
	}
	if err := s.purge(ctx, owner, id); err != nil {
		return err
	}
	return s.table.Transact(ctx, []table.Write{
		{Op: table.Delete, Item: table.Item{Key: jobKey(owner, id)}},
		{Op: table.Delete, Item: table.Item{Key: pointerKey(owner, j.SessionID, id)}},
	})
}

func (s *Service) purge(ctx context.Context, owner, id string) error {
	for {
		page, err := s.table.Query(ctx, table.Query{PK: jobPK(owner, id), Limit: table.MaxWrites})
		if err != nil || len(page.Items) == 0 {
			return err
		}
		writes := make([]table.Write, len(page.Items))
		for i, item := range page.Items {
			writes[i] = table.Write{Op: table.Delete, Item: table.Item{Key: item.Key}}
		}
		if err := s.table.Transact(ctx, writes); err != nil {
			return err
		}
	}
}

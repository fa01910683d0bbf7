package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/table"
)

// Store keeps jobs on a table. Every method takes the owner: a job cannot be found by its id alone.
type Store struct {
	table table.Table
	now   func() time.Time
}

// NewStore makes a store.
func NewStore(t table.Table, now func() time.Time) *Store { return &Store{table: t, now: now} }

// notFound is the same sentence for a job that is missing and one that belongs to somebody else.
func notFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.NotFound, "There is no such job.")
	}
	return err
}

// Get reads a job; missing and foreign are both fault.NotFound.
func (s *Store) Get(ctx context.Context, owner, id string) (*Job, error) {
	j, version, err := table.Load[Job](ctx, s.table, jobKey(owner, id))
	if err != nil {
		return nil, notFound(err)
	}
	j.Version = version
	return &j, nil
}

// save makes the write of a job under its version.
func (s *Store) save(j *Job) (table.Write, error) {
	j.Updated = s.now()
	return table.Save(jobKey(j.Owner, j.ID), j, table.VersionIs(j.Version))
}

// Update reads a job, lets change alter it, and writes it with extra writes in one transaction; it starts over when another
// writer came first. change returns an error to give up; a nil error with changed == false writes nothing.
func (s *Store) Update(ctx context.Context, owner, id string, change func(*Job) (changed bool, extra []table.Write, err error)) (*Job, error) {
	for {
		j, err := s.Get(ctx, owner, id)
		if err != nil {
			return nil, err
		}
		before := j.Status
		changed, extra, err := change(j)
		if err != nil || !changed {
			return j, err
		}
		if before != j.Status && !before.May(j.Status) {
			return nil, fault.New(fault.Conflict, "The job is %s already; it cannot become %s.", before, j.Status)
		}
		w, err := s.save(j)
		if err != nil {
			return nil, err
		}
		writes := append([]table.Write{w}, extra...)
		if before != j.Status && j.Status.Terminal() {
			writes = append(writes, table.Write{Op: table.Delete, Item: table.Item{Key: openKey(j.ID)}})
		}
		err = s.table.Transact(ctx, writes)
		if err == nil {
			j.Version++
			return j, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Timeout, "The job could not be changed in time. Try again.")
		}
	}
}

// Filter narrows a list of jobs; empty fields match everything.
type Filter struct {
	SessionID string
	Status    Status
	Kind      Kind
}

func (f Filter) matches(j *Job) bool {
	return (f.Status == "" || f.Status == j.Status) && (f.Kind == "" || f.Kind == j.Kind)
}

// List gives the owner's jobs, newest first. The cursor is opaque; next is empty at the end.
func (s *Store) List(ctx context.Context, owner string, f Filter, cursor string, limit int) (jobs []Job, next string, err error) {
	q := table.Query{PK: ownerPK(owner), Prefix: "J#", Cursor: cursor, Limit: limit, Reverse: true}
	if f.SessionID != "" {
		q.PK = sessionPK(owner, f.SessionID)
	}
	// Read on while a filter leaves the page short, a bounded number of times: a short page with a cursor is still right.
	for range 10 {
		page, err := s.table.Query(ctx, q)
		if err != nil {
			return nil, "", err
		}
		for _, item := range page.Items {
			j, err := s.listed(ctx, owner, item, f.SessionID != "")
			if err != nil {
				return nil, "", err
			}
			if j != nil && f.matches(j) {
				jobs = append(jobs, *j)
			}
		}
		next = page.Next
		if next == "" || len(jobs) >= limit {
			break
		}
		q.Cursor, q.Limit = next, limit-len(jobs)
	}
	return jobs, next, nil
}

func (s *Store) listed(ctx context.Context, owner string, item table.Item, pointer bool) (*Job, error) {
	if !pointer {
		j, err := table.Decode[Job](item)
		j.Version = item.Version
		return &j, err
	}
	id, err := table.Decode[string](item)
	if err != nil {
		return nil, err
	}
	j, err := s.Get(ctx, owner, id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return j, err
}

// Open is a job that is not terminal yet, as the reaper sees it.
type Open struct {
	Owner string    `json:"owner"`
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// Unfinished lists the jobs that are not terminal.
func (s *Store) Unfinished(ctx context.Context) ([]Open, error) {
	var open []Open
	var bad error
	err := table.All(ctx, s.table, table.Query{PK: "OPEN", Limit: table.MaxPage}, func(item table.Item) bool {
		o, err := table.Decode[Open](item)
		if err != nil {
			bad = err
			return false
		}
		open = append(open, o)
		return true
	})
	if err == nil {
		err = bad
	}
	return open, err
}

// SaveAttempt makes the write that stores an attempt as it is now.
func (s *Store) SaveAttempt(owner, id string, a Attempt) (table.Write, error) {
	return table.Save(attemptKey(owner, id, a.Number), a, table.Always())
}

// Attempts gives all attempts of a job in order.
func (s *Store) Attempts(ctx context.Context, owner, id string) ([]Attempt, error) {
	if _, err := s.Get(ctx, owner, id); err != nil {
		return nil, err
	}
	var out []Attempt
	err := table.All(ctx, s.table, table.Query{PK: jobPK(owner, id), Prefix: "A#", Limit: table.MaxPage}, func(item table.Item) bool {
		a, err := table.Decode[Attempt](item)
		if err != nil {
			return false
		}
		out = append(out, a)
		return true
	})
	return out, err
}

// AttemptAt reads one attempt.
func (s *Store) AttemptAt(ctx context.Context, owner, id string, n int) (Attempt, error) {
	a, _, err := table.Load[Attempt](ctx, s.table, attemptKey(owner, id, n))
	return a, err
}

// Result is the answer of a job: what the run showed and what it read.
type Result struct {
	Outputs []json.RawMessage `json:"outputs"`
	Reads   []json.RawMessage `json:"reads"`
	Ref     string            `json:"ref,omitempty"` // object key of the outputs, when they are too large for the record
}

// SaveResult makes the write of a result; it can be made once only.
func (s *Store) SaveResult(owner, id string, r Result) (table.Write, error) {
	return table.Save(resultKey(owner, id), r, table.Absent())
}

// Result reads a job's answer; fault.NotFound while there is none.
func (s *Store) Result(ctx context.Context, owner, id string) (Result, error) {
	r, _, err := table.Load[Result](ctx, s.table, resultKey(owner, id))
	if fault.Is(err, fault.NotFound) {
		return r, fault.New(fault.NotFound, "This job has no result.")
	}
	return r, err
}

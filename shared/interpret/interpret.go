// Package interpret does the work of a job, step by step: prepare, generate, validate, fix, execute, finish. A step gets a small
// State, does its part under the job's current attempt, and returns the State that the state machine decides on. Every step can
// be repeated: what it did before is found again, never done twice.
package interpret

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/ray"
)

// State is what the state machine carries between steps: names and decisions, never data.
type State struct {
	Owner   string       `json:"owner"`
	JobID   string       `json:"job_id"`
	Kind    job.Kind     `json:"kind"`
	Attempt int          `json:"attempt"`
	Next    Next         `json:"next"`
	Status  job.Status   `json:"status,omitempty"`  // with Next == End: how the job ends
	Failure *job.Failure `json:"failure,omitempty"` // with Next == End
	Result  string       `json:"result,omitempty"`  // object key of the result document
	Trace   string       `json:"trace,omitempty"`
	// Error is put here by the state machine when a step failed in a way it did not foresee.
	Error *StepError `json:"error,omitempty"`
}

// StepError is what a state machine's Catch adds.
type StepError struct {
	Error string `json:"Error"`
	Cause string `json:"Cause"`
}

// Next is the decision of a step.
type Next string

// The decisions; the state machine's choices name them.
const (
	ToGenerate Next = "generate"
	ToValidate Next = "validate"
	ToFix      Next = "fix"
	ToExecute  Next = "execute"
	Poll       Next = "poll" // the run goes on: call the same step again
	End        Next = "end"
)

// Runner takes runs and gives events; *ray.Client is one.
type Runner interface {
	// Submit hands a run over; the same id again is the same run, and existed says so.
	Submit(ctx context.Context, run ray.Run) (status ray.Status, existed bool, err error)
	// Events is one long poll: visit gets every event after a number until the run is terminal or the runner's own time is
	// up. It returns the number to go on from and the run's state. fault.Unavailable and fault.Timeout when the runner does not
	// answer, fault.NotFound when it does not know the run.
	Events(ctx context.Context, runID string, after int64, visit func(ray.Event) error) (int64, ray.RunState, error)
	// Stop ends a run; what has ended stays as it is.
	Stop(ctx context.Context, runID string) (ray.Status, error)
}

// Cell is a leased cell.
type Cell interface {
	ID() string
	Runner() Runner
	// Put makes the object under key readable in the cell and gives its name there. A key that is there already is not opened.
	Put(ctx context.Context, key string, open func() (body io.ReadCloser, size int64, err error)) (name string, err error)
	// Open reads a file that a run left in its outbox.
	Open(runID, name string) (io.ReadCloser, int64, error)
	Isolation() string
}

// Wait is what a job that waits for its place hears.
type Wait struct {
	Ahead int    // others that are served before
	Why   string // what is waited for and how long that takes, in words; empty: for the others
}

// Cells leases cells, one to a session.
type Cells interface {
	// Lease gives the session's cell to one job, or waits until there is one; onWait hears why. The same job may ask again.
	Lease(ctx context.Context, session, job string, onWait func(Wait)) (Cell, error)
	// Release says that the job is done with the cell; the session keeps it for its next job, for a while.
	Release(session, job string)
	// Find gives the session's cell if it is that one and alive.
	Find(session, cellID string) (Cell, bool)
	// Discard kills the session's cell.
	Discard(session, reason string)
}

// Cluster is the deployment's own Ray.
type Cluster interface {
	// Runner gives the cluster's runner, starting the cluster if need be; onWait hears why that takes time. The id changes
	// when the cluster is a new one.
	Runner(ctx context.Context, onWait func(Wait)) (r Runner, id string, err error)
	Isolation() string
}

// Publisher tells the world outside that a job has ended; it may tell it more than once.
type Publisher interface {
	Publish(ctx context.Context, detailType string, detail any) error
}

// Settings of the steps.
type Settings struct {
	PlaceLimit int64         // bytes of all sources up to which a job runs in a cell
	StepBudget time.Duration // how long one call of validate or execute may last before it answers Poll
	MaxWait    time.Duration // how long a job waits for a cell in one step before it fails
	MaxTokens  int           // of a model's reply
	StopGrace  time.Duration // how long a run may take to stop before its place is discarded
	CredsTTL   time.Duration // of a cluster run's credentials beyond its time limit
}

// Steps does the work.
type Steps struct {
	jobs    *job.Service
	model   codegen.Model
	cells   Cells
	cluster Cluster
	objects object.Store
	grants  object.Granter
	notify  job.Notifier
	publish Publisher
	set     Settings
	now     func() time.Time
}

// Deps are the parts of Steps. Cluster may be nil: then everything runs in cells.
type Deps struct {
	Jobs     *job.Service
	Model    codegen.Model
	Cells    Cells
	Cluster  Cluster
	Objects  object.Store
	Grants   object.Granter
	Notify   job.Notifier
	Publish  Publisher // nil: nobody is told
	Settings Settings
	Now      func() time.Time
}

// New makes the steps.
func New(d Deps) *Steps {
	return &Steps{jobs: d.Jobs, model: d.Model, cells: d.Cells, cluster: d.Cluster, objects: d.Objects, grants: d.Grants,
		notify: d.Notify, publish: d.Publish, set: d.Settings, now: d.Now}
}

// open reads the job of a state. It reports over when the job has ended: then there is nothing to do, and the state goes
// straight to the end. The job may have a later attempt than the state: then the step is repeated after a crash, and what it
// did before is its answer.
func (s *Steps) open(ctx context.Context, st State) (j *job.Job, over bool, err error) {
	j, err = s.jobs.Get(ctx, st.Owner, st.JobID)
	if fault.Is(err, fault.NotFound) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	return j, j.Status.Terminal(), nil
}

// superseded turns the loss of a race into a quiet end when the job has ended. While it goes on, somebody else is at work in
// the same step: the state machine asks again in a moment, and the answer is then what they did.
func (s *Steps) superseded(ctx context.Context, st State, err error) (State, error) {
	if !errors.Is(err, job.ErrSuperseded) {
		return st, err
	}
	_, over, oerr := s.open(context.WithoutCancel(ctx), st)
	if oerr != nil {
		return st, oerr
	}
	if !over {
		return st, fault.Wrap(err, fault.Unavailable, "Another attempt of this job is at work.")
	}
	st.Next, st.Status = End, ""
	return st, nil
}

func (st State) fail(status job.Status, f *job.Failure) State {
	st.Next, st.Status, st.Failure = End, status, f
	return st
}

func status(step job.Step, attempt int) job.Draft {
	return job.Draft{Type: "status", Data: job.StatusData{Status: job.Processing, Step: step, Attempt: attempt}}
}

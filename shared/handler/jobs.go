package handler

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/telemetry"
)

// JobView is a job as the API shows one.
type JobView struct {
	ID         string        `json:"id"`
	SessionID  string        `json:"session_id"`
	Kind       job.Kind      `json:"kind" enum:"interpret,execute"`
	Status     job.Status    `json:"status" enum:"queued,processing,completed,failed,cancelled,timed_out"`
	Step       job.Step      `json:"step,omitempty" doc:"while processing"`
	Prompt     string        `json:"prompt,omitempty"`
	Model      string        `json:"model,omitempty"`
	Place      job.Place     `json:"place" doc:"as asked" enum:"auto,cell,cluster"`
	RanIn      job.Place     `json:"ran_in,omitempty" doc:"as chosen"`
	FromJob    string        `json:"from_job,omitempty"`
	Sources    []BoundSource `json:"sources" nullable:"false"`
	Attempt    int           `json:"attempt"`
	Iterations int           `json:"iterations" doc:"how often a program was validated"`
	Validated  bool          `json:"validated"`
	Failure    *job.Failure  `json:"failure,omitempty"`
	Isolation  string        `json:"isolation,omitempty"`
	Limits     job.RunLimits `json:"limits"`
	CheckOnly  bool          `json:"check_only,omitempty" doc:"the program was to be proven on the samples only, so there is no answer"`
	Cost       job.Cost      `json:"cost"`
	Stopping   bool          `json:"stopping,omitempty"`
	Created    time.Time     `json:"created_at"`
	Started    *time.Time    `json:"started_at,omitempty"`
	Completed  *time.Time    `json:"completed_at,omitempty"`
}

// BoundSource is a source as a job bound it.
type BoundSource struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	URI   string `json:"uri"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

func viewJob(j *job.Job) JobView {
	v := JobView{ID: j.ID, SessionID: j.SessionID, Kind: j.Kind, Status: j.Status, Step: j.Step, Prompt: j.Prompt, Model: j.Model,
		Place: j.Place, RanIn: j.RanIn, FromJob: j.FromJob, Sources: []BoundSource{}, Attempt: j.Attempt, Iterations: j.Iterations,
		Validated: j.Validated != "", Failure: j.Failure, Isolation: j.Isolation, Limits: j.Limits, CheckOnly: j.Check, Cost: j.Cost,
		Stopping: j.StopRequested && !j.Status.Terminal(), Created: j.Created}
	for _, b := range j.Sources {
		v.Sources = append(v.Sources, BoundSource{ID: b.ID, Name: b.Name, URI: b.URI, Rows: b.Profile.Rows, Bytes: b.Profile.Bytes})
	}
	if !j.Started.IsZero() {
		v.Started = &j.Started
	}
	if !j.Completed.IsZero() {
		v.Completed = &j.Completed
	}
	return v
}

// JobPath addresses a job.
type JobPath struct {
	Job string `path:"job" maxLength:"64" doc:"the job's id"`
}

type jobOutput struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Status   int
	Body     JobView
}

type createdJob struct {
	Policy   string `header:"RateLimit-Policy" doc:"how many jobs may be started in how many seconds"`
	Left     string `header:"RateLimit" doc:"how many could be started now, and in how many seconds all could"`
	Replayed string `header:"Idempotent-Replayed"`
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Status   int
	Body     JobView
}

func jobReply(j *job.Job) *jobOutput {
	return &jobOutput{ETag: etag(j.Version), Location: "/api/v1/jobs/" + j.ID, Status: http.StatusOK, Body: viewJob(j)}
}

// CreateJob is the body of POST /api/v1/jobs.
type CreateJob struct {
	Kind           job.Kind  `json:"kind" enum:"interpret,execute" doc:"interpret: a question; execute: a given program"`
	SessionID      string    `json:"session_id,omitempty" maxLength:"64"`
	Prompt         string    `json:"prompt,omitempty" doc:"the question"`
	Code           string    `json:"code,omitempty" doc:"the program, with kind execute"`
	Model          string    `json:"model,omitempty" maxLength:"200" doc:"one of /api/v1/models; empty: the default"`
	Place          job.Place `json:"place,omitempty" enum:"auto,cell,cluster" doc:"where to run; auto decides by the size of the data"`
	Sources        []string  `json:"sources,omitempty" maxItems:"20" doc:"ids; empty: the session's selection"`
	FromJob        string    `json:"from_job,omitempty" maxLength:"64" doc:"a job whose sources, and whose program if code is empty, are used again"`
	ExecuteSeconds int       `json:"execute_seconds,omitempty" doc:"time limit of the full run"`
	CheckOnly      bool      `json:"check_only,omitempty" doc:"with kind execute: prove the program on the samples, and do not run it on the full data"`
}

type createJobInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key and body give the same job, for seven days"`
	Prefer         string `header:"Prefer" maxLength:"100" doc:"wait=N waits up to N seconds (at most 60) for the end"`
	Traceparent    string `header:"Traceparent" maxLength:"200"`
	Body           CreateJob
}

func (a *API) jobRoutes() {
	create := answering(route("create-job", http.MethodPost, "/api/v1/jobs", "jobs", "Ask a question or run a program"), http.StatusAccepted)
	create.MaxBodyBytes = 4 << 20
	create.Errors = []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests}
	register(a, create, a.createJob)
	register(a, route("list-jobs", http.MethodGet, "/api/v1/jobs", "jobs", "My jobs, newest first"), a.listJobs)
	register(a, route("get-job", http.MethodGet, "/api/v1/jobs/{job}", "jobs", "A job"),
		func(ctx context.Context, in *JobPath) (*jobOutput, error) {
			j, err := a.Jobs.Get(ctx, caller(ctx).UserID, in.Job)
			if err != nil {
				return nil, err
			}
			return jobReply(j), nil
		})
	register(a, route("cancel-job", http.MethodPost, "/api/v1/jobs/{job}/stop", "jobs", "Stop a job and its run; a job that has ended stays as it is. An admin may stop anybody's job that has not ended"),
		func(ctx context.Context, in *JobPath) (*jobOutput, error) {
			j, err := a.stop(ctx, in.Job)
			if err != nil {
				return nil, err
			}
			return jobReply(j), nil
		})
	register(a, answering(route("delete-job", http.MethodDelete, "/api/v1/jobs/{job}", "jobs", "Delete a job that has ended"), http.StatusNoContent), a.deleteJob)
	register(a, route("list-attempts", http.MethodGet, "/api/v1/jobs/{job}/attempts", "jobs", "Every program of a job, with its difference, verdict and error"),
		func(ctx context.Context, in *JobPath) (*struct{ Body Page[job.Attempt] }, error) {
			list, err := a.Jobs.Attempts(ctx, caller(ctx).UserID, in.Job)
			return &struct{ Body Page[job.Attempt] }{Page[job.Attempt]{Items: append([]job.Attempt{}, list...)}}, err
		})
}

func (a *API) createJob(ctx context.Context, in *createJobInput) (*createdJob, error) {
	b := in.Body
	done, err := a.Jobs.Create(ctx, caller(ctx).UserID, job.Request{Kind: b.Kind, SessionID: b.SessionID, Prompt: b.Prompt, Code: b.Code,
		Model: b.Model, Place: b.Place, Sources: b.Sources, FromJob: b.FromJob, ExecuteSeconds: b.ExecuteSeconds, CheckOnly: b.CheckOnly,
		IdempotencyKey: in.IdempotencyKey, TraceParent: telemetry.TraceOf(ctx).String()})
	if err != nil {
		return nil, limited(ctx, err, done.Pace)
	}
	j := done.Job
	if wait := preferredWait(in.Prefer); wait > 0 {
		if j, err = a.await(ctx, j, wait); err != nil {
			return nil, err
		}
	}
	reply := jobReply(j)
	out := &createdJob{ETag: reply.ETag, Location: reply.Location, Status: http.StatusAccepted, Body: reply.Body, Replayed: replayed(done.Replayed)}
	out.Policy, out.Left = rateLimit(done.Pace)
	return out, nil
}

// replayed is a header that is there or not.
func replayed(is bool) string {
	if is {
		return "true"
	}
	return ""
}

// stop stops a job of the caller, or anybody's for an admin, who is not shown what was asked.
func (a *API) stop(ctx context.Context, id string) (*job.Job, error) {
	who := caller(ctx)
	j, err := a.Jobs.Stop(ctx, who.UserID, id)
	if !fault.Is(err, fault.NotFound) || !who.Admin() {
		return j, err
	}
	if j, err = a.Jobs.StopOpen(ctx, id); err != nil {
		return nil, err
	}
	telemetry.Logger(ctx).InfoContext(ctx, "an admin stops a job", "job", j.ID, "owner", j.Owner, "admin", who.UserID)
	shown := *j
	shown.Prompt, shown.Sources, shown.Failure, shown.FromJob = "", nil, nil, ""
	return &shown, nil
}

const (
	maxWait    = 60 * time.Second
	answerTime = 2 * time.Second // what remains of a request's time after it waited
)

// preferredWait reads the wait preference of RFC 7240; anything else in the header is ignored, as the RFC asks.
func preferredWait(prefer string) time.Duration {
	for part := range strings.SplitSeq(prefer, ",") {
		preference, _, _ := strings.Cut(part, ";") // its parameters
		name, value, _ := strings.Cut(preference, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if n, err := strconv.Atoi(value); err == nil && strings.EqualFold(strings.TrimSpace(name), "wait") && n > 0 {
			return min(time.Duration(min(n, 3600))*time.Second, maxWait)
		}
	}
	return 0
}

// await follows a job to its end, for a bounded time, and gives it as it is then.
func (a *API) await(ctx context.Context, j *job.Job, wait time.Duration) (*job.Job, error) {
	if deadline, ok := ctx.Deadline(); ok { // of a function: the answer must be out before
		wait = min(wait, deadline.Sub(a.Now())-answerTime)
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	nothing := func() error { return nil }
	err := a.Jobs.Log().Follow(bounded, j.Owner, j.ID, 0, time.Second, func(job.Event) error { return nil }, nothing)
	if err != nil {
		return nil, err
	}
	return a.Jobs.Get(ctx, j.Owner, j.ID)
}

func (a *API) listJobs(ctx context.Context, in *struct {
	Paging
	Status  job.Status `query:"status" enum:"queued,processing,completed,failed,cancelled,timed_out"`
	Kind    job.Kind   `query:"kind" enum:"interpret,execute"`
	Session string     `query:"session_id" maxLength:"64"`
}) (*struct{ Body Page[JobView] }, error) {
	purpose := strings.Join([]string{"jobs", string(in.Status), string(in.Kind), in.Session}, " ")
	cursor, err := a.openCursor(ctx, purpose, in.Cursor)
	if err != nil {
		return nil, err
	}
	jobs, next, err := a.Jobs.List(ctx, caller(ctx).UserID, job.Filter{SessionID: in.Session, Status: in.Status, Kind: in.Kind}, cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &struct{ Body Page[JobView] }{Page[JobView]{Items: []JobView{}}}
	for i := range jobs {
		out.Body.Items = append(out.Body.Items, viewJob(&jobs[i]))
	}
	out.Body.Next, err = a.sealCursor(ctx, purpose, next)
	return out, err
}

func (a *API) deleteJob(ctx context.Context, in *struct {
	JobPath
	Precondition
}) (*struct{}, error) {
	owner := caller(ctx).UserID
	j, err := a.Jobs.Get(ctx, owner, in.Job)
	if err != nil {
		return nil, err
	}
	version, err := in.check(ctx, j.Version)
	if err != nil {
		return nil, err
	}
	if j.Status.Terminal() { // its files first: a deletion that broke off can be repeated
		if err := a.removeOutputs(ctx, j); err != nil {
			return nil, err
		}
	}
	return nil, a.Jobs.Delete(ctx, owner, in.Job, version)
}

// removeOutputs deletes what the attempts of a job stored.
func (a *API) removeOutputs(ctx context.Context, j *job.Job) error {
	prefix := "u/" + j.Owner + "/s/" + j.SessionID + "/" + j.ID + "/"
	for {
		infos, _, err := a.Objects.List(ctx, prefix, "", 500)
		if err != nil || len(infos) == 0 {
			return err
		}
		keys := make([]string, len(infos))
		for i, info := range infos {
			keys[i] = info.Key
		}
		if err := a.Objects.Delete(ctx, keys...); err != nil {
			return err
		}
	}
}

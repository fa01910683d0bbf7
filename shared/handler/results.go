package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"reflect"
	"time"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// ResultView is the answer of a job.
type ResultView struct {
	JobID   string           `json:"job_id"`
	Status  job.Status       `json:"status"`
	Outputs []map[string]any `json:"outputs" nullable:"false" doc:"text, table, chart, image or error, by kind; see docs/api.md"`
	Reads   []map[string]any `json:"reads" nullable:"false" doc:"what the program read: source, columns, rows, bytes"`
}

// LogLine is one line of a run's raw log.
type LogLine struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Stream string    `json:"stream"`
	Text   string    `json:"text"`
	Step   string    `json:"step"`
}

func (a *API) resultRoutes() {
	register(a, route("get-job-program", http.MethodGet, "/api/v1/jobs/{job}/program", "jobs", "The current program of a job"), a.program)
	register(a, route("get-job-result", http.MethodGet, "/api/v1/jobs/{job}/result", "jobs", "The answer of a job that is completed"),
		func(ctx context.Context, in *JobPath) (*struct{ Body ResultView }, error) {
			v, err := a.result(ctx, in.Job)
			return &struct{ Body ResultView }{v}, err
		})
	register(a, route("get-job-logs", http.MethodGet, "/api/v1/jobs/{job}/logs", "jobs", "The raw log of a job's runs"), a.logs)
	op := answering(route("get-job-output", http.MethodGet, "/api/v1/jobs/{job}/outputs/{output}", "jobs", "One whole output: a table as Parquet, an image as PNG"), http.StatusSeeOther)
	register(a, op, a.output)
}

type programOutput struct {
	Body struct {
		Code    string `json:"code"`
		Hash    string `json:"hash" doc:"SHA-256, hex"`
		Attempt int    `json:"attempt"`
	}
}

func (a *API) program(ctx context.Context, in *JobPath) (*programOutput, error) {
	j, err := a.Jobs.Get(ctx, caller(ctx).UserID, in.Job)
	if err != nil {
		return nil, err
	}
	out := &programOutput{}
	out.Body.Attempt = j.Attempt
	if out.Body.Code, err = a.Jobs.Program(ctx, j); err != nil {
		return nil, err
	}
	if out.Body.Code == "" {
		return nil, fault.New(fault.NotFound, "This job has no program yet.")
	}
	out.Body.Hash = job.HashCode(out.Body.Code)
	return out, nil
}

// maxResult bounds what is read of a stored result.
const maxResult = 64 << 20

func (a *API) result(ctx context.Context, id string) (ResultView, error) {
	j, err := a.Jobs.Get(ctx, caller(ctx).UserID, id)
	if err != nil {
		return ResultView{}, err
	}
	v := ResultView{JobID: j.ID, Status: j.Status, Outputs: []map[string]any{}, Reads: []map[string]any{}}
	r, err := a.Jobs.Result(ctx, j.Owner, j.ID)
	if err != nil {
		if fault.Is(err, fault.NotFound) && !j.Status.Terminal() {
			return v, fault.New(fault.Conflict, "The job is still %s. Follow /api/v1/jobs/%s/events until it has ended.", j.Status, j.ID)
		}
		if fault.Is(err, fault.NotFound) && j.Check && j.Status == job.Completed {
			return v, fault.New(fault.NotFound, "This job proved its program on the samples and did not run it, so it has no answer. Run it with kind \"execute\" and from_job.")
		}
		return v, err
	}
	body, _, err := a.Objects.Get(ctx, r.Ref, 0, maxResult)
	if err != nil {
		return v, err
	}
	defer body.Close()
	dec := json.NewDecoder(io.LimitReader(body, maxResult))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return v, fault.Wrap(err, fault.Internal, "a stored result cannot be read")
	}
	v.JobID, v.Status = j.ID, j.Status
	return v, nil
}

// output sends the client to the object itself, for a short time.
func (a *API) output(ctx context.Context, in *struct {
	JobPath
	Output int `path:"output" minimum:"0" maximum:"1000" doc:"its place in the result's outputs, from 0"`
}) (*struct {
	Location string `header:"Location"`
}, error) {
	v, err := a.result(ctx, in.Job)
	if err != nil {
		return nil, err
	}
	key := ""
	if in.Output < len(v.Outputs) {
		for _, kind := range []string{"table", "image"} {
			if o, ok := v.Outputs[in.Output][kind].(map[string]any); ok {
				key, _ = o["file"].(string)
			}
		}
	}
	if key == "" {
		return nil, fault.New(fault.NotFound, "There is no file for output %d of this job.", in.Output)
	}
	signed, err := a.Signer.SignGet(ctx, key, fmt.Sprintf("%s-%d%s", in.Job, in.Output, path.Ext(key)), 5*time.Minute)
	if err != nil {
		return nil, err
	}
	return &struct {
		Location string `header:"Location"`
	}{signed.URL}, nil
}

func (a *API) logs(ctx context.Context, in *struct {
	JobPath
	After int64 `query:"after" minimum:"0"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"500"`
}) (*struct {
	Body struct {
		Lines []LogLine `json:"lines" nullable:"false"`
		Next  int64     `json:"next"`
		Done  bool      `json:"done"`
	}
}, error) {
	j, err := a.Jobs.Get(ctx, caller(ctx).UserID, in.Job)
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Lines []LogLine `json:"lines" nullable:"false"`
			Next  int64     `json:"next"`
			Done  bool      `json:"done"`
		}
	}{}
	out.Body.Lines, out.Body.Next = []LogLine{}, in.After
	events, err := a.Jobs.Log().After(ctx, j.Owner, j.ID, in.After, in.Limit)
	for _, e := range events {
		out.Body.Next = e.Seq
		line := LogLine{Seq: e.Seq, Time: e.Time}
		if e.Type == "log" && json.Unmarshal(e.Data, &line) == nil {
			line.Seq, line.Time = e.Seq, e.Time
			out.Body.Lines = append(out.Body.Lines, line)
		}
	}
	out.Body.Done = j.Status.Terminal() && len(events) < in.Limit
	return out, err
}

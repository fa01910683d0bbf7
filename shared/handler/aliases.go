package handler

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/telemetry"
)

// The short paths of earlier tools: the same operations with their reply fields, and with true status codes. They wait for
// the end of the job unless Prefer says how long.

// AliasReply is the answer of /generate and /execute.
type AliasReply struct {
	Success    bool   `json:"success"`
	Code       string `json:"code"`
	Output     string `json:"output" doc:"what the program showed, as text"`
	Error      string `json:"error,omitempty"`
	SessionID  string `json:"session_id"`
	JobID      string `json:"job_id"`
	Iterations int    `json:"iterations"`
	Status     string `json:"status"`
}

type aliasOutput struct {
	Status   int
	Policy   string `header:"RateLimit-Policy"`
	Left     string `header:"RateLimit"`
	Replayed string `header:"Idempotent-Replayed"`
	Location string `header:"Location"`
	Body     AliasReply
}

type generateInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key and body give the same job, for seven days"`
	Prefer         string `header:"Prefer" maxLength:"100"`
	Body           struct {
		Prompt    string `json:"prompt"`
		SessionID string `json:"session_id" maxLength:"64"`
		Model     string `json:"model,omitempty" maxLength:"200"`
	}
}

type executeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"the same key and body give the same job, for seven days"`
	Prefer         string `header:"Prefer" maxLength:"100"`
	Body           struct {
		Code      string `json:"code"`
		SessionID string `json:"session_id" maxLength:"64"`
	}
}

func (a *API) aliasRoutes() {
	register(a, route("alias-generate", http.MethodPost, "/generate", "aliases", "Ask a question and wait for the answer"),
		func(ctx context.Context, in *generateInput) (*aliasOutput, error) {
			return a.alias(ctx, in.Prefer, job.Request{Kind: job.Interpret, SessionID: in.Body.SessionID, Prompt: in.Body.Prompt, Model: in.Body.Model,
				IdempotencyKey: in.IdempotencyKey})
		})
	execute := route("alias-execute", http.MethodPost, "/execute", "aliases", "Run a program and wait for its result")
	execute.MaxBodyBytes = 4 << 20
	register(a, execute, func(ctx context.Context, in *executeInput) (*aliasOutput, error) {
		return a.alias(ctx, in.Prefer, job.Request{Kind: job.Execute, SessionID: in.Body.SessionID, Code: in.Body.Code, IdempotencyKey: in.IdempotencyKey})
	})
	register(a, route("alias-history", http.MethodGet, "/history/{session}", "aliases", "What was asked and run in a session"), a.aliasHistory)
	register(a, route("alias-reset", http.MethodPost, "/sessions/{session}/reset", "aliases", "Remove all sources of a session"),
		func(ctx context.Context, in *SessionPath) (*struct{ Body Success }, error) {
			err := a.forgetting(in.Session, a.Sessions.Reset(ctx, caller(ctx).UserID, in.Session))
			return &struct{ Body Success }{Success{err == nil}}, err
		})
	register(a, route("alias-models", http.MethodGet, "/claude-models", "aliases", "The models that can be chosen"),
		func(ctx context.Context, _ *struct{}) (*struct{ Body AliasModels }, error) {
			return &struct{ Body AliasModels }{AliasModels{a.models(ctx)}}, nil
		})
}

// AliasModels is the list of models under its old path.
type AliasModels struct {
	Models []codegen.Listed `json:"models" nullable:"false"`
}

func (a *API) alias(ctx context.Context, prefer string, r job.Request) (*aliasOutput, error) {
	r.TraceParent = telemetry.TraceOf(ctx).String()
	done, err := a.Jobs.Create(ctx, caller(ctx).UserID, r)
	if err != nil {
		return nil, limited(ctx, err, done.Pace)
	}
	wait := preferredWait(prefer)
	if prefer == "" {
		wait = maxWait
	}
	j, err := a.await(ctx, done.Job, wait)
	if err != nil {
		return nil, err
	}
	out := &aliasOutput{Status: http.StatusOK, Location: "/api/v1/jobs/" + j.ID, Replayed: replayed(done.Replayed)}
	out.Policy, out.Left = rateLimit(done.Pace)
	out.Body = AliasReply{Success: j.Status == job.Completed, SessionID: j.SessionID, JobID: j.ID, Iterations: j.Iterations, Status: string(j.Status)}
	if out.Body.Code, err = a.Jobs.Program(ctx, j); err != nil {
		return nil, err
	}
	switch {
	case !j.Status.Terminal():
		out.Status = http.StatusAccepted
	case j.Failure != nil:
		out.Body.Error = whole(j.Failure)
	}
	if j.Status == job.Completed {
		v, err := a.result(ctx, j.ID)
		if err != nil {
			return nil, err
		}
		out.Body.Output = plain(v.Outputs)
	}
	return out, nil
}

// whole is a failure as one text: the sentence, and the program's own frames.
func whole(f *job.Failure) string {
	if f.Traceback == "" {
		return f.Message
	}
	return f.Message + "\n\n" + f.Traceback
}

// plain shows outputs as text: text as it is, rows as JSON objects, the rest by name.
func plain(outputs []map[string]any) string {
	if len(outputs) == 0 {
		return "(no output)"
	}
	var b strings.Builder
	for _, o := range outputs {
		switch o["kind"] {
		case "text":
			text, _ := o["text"].(string)
			b.WriteString(strings.TrimRight(text, "\n") + "\n")
		case "table":
			rows, _ := json.Marshal(rowsOf(o["table"]))
			b.Write(append(rows, '\n'))
		default:
			kind, _ := o["kind"].(string)
			b.WriteString("(" + kind + ")\n")
		}
	}
	return b.String()
}

func rowsOf(table any) []map[string]any {
	t, _ := table.(map[string]any)
	columns, _ := t["columns"].([]any)
	rows, _ := t["rows"].([]any)
	out := make([]map[string]any, 0, len(rows))
	for _, r := range rows {
		cells, _ := r.([]any)
		row := map[string]any{}
		for i, c := range columns {
			column, _ := c.(map[string]any)
			if name, ok := column["name"].(string); ok && i < len(cells) {
				row[name] = cells[i]
			}
		}
		out = append(out, row)
	}
	return out
}

// AliasHistory is a session's history under its old path.
type AliasHistory struct {
	Success      bool              `json:"success"`
	SessionID    string            `json:"session_id"`
	Next         string            `json:"next_cursor" doc:"the cursor of the next part; empty at the end"`
	Conversation []AliasGeneration `json:"conversation_history" nullable:"false"`
	Executions   []AliasExecution  `json:"execution_results" nullable:"false"`
}

// AliasGeneration is one question.
type AliasGeneration struct {
	Type       string  `json:"type"`
	Prompt     string  `json:"prompt"`
	Code       string  `json:"generated_code"`
	Iterations int     `json:"iterations"`
	Timestamp  float64 `json:"timestamp" doc:"seconds since 1970"`
}

// AliasExecution is one run, a failed one too.
type AliasExecution struct {
	Code      string  `json:"code"`
	Result    string  `json:"result"`
	Success   bool    `json:"success"`
	Status    string  `json:"status"`
	JobID     string  `json:"job_id"`
	Timestamp float64 `json:"timestamp" doc:"seconds since 1970"`
}

// maxHistory is how many jobs one answer of the old path has: its clients know no pages, but an answer must end.
const maxHistory = 1000

type aliasHistoryInput struct {
	SessionPath
	Cursor string `query:"cursor" maxLength:"2048" doc:"next_cursor of the part before; opaque"`
}

func (a *API) aliasHistory(ctx context.Context, in *aliasHistoryInput) (*struct{ Body AliasHistory }, error) {
	h := AliasHistory{Success: true, SessionID: in.Session, Conversation: []AliasGeneration{}, Executions: []AliasExecution{}}
	purpose := "alias-history " + in.Session
	cursor, err := a.openCursor(ctx, purpose, in.Cursor)
	if err != nil {
		return nil, err
	}
	for seen := 0; seen < maxHistory; {
		jobs, next, err := a.Jobs.List(ctx, caller(ctx).UserID, job.Filter{SessionID: in.Session}, cursor, min(200, maxHistory-seen))
		if err != nil {
			return nil, err
		}
		for i := range jobs {
			if err := a.remember(ctx, &h, &jobs[i]); err != nil {
				return nil, err
			}
		}
		seen += len(jobs)
		if cursor = next; cursor == "" {
			break
		}
	}
	h.Next, err = a.sealCursor(ctx, purpose, cursor)
	return &struct{ Body AliasHistory }{h}, err
}

// remember adds a job to the history.
func (a *API) remember(ctx context.Context, h *AliasHistory, j *job.Job) error {
	code, err := a.Jobs.Program(ctx, j)
	if err != nil {
		return err
	}
	if j.Kind == job.Interpret {
		h.Conversation = append(h.Conversation, AliasGeneration{Type: "generation", Prompt: j.Prompt, Code: code, Iterations: j.Iterations, Timestamp: seconds(j.Created)})
	}
	if !j.Status.Terminal() {
		return nil
	}
	e := AliasExecution{Code: code, Success: j.Status == job.Completed, Status: string(j.Status), JobID: j.ID, Timestamp: seconds(j.Completed)}
	if j.Failure != nil {
		e.Result = whole(j.Failure)
	}
	if v, err := a.result(ctx, j.ID); err == nil {
		e.Result = plain(v.Outputs)
	} else if !fault.Is(err, fault.NotFound) {
		return err
	}
	h.Executions = append(h.Executions, e)
	return nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

package interpret

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// Generate asks the model for the first program.
func (s *Steps) Generate(ctx context.Context, st State) (State, error) {
	j, over, err := s.open(ctx, st)
	if err != nil || over {
		st.Next = End
		return st, err
	}
	if j.StopRequested {
		return st.fail(job.Cancelled, nil), nil
	}
	switch _, err := s.jobs.Store().AttemptAt(ctx, j.Owner, j.ID, j.Attempt); {
	case err == nil:
		st.Next = ToValidate // written before a crash: never ask twice
		return st, nil
	case !fault.Is(err, fault.NotFound):
		return st, err
	}
	code, failure, err := s.ask(ctx, j, job.Generate, nil)
	if err != nil {
		return s.superseded(ctx, st, err)
	}
	if failure != nil {
		return s.endAsk(st, failure), nil
	}
	a := job.Attempt{Number: j.Attempt, Code: code, Hash: job.HashCode(code), Origin: "model", Started: s.now()}
	switch err := s.record(ctx, j, j.Attempt, a, nil); {
	case fault.Is(err, fault.TooLarge):
		return st.fail(job.Failed, tooLong()), nil
	case err != nil:
		return s.superseded(ctx, st, err)
	}
	st.Next = ToValidate
	return st, nil
}

// What of a model's program is kept, in bytes: a record holds it with its difference to the one before.
const (
	maxProgram = 100 << 10
	maxDiff    = 64 << 10
)

func tooLong() *job.Failure {
	return &job.Failure{Class: "policy", Message: "The model's program is too long to be kept. Ask for less at once."}
}

func (s *Steps) endAsk(st State, f *job.Failure) State {
	if f.Class == "stopped" {
		return st.fail(job.Cancelled, nil)
	}
	return st.fail(job.Failed, f)
}

// record stores a new attempt, makes it the current one, and shows its code.
func (s *Steps) record(ctx context.Context, j *job.Job, under int, a job.Attempt, previous *job.Attempt) error {
	if previous != nil {
		a.Diff = clip(codegen.Diff(previous.Code, a.Code), maxDiff)
	}
	w, err := s.jobs.Store().SaveAttempt(j.Owner, j.ID, a)
	if err != nil {
		return err
	}
	_, err = s.jobs.Advance(ctx, j.Owner, j.ID, under, func(j *job.Job) ([]table.Write, error) {
		j.Attempt = a.Number
		return []table.Write{w}, nil
	}, job.Draft{Type: "code", Data: map[string]any{
		"attempt": a.Number, "code": clip(a.Code, 60<<10), "origin": a.Origin, "change": a.Change, "hash": a.Hash, "diff": clip(a.Diff, 16<<10)}})
	return err
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "\n…"
}

// ask calls the model and takes the program out of its reply. A failure is the person's answer; an error is ours.
func (s *Steps) ask(ctx context.Context, j *job.Job, step job.Step, previous *codegen.Attempt) (string, *job.Failure, error) {
	_, err := s.jobs.Advance(ctx, j.Owner, j.ID, j.Attempt, func(j *job.Job) ([]table.Write, error) {
		j.Step, j.Entered = step, s.now()
		return nil, nil
	}, status(step, j.Attempt))
	if err != nil {
		return "", nil, err
	}
	bindings, err := s.jobs.Bindings(ctx, j)
	if err != nil {
		return "", nil, err
	}
	sources := make([]source.Source, len(bindings))
	for i, b := range bindings {
		profile := b.Profile
		sources[i] = source.Source{ID: b.ID, SessionID: j.SessionID, Name: b.Name, State: source.Ready, URI: b.URI, Bytes: profile.Bytes, Profile: &profile}
	}
	req := codegen.Request{Model: j.Model, MaxTokens: s.set.MaxTokens, Question: j.Prompt, Sources: sources, Previous: previous}
	req.Prompt = codegen.BuildPrompt(codegen.Input{Question: j.Prompt, Sources: sources, Previous: previous})
	watched, cancel := s.untilStopped(ctx, j)
	defer cancel()
	started := s.now()
	pieces := s.streamTokens(ctx, j, step)
	reply, err := s.model.Generate(watched, req, pieces.add)
	pieces.end()
	defer pieces.wait() // before the program's own event
	if errors.Is(context.Cause(watched), errStopRequested) {
		return "", &job.Failure{Class: "stopped"}, nil
	}
	if err != nil && ctx.Err() != nil {
		return "", nil, err // this process is ending, not the model's fault: the step is repeated
	}
	if costErr := s.bill(ctx, j, reply.Usage, s.now().Sub(started)); costErr != nil {
		return "", nil, costErr
	}
	if err != nil {
		return s.refusal(err)
	}
	code, err := codegen.Extract(reply)
	switch {
	case err != nil:
		return s.refusal(err)
	case len(code) > maxProgram:
		return "", tooLong(), nil
	}
	return code, nil, nil
}

// refusal sorts a model's error: what a person can act on is a failure of the job, the rest is retried by the state machine.
func (s *Steps) refusal(err error) (string, *job.Failure, error) {
	var bad *codegen.ReplyError
	if errors.As(err, &bad) {
		return "", &job.Failure{Class: "code", Name: "model_" + string(bad.Reason), Message: fault.MessageOf(err)}, nil
	}
	switch code := fault.CodeOf(err); code {
	case fault.Unprocessable, fault.Invalid, fault.Forbidden, fault.NotFound, fault.TooLarge:
		return "", &job.Failure{Class: classOfFault(code), Message: fault.MessageOf(err)}, nil
	case fault.Throttled:
		return "", &job.Failure{Class: "throttled", Message: fault.MessageOf(err)}, nil
	case fault.Unavailable, fault.Timeout:
		return "", &job.Failure{Class: "timeout", Message: fault.MessageOf(err)}, nil
	default:
		return "", nil, err
	}
}

func classOfFault(c fault.Code) string {
	if c == fault.Forbidden {
		return "denied"
	}
	return "policy"
}

func (s *Steps) bill(ctx context.Context, j *job.Job, u codegen.Usage, took time.Duration) error {
	_, err := s.jobs.Advance(context.WithoutCancel(ctx), j.Owner, j.ID, j.Attempt, func(j *job.Job) ([]table.Write, error) {
		j.Cost.ModelCalls++
		j.Cost.InputTokens += u.InputTokens
		j.Cost.OutputTokens += u.OutputTokens
		j.Cost.ModelSeconds += took.Seconds()
		return nil, nil
	})
	return err
}

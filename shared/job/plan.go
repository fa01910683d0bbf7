package job

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/fault"
	"github.com/orcray/orcray/shared/source"
	"github.com/orcray/orcray/shared/table"
)

// planned is a job that may be accepted, and what belongs to it.
type planned struct {
	job      *Job
	code     string           // the program it brings
	bindings []source.Binding // its sources with their whole profiles
}

// plan checks a request and makes the job it asks for, and the program it brings.
func (s *Service) plan(ctx context.Context, owner string, r Request) (planned, error) {
	if err := s.check(r); err != nil {
		return planned{}, err
	}
	rules := s.rulesNow(ctx)
	j := &Job{ID: s.newID(), Owner: owner, SessionID: r.SessionID, Kind: r.Kind, Status: Queued, Prompt: strings.TrimSpace(r.Prompt),
		Place: r.Place, FromJob: r.FromJob, Check: r.CheckOnly, Attempt: 1, Created: s.now(), Updated: s.now(), TraceParent: r.TraceParent,
		Limits: RunLimits{ValidateSeconds: rules.ValidateSeconds, ExecuteSeconds: rules.ExecuteSeconds, PlaceBytes: rules.PlaceLimit}}
	if j.Place == "" {
		j.Place = Auto
	}
	if r.ExecuteSeconds > 0 {
		j.Limits.ExecuteSeconds = r.ExecuteSeconds
	}
	if j.Kind == Interpret {
		model, err := s.model(r.Model, rules.Model)
		if err != nil {
			return planned{}, err
		}
		j.Model = model
	}
	p := planned{job: j, code: r.Code}
	if err := s.inherit(ctx, owner, &p, r); err != nil {
		return planned{}, err
	}
	// Always asked: a session is where a job gets its cell, so nobody may name one that is not theirs.
	if err := s.sessions.Exists(ctx, owner, j.SessionID); err != nil {
		return planned{}, err
	}
	if p.bindings == nil {
		var err error
		if p.bindings, err = s.sessions.Bind(ctx, owner, j.SessionID, r.Sources); err != nil {
			return planned{}, err
		}
	}
	switch {
	case j.Kind == Interpret && len(p.bindings) == 0:
		return planned{}, fault.At("/sources", "Choose at least one file to ask about: upload one, or select one that this session has.")
	case len(p.bindings) > MaxSources:
		return planned{}, fault.At("/sources", "A job reads at most %d sources; %d are selected. Unselect some.", MaxSources, len(p.bindings))
	}
	j.Sources = brief(p.bindings)
	return p, nil
}

// inherit takes over what the job named by FromJob had.
func (s *Service) inherit(ctx context.Context, owner string, p *planned, r Request) error {
	if r.FromJob == "" {
		return nil
	}
	from, err := s.store.Get(ctx, owner, r.FromJob)
	if err != nil {
		return err
	}
	if p.job.SessionID == "" {
		p.job.SessionID = from.SessionID
	}
	if len(r.Sources) == 0 {
		if p.bindings, err = s.Bindings(ctx, from); err != nil {
			return err
		}
	}
	if r.Code != "" || p.job.Kind != Execute {
		return nil
	}
	a, err := s.store.AttemptAt(ctx, owner, from.ID, from.Attempt)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if a.Code == "" {
		return fault.New(fault.Unprocessable, "The job %s has no program to run again.", from.ID)
	}
	p.code = a.Code
	return nil
}

func (s *Service) check(r Request) error {
	switch {
	case r.Kind == Interpret && strings.TrimSpace(r.Prompt) == "":
		return fault.At("/prompt", "The question is empty. Ask something about the data, for example “how many rows are there?”.")
	case len(r.Prompt) > s.rules.MaxPrompt:
		return fault.At("/prompt", "The question is %d bytes long; %d are allowed. Shorten it.", len(r.Prompt), s.rules.MaxPrompt)
	case !utf8.ValidString(r.Prompt) || strings.ContainsRune(r.Prompt, 0):
		return fault.At("/prompt", "The question holds bytes that are not text. Send it as UTF-8.")
	case r.Kind == Interpret && r.Code != "":
		return fault.At("/code", "A question brings no program. To run a program, use the kind \"execute\".")
	case r.Kind == Interpret && r.CheckOnly:
		return fault.At("/check_only", "Only a given program can be checked without a run. Use the kind \"execute\".")
	case r.Kind == Execute && r.FromJob == "" && strings.TrimSpace(r.Code) == "":
		return fault.At("/code", "The program is empty. Send Python code, or name a job whose program is to run again in from_job.")
	case len(r.Code) > s.rules.MaxCode:
		return fault.At("/code", "The program is %d bytes long; %d are allowed.", len(r.Code), s.rules.MaxCode)
	case !utf8.ValidString(r.Code) || strings.ContainsRune(r.Code, 0):
		return fault.At("/code", "The program holds bytes that are not text. Send it as UTF-8.")
	case r.ExecuteSeconds < 0 || r.ExecuteSeconds > s.rules.MaxExecute:
		return fault.At("/execute_seconds", "The time limit must be between 1 and %d seconds.", s.rules.MaxExecute)
	case r.SessionID == "" && r.FromJob == "":
		return fault.At("/session_id", "Name the session: create one with POST /api/v1/sessions.")
	}
	return nil
}

// Bindings gives the sources of a job with their whole profiles.
func (s *Service) Bindings(ctx context.Context, j *Job) ([]source.Binding, error) {
	out := make([]source.Binding, len(j.Sources))
	for i := range out {
		var err error
		if out[i], _, err = table.Load[source.Binding](ctx, s.table, bindingKey(j.Owner, j.ID, i)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// brief leaves out what makes profiles large: the record of a job is read and written many times.
func brief(bindings []source.Binding) []source.Binding {
	out := make([]source.Binding, len(bindings))
	for i, b := range bindings {
		p := &b.Profile
		p.Columns, p.Dialect, p.Preview, p.Warnings = nil, nil, nil, nil
		out[i] = b
	}
	return out
}

package sfntest

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orcray/orcray/shared/asl"
	"github.com/orcray/orcray/shared/fault"
)

// refusal is an error of the service: it is the client's, by its name.
type refusal struct{ name, message string }

func (r refusal) Error() string { return r.name + ": " + r.message }

// request holds the fields of all actions.
type request struct {
	StateMachineARN string `json:"stateMachineArn"`
	ExecutionARN    string `json:"executionArn"`
	Name            string `json:"name"`
	Input           *string
	Error, Cause    string
}

// ServeHTTP implements the actions that the adapter uses.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q request
	actions := map[string]func(context.Context, request) (any, error){"StartExecution": s.start, "DescribeExecution": s.describe, "StopExecution": s.stop}
	action := actions[strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AWSStepFunctions.")]
	out, err := any(nil), error(refusal{"UnknownOperationException", ""})
	switch {
	case action == nil:
	case r.Header.Get("Authorization") == "":
		err = refusal{"MissingAuthenticationTokenException", "Missing Authentication Token"}
	case json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q) != nil:
		err = refusal{"SerializationException", ""}
	default:
		out, err = action(r.Context(), q)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	var refused refusal
	switch {
	case errors.As(err, &refused):
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]string{"__type": refused.name, "message": refused.message}
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
		out = map[string]string{"__type": "InternalFailure", "message": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(out) // a client that is gone asks again
}

// start implements StartExecution: the same name and input while it runs is the same execution; after its end, or with another input,
// the name is taken.
func (s *Server) start(ctx context.Context, q request) (any, error) {
	machine, err := s.machineOf(q.StateMachineARN)
	if err != nil {
		return nil, err
	}
	input := "{}"
	if q.Input != nil {
		input = *q.Input
	}
	switch {
	case !validName(q.Name):
		return nil, refusal{"InvalidName", "Invalid Name: '" + q.Name + "'"}
	case len(input) > asl.MaxPayload:
		return nil, refusal{"ValidationException", "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"}
	case !json.Valid([]byte(input)):
		return nil, refusal{"InvalidExecutionInput", "Invalid State Machine Execution Input"}
	}
	s.starting.Lock()
	defer s.starting.Unlock()
	arn := executions + machine + ":" + q.Name
	known, err := os.ReadFile(s.inputFile(machine, q.Name))
	first := errors.Is(err, fs.ErrNotExist)
	if first { // started before its input is kept: should this process be killed in between, the same call comes again
		if err = s.engine.Start(ctx, machine, q.Name, json.RawMessage(input)); err == nil {
			err = keep(s.inputFile(machine, q.Name), input)
		}
	}
	taken := refusal{"ExecutionAlreadyExists", "Execution Already Exists: '" + arn + "'"}
	if fault.Is(err, fault.Conflict) {
		return nil, taken
	}
	if err != nil {
		return nil, err
	}
	x, err := s.engine.Describe(ctx, machine, q.Name)
	if err != nil {
		return nil, err
	}
	if !first && (string(known) != input || x.Status != asl.Running) {
		return nil, taken
	}
	return map[string]any{"executionArn": arn, "startDate": epoch(x.Started)}, nil
}

// keep writes a file whole or not at all.
func keep(file, text string) error {
	next := file + "~"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// describe implements DescribeExecution.
func (s *Server) describe(ctx context.Context, q request) (any, error) {
	machine, name, err := s.executionOf(q.ExecutionARN)
	if err != nil {
		return nil, err
	}
	x, err := s.engine.Describe(ctx, machine, name)
	if fault.Is(err, fault.NotFound) {
		return nil, noExecution(q.ExecutionARN)
	}
	if err != nil {
		return nil, err
	}
	input, err := os.ReadFile(s.inputFile(machine, name))
	if err != nil { // killed before it was kept: the interpreter's form of it says the same
		input = x.Input
	}
	out := map[string]any{"executionArn": q.ExecutionARN, "stateMachineArn": machines + machine, "name": name, "status": x.Status,
		"startDate": epoch(x.Started), "input": string(input), "inputDetails": map[string]bool{"included": true}, "redriveCount": 0}
	if x.Status != asl.Running {
		out["stopDate"] = epoch(x.Stopped)
	}
	if x.Status == asl.Succeeded {
		out["output"], out["outputDetails"] = string(x.Output), map[string]bool{"included": true}
	}
	if x.Error != "" {
		out["error"] = x.Error
	}
	if x.Cause != "" {
		out["cause"] = x.Cause
	}
	return out, nil
}

// stop implements StopExecution.
func (s *Server) stop(ctx context.Context, q request) (any, error) {
	machine, name, err := s.executionOf(q.ExecutionARN)
	if err != nil {
		return nil, err
	}
	err = s.engine.Stop(ctx, machine, name, q.Error, q.Cause)
	if fault.Is(err, fault.NotFound) {
		return nil, noExecution(q.ExecutionARN)
	}
	if err != nil {
		return nil, err
	}
	x, err := s.engine.Describe(ctx, machine, name)
	return map[string]any{"stopDate": epoch(x.Stopped)}, err
}

// epoch is how the protocol writes times.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// validName is what both the service and the interpreter take.
func validName(name string) bool {
	return name != "" && len(name) <= 80 && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

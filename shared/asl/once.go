package asl

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"time"

	"github.com/orcray/orcray/shared/fault"
)

// Once says how RunOnce runs a machine.
type Once struct {
	Invoker   Invoker // nil: a Task fails with States.Runtime
	Now       func() time.Time
	Random    io.Reader    // nil: crypto/rand
	Logger    *slog.Logger // nil: none
	SkipWaits bool         // jump over Wait states and the pauses before retries
}

// Result is how a run of RunOnce ended. As JSON it is what `orcray asl run` prints.
type Result struct {
	Status Status          `json:"status"`
	Output json.RawMessage `json:"output"` // null unless it succeeded
	Error  string          `json:"error"`
	Cause  string          `json:"cause"`
	Events []Event         `json:"-"`
}

// RunOnce runs a definition on an input without keeping anything, and waits for the end. The error is fault.Invalid for a
// wrong definition or input, fault.TooLarge for an input over MaxPayload, fault.Timeout when ctx ends first.
func RunOnce(ctx context.Context, o Once, def, input []byte) (Result, error) {
	m, err := Parse(def)
	if err != nil {
		return Result{}, err
	}
	data, err := canonical(input)
	if err != nil {
		return Result{}, err
	}
	journal := &nowhere{}
	e := New(Config{Journal: journal, Invoker: o.Invoker, Now: o.Now, Random: o.Random, Logger: o.Logger})
	if o.SkipWaits {
		e.clock = &skippingClock{read: o.Now}
	}
	r, record := e.fresh(Key{Machine: "StateMachine", Name: "execution"}, m, data)
	journal.history = record.History
	defer close(r.done)
	if err := r.drive(ctx); err != nil {
		return Result{}, fault.Wrap(err, fault.Timeout, "The execution did not end in the time it was given.")
	}
	return Result{Status: r.end.Status, Output: r.end.Output, Error: r.end.Error, Cause: r.end.Cause, Events: journal.history}, nil
}

// canonical checks an execution's input and brings it into the form in which inputs are compared.
func canonical(input []byte) (json.RawMessage, error) {
	if len(input) > MaxPayload {
		return nil, fault.New(fault.TooLarge, "The input of an execution has at most %d bytes; this one has %d.", MaxPayload, len(input))
	}
	v, err := decode(input)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "The input of an execution must be one JSON value.")
	}
	return encode(v), nil
}

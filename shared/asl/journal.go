package asl

import (
	"context"
	"encoding/json"
	"time"
)

// Status is what an execution is doing, or how it ended; the words are Step Functions'.
type Status string

// The statuses. All but Running are final.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// Key names an execution: its name is unique for its machine, for ever.
type Key struct {
	Machine string `json:"machine"`
	Name    string `json:"name"`
}

// Execution is what can be known about one execution from outside.
type Execution struct {
	Key
	Status  Status          `json:"status"`
	Input   json.RawMessage `json:"input"`
	Output  json.RawMessage `json:"output,omitempty"` // only when Succeeded
	Error   string          `json:"error,omitempty"`  // error name, when it ended badly
	Cause   string          `json:"cause,omitempty"`
	Started time.Time       `json:"started"`
	Stopped time.Time       `json:"stopped,omitzero"`
	Events  int64           `json:"events"` // how many the history has
}

// Event is one line of an execution's history; types and order are Step Functions'.
type Event struct {
	ID     int64           `json:"id"` // 1, 2, 3...
	Time   time.Time       `json:"time"`
	Type   string          `json:"type"`
	State  string          `json:"state,omitempty"`
	Detail json.RawMessage `json:"detail,omitempty"` // input, output, error and cause, as far as the type has them
}

// Record is an execution as the journal keeps it.
type Record struct {
	Execution
	Definition []byte            // the machine's text at the time of the start
	Seq        int64             // the number of the last committed step; 0 after Create
	Frames     map[string][]byte // by path; none once it ended
	History    []Event           // only in Create: the first events
}

// Step is one committed transition. All of it becomes durable, or none.
type Step struct {
	Key
	Seq    int64             // one more than the last committed step's
	Drop   []string          // frames whose path starts so go away, before Put
	Put    map[string][]byte // frames that are new or changed
	Events []Event
	End    *Execution // set by the last step: Status, Output, Error, Cause, Stopped; all frames go away
}

// Journal keeps executions. sqlitejournal is the durable one.
//
// Create makes a record durable before it returns; fault.Conflict when the key exists. Commit does the same for a step;
// fault.Conflict when the execution is not running or the step is not the next one, and then nothing is changed. Load
// gives a record without History; fault.NotFound. Running lists the executions that have not ended, oldest first. History
// gives up to limit events after an id, in order; fault.NotFound for an unknown execution.
type Journal interface {
	Create(ctx context.Context, r Record) error
	Commit(ctx context.Context, s Step) error
	Load(ctx context.Context, k Key) (Record, error)
	Running(ctx context.Context) ([]Key, error)
	History(ctx context.Context, k Key, after int64, limit int) ([]Event, error)
}

// nowhere is the journal of a run that is not meant to last.
type nowhere struct{ history []Event }

func (n *nowhere) Create(context.Context, Record) error { return nil }
func (n *nowhere) Commit(_ context.Context, s Step) error {
	n.history = append(n.history, s.Events...)
	return nil
}
func (n *nowhere) Load(context.Context, Key) (Record, error) { return Record{}, nil }
func (n *nowhere) Running(context.Context) ([]Key, error)    { return nil, nil }
func (n *nowhere) History(context.Context, Key, int64, int) ([]Event, error) {
	return n.history, nil
}

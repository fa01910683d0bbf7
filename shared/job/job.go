// Package job holds the one aggregate of all work: a question, a given program or a plugin run. It knows how a job is
// accepted, what may happen to it and in what order, and its event log; it does not know how the work is done.
package job

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/orcray/orcray/shared/source"
)

// Kind says what a job is asked to do.
type Kind string

// The kinds.
const (
	Interpret Kind = "interpret" // question → program → answer
	Execute   Kind = "execute"   // a given program → answer
)

// Status is where a job stands. Terminal states never change.
type Status string

// The statuses.
const (
	Queued     Status = "queued"
	Processing Status = "processing"
	Completed  Status = "completed"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
	TimedOut   Status = "timed_out"
)

// Terminal reports whether the status can never change.
func (s Status) Terminal() bool {
	return s == Completed || s == Failed || s == Cancelled || s == TimedOut
}

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return s == Queued || s == Processing || s.Terminal() }

// May reports whether a job may go from s to next.
func (s Status) May(next Status) bool {
	switch s {
	case Queued:
		return next == Processing || next.Terminal()
	case Processing:
		return next.Terminal()
	default:
		return false
	}
}

// Place is where runs happen.
type Place string

// The places; Auto lets orcray choose by the size of the data.
const (
	Auto    Place = "auto"
	Cell    Place = "cell"
	Cluster Place = "cluster"
)

// Step is a visible part of the way of a job.
type Step string

// The steps, in their order.
const (
	Prepare  Step = "prepare"
	Generate Step = "generate"
	Validate Step = "validate"
	Fix      Step = "fix"
	Running  Step = "execute"
	Finish   Step = "finish"
)

// Failure is why a job or an attempt failed: its class decides what happened next, Message is for the person.
type Failure struct {
	Class     string   `json:"class"`
	Message   string   `json:"message"`
	Name      string   `json:"name,omitempty"`      // of the exception
	Value     string   `json:"value,omitempty"`     // its text
	Traceback string   `json:"traceback,omitempty"` // the program's own frames
	Line      int      `json:"line,omitempty"`
	Column    int      `json:"column,omitempty"`
	Wrong     string   `json:"wrong,omitempty"`
	Nearest   []string `json:"nearest,omitempty"`
}

// Attempt is one try inside a job: a program, where it came from and what became of it.
type Attempt struct {
	Number   int       `json:"number"`
	Code     string    `json:"code"`
	Hash     string    `json:"hash"`             // SHA-256 of the code, hex
	Origin   string    `json:"origin"`           // model, repair (a deterministic fix), given, rerun (the last one was lost)
	Change   string    `json:"change,omitempty"` // of a repair, in words
	Diff     string    `json:"diff,omitempty"`   // against the attempt before, unified
	Failure  *Failure  `json:"failure,omitempty"`
	Verdict  string    `json:"verdict,omitempty"` // passed, failed, lost, stopped, timed_out; empty: not yet
	Place    Place     `json:"place,omitempty"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at,omitzero"`
}

// Cost is what a job used.
type Cost struct {
	ModelCalls   int     `json:"model_calls"`
	InputTokens  int     `json:"input_tokens"`
	OutputTokens int     `json:"output_tokens"`
	ModelSeconds float64 `json:"model_seconds"`
	RunSeconds   float64 `json:"run_seconds"`
}

// Job is the aggregate. Version grows with every write and is its ETag.
type Job struct {
	ID        string    `json:"id"`
	Owner     string    `json:"owner"`
	SessionID string    `json:"session_id"`
	Kind      Kind      `json:"kind"`
	Status    Status    `json:"status"`
	Step      Step      `json:"step,omitempty"`      // while processing
	Entered   time.Time `json:"entered_at,omitzero"` // the step

	Prompt  string           `json:"prompt,omitempty"`
	Model   string           `json:"model,omitempty"`
	Place   Place            `json:"place"`            // as asked
	RanIn   Place            `json:"ran_in,omitempty"` // as chosen
	FromJob string           `json:"from_job,omitempty"`
	Sources []source.Binding `json:"sources,omitempty"` // without what only a run needs of them: Service.Bindings has it
	Limits  RunLimits        `json:"limits"`
	Check   bool             `json:"check_only,omitempty"` // the program is proven and not run on the full data

	Attempt    int      `json:"attempt"`    // the current one; it fences every write of a step
	Iterations int      `json:"iterations"` // validations that came to a verdict
	Lost       int      `json:"lost"`       // runs that were lost with their place
	Validated  string   `json:"validated,omitempty"`
	Failure    *Failure `json:"failure,omitempty"`
	Isolation  string   `json:"isolation,omitempty"`
	Cost       Cost     `json:"cost"`

	StopRequested bool      `json:"stop_requested,omitempty"`
	Created       time.Time `json:"created_at"`
	Started       time.Time `json:"started_at,omitzero"`
	Completed     time.Time `json:"completed_at,omitzero"`
	Updated       time.Time `json:"updated_at"`
	TraceParent   string    `json:"trace_parent,omitempty"`

	Version int64 `json:"-"`
}

// RunLimits bound the runs of a job.
type RunLimits struct {
	ValidateSeconds int   `json:"validate_seconds"`
	ExecuteSeconds  int   `json:"execute_seconds"`
	PlaceBytes      int64 `json:"place_bytes,omitempty"` // of all sources up to which it runs in a cell; 0: as the steps say
}

// MaxValidations is how often a program of one job may be validated: the first time and two repairs.
const MaxValidations = 3

// MaxSources is how many sources one job reads.
const MaxSources = 20

// MaxLost is how many lost runs a job survives before it fails with lost_worker.
const MaxLost = 3

// Bytes is the size of all sources.
func (j *Job) Bytes() int64 {
	var n int64
	for _, s := range j.Sources {
		n += s.Profile.Bytes
	}
	return n
}

// RunID names the run of a step of the current attempt; the same id is never run twice.
func (j *Job) RunID(step Step) string {
	return j.ID + "-" + string(step) + "-" + strconv.Itoa(j.Attempt)
}

// Event is one line of a job's log. Seq starts at 1 and has no gaps.
type Event struct {
	Seq  int64           `json:"seq"`
	Time time.Time       `json:"time"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// EventTypes is the closed list of event types.
func EventTypes() []string {
	return []string{"status", "token", "code", "log", "progress", "read", "output", "failure"}
}

// KnownEvent reports whether typ is an event type.
func KnownEvent(typ string) bool { return slices.Contains(EventTypes(), typ) }

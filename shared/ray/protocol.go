// Package ray speaks to Ray: the runner protocol to a cell and to the cluster, and the dashboard's read-only API.
package ray

import (
	"encoding/json"
	"time"

	"github.com/orcray/orcray/shared/object"
	"github.com/orcray/orcray/shared/source"
)

// Mode says what a run may do: validate reads samples and writes to a scratch folder, execute does the real thing.
type Mode string

// The modes.
const (
	Validate Mode = "validate"
	Execute  Mode = "execute"
)

// RunSource is a source as a run sees it. A program reads URI; the runner leads that read to Files.
type RunSource struct {
	URI     string          `json:"uri"`
	Name    string          `json:"name"` // display name, for messages
	Format  source.Format   `json:"format"`
	Dialect *source.Dialect `json:"dialect,omitempty"`
	Columns []source.Column `json:"columns,omitempty"`
	Files   []string        `json:"files"` // in a cell: names in the inbox; on the cluster: object keys
	Rows    int64           `json:"rows"`  // of the whole source, for the read report; 0: unknown
}

// Limits bound one run. Zero means the runner's own default.
type Limits struct {
	WallSeconds float64 `json:"wall_seconds"`
	OutputBytes int64   `json:"output_bytes"` // of printed text; the rest is dropped, and said so
	InlineRows  int     `json:"inline_rows"`  // of a table output
	MaxOutputs  int     `json:"max_outputs"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"`
}

// Run is what POST /runs takes.
type Run struct {
	RunID   string      `json:"run_id"` // <job>-<step>-<attempt>
	Code    string      `json:"code"`
	Mode    Mode        `json:"mode"`
	Sources []RunSource `json:"sources"`
	Limits  Limits      `json:"limits"`
	// Cluster only: where whole outputs go, and the right to read the sources and write there.
	OutputPrefix string              `json:"output_prefix,omitempty"`
	Credentials  *object.Credentials `json:"credentials,omitempty"`
}

// RunState is where a run is.
type RunState string

// The states of a run. The last four are terminal.
const (
	Running   RunState = "running"
	Succeeded RunState = "succeeded"
	Failed    RunState = "failed"
	Stopped   RunState = "stopped"
	TimedOut  RunState = "timed_out"
)

// Terminal reports whether the state can never change.
func (s RunState) Terminal() bool { return s != Running && s != "" }

// Status is the answer to POST /runs and GET /runs/{id}.
type Status struct {
	RunID string   `json:"run_id"`
	State RunState `json:"state"`
}

// Event is one line of a run's log. Seq starts at 1 and has no gaps.
type Event struct {
	Seq  int64           `json:"seq"`
	Time time.Time       `json:"time"`
	Type string          `json:"type"` // status, log, progress, read, output, failure
	Data json.RawMessage `json:"data"`
}

// Failure is the data of a failure event, and of a check that failed before the run.
type Failure struct {
	Class     string   `json:"class"`               // code, unknown_column, unknown_name, missing_data, out_of_memory, lost_worker, timeout, policy, internal, ...
	Name      string   `json:"name"`                // of the exception, e.g. KeyError
	Value     string   `json:"value"`               // its text
	Traceback string   `json:"traceback,omitempty"` // the user's frames only, last 8 KiB
	Line      int      `json:"line,omitempty"`      // in the program, from 1
	Column    int      `json:"column,omitempty"`    // from 1
	Wrong     string   `json:"wrong,omitempty"`     // the name that does not exist
	Nearest   []string `json:"nearest,omitempty"`   // the nearest names that do
}

// Read is the data of a read event: one source, once per dataset that reads it.
type Read struct {
	URI     string   `json:"uri"`
	Columns []string `json:"columns,omitempty"` // read; empty: all
	Rows    int64    `json:"rows"`
	Bytes   int64    `json:"bytes"`
}

// Output is the data of an output event: a closed union by Kind.
type Output struct {
	Kind  string          `json:"kind"` // text, table, chart, image, error
	Name  string          `json:"name,omitempty"`
	Text  string          `json:"text,omitempty"`  // text
	Table *Table          `json:"table,omitempty"` // table
	Spec  json.RawMessage `json:"spec,omitempty"`  // chart: Vega-Lite with its data inline
	Image *Image          `json:"image,omitempty"` // image
	Error *Failure        `json:"error,omitempty"` // error
}

// Table is a table output. Rows holds the first rows as JSON values in column order; 64-bit integers beyond 2^53, dates and
// decimals are strings.
type Table struct {
	Columns []TableColumn       `json:"columns"`
	Rows    [][]json.RawMessage `json:"rows"`
	Total   int64               `json:"total"`          // rows of the whole
	File    string              `json:"file,omitempty"` // the whole as Parquet: a name in the outbox, or an object key
}

// TableColumn is a column of a table output.
type TableColumn struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Image is a PNG.
type Image struct {
	File   string `json:"file"` // a name in the outbox, or an object key
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

// Health is the answer to GET /health.
type Health struct {
	Ready     bool   `json:"ready"`   // a run can start
	AtRest    bool   `json:"at_rest"` // nothing runs and nothing is being made ready
	Ray       string `json:"ray"`     // version
	Python    string `json:"python"`
	Isolation string `json:"isolation,omitempty"`
	Claimed   bool   `json:"claimed,omitempty"` // a cell on the network has a lessee
}

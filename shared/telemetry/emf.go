package telemetry

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"sync"
	"time"
)

// Unit of a metric, as CloudWatch spells it.
type Unit string

// The units.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	Seconds      Unit = "Seconds"
	NoUnit       Unit = "None"
)

// Metric is one measured value.
type Metric struct {
	Name  string
	Value float64
	Unit  Unit
}

// Dimension tells metrics of one name apart. Each combination of values is a metric of its own, and costs as one: ids of users or
// jobs are never dimensions.
type Dimension struct{ Name, Value string }

// Limits of CloudWatch's embedded metric format.
const (
	maxMetrics    = 100
	maxDimensions = 30
	maxName       = 255
)

// Metrics writes metrics as log lines in CloudWatch's embedded metric format: no call, no library, and percentiles of the raw
// values. A nil Metrics writes nothing.
type Metrics struct {
	now   func() time.Time
	space string
	fixed []Dimension

	mu sync.Mutex
	w  io.Writer
}

// NewMetrics writes to w, one JSON object a line in one Write. space is CloudWatch's namespace; fixed dimensions go into every line.
func NewMetrics(w io.Writer, space string, now func() time.Time, fixed ...Dimension) *Metrics {
	return &Metrics{w: w, space: space, now: now, fixed: fixed}
}

type emfMetric struct {
	Name string `json:"Name"`
	Unit Unit   `json:"Unit"`
}

type emfDirective struct {
	Namespace  string      `json:"Namespace"`
	Dimensions [][]string  `json:"Dimensions"`
	Metrics    []emfMetric `json:"Metrics"`
}

type emfHead struct {
	Timestamp         int64          `json:"Timestamp"`
	CloudWatchMetrics []emfDirective `json:"CloudWatchMetrics"`
}

// Emit writes what was measured. What CloudWatch would refuse is left out: a value that is no number, an empty dimension, a name
// that is taken.
func (m *Metrics) Emit(ctx context.Context, dimensions []Dimension, metrics ...Metric) {
	if m == nil {
		return
	}
	line := map[string]any{}
	names := []string{}
	for _, d := range append(append([]Dimension{}, m.fixed...), dimensions...) {
		if _, taken := line[d.Name]; d.Name != "" && d.Value != "" && !taken && len(names) < maxDimensions {
			names = append(names, bound(d.Name, maxName))
			line[bound(d.Name, maxName)] = bound(d.Value, maxName)
		}
	}
	var listed []emfMetric
	for _, v := range metrics {
		_, taken := line[v.Name]
		if v.Name == "" || taken || math.IsNaN(v.Value) || math.IsInf(v.Value, 0) || len(listed) == maxMetrics {
			continue
		}
		listed = append(listed, emfMetric{Name: v.Name, Unit: v.Unit})
		line[v.Name] = v.Value
	}
	if len(listed) == 0 {
		return
	}
	if id := TraceID(ctx); id != "" {
		line["trace_id"] = id
	}
	line["_aws"] = emfHead{Timestamp: m.now().UnixMilli(), CloudWatchMetrics: []emfDirective{{
		Namespace: m.space, Dimensions: [][]string{names}, Metrics: listed}}}
	m.write(line)
}

func (m *Metrics) write(line map[string]any) {
	body, err := json.Marshal(line)
	if err != nil {
		return // of strings and numbers: cannot be
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.w.Write(append(body, '\n')) // a log that cannot be written is nobody's failure
}

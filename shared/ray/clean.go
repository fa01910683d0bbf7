package ray

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// Bounds of single fields. Longer texts are cut; longer lists are a violation, since a runner never makes them.
const (
	maxText    = 1 << 20
	maxName    = 512
	maxColumns = 10_000
	maxRows    = 10_000
	maxSpec    = 8 << 20
	maxPixels  = 20_000
)

// Log is the data of a log event: what the program printed.
type Log struct {
	Stream string `json:"stream"` // stdout, stderr, or raw: what the machinery said
	Text   string `json:"text"`
}

// clean replaces an event's data by what the protocol knows of it, and reports whether it knows the type.
func (c *Client) clean(runID string, e *Event) (known bool, err error) {
	var data any
	switch e.Type {
	case "status":
		var s struct {
			State RunState `json:"state"`
		}
		err = decode(e, &s)
		if err == nil && !s.State.valid() {
			err = violation("state %.20q", s.State)
		}
		data = s
	case "log":
		var l Log
		err = decode(e, &l)
		if l.Stream != "stdout" && l.Stream != "stderr" {
			l.Stream = "raw"
		}
		l.Text = clip(l.Text, maxText)
		data = l
	case "progress":
		data, err = cleanProgress(e)
	case "read":
		var r Read
		err = decode(e, &r)
		if err == nil && (r.Rows < 0 || r.Bytes < 0 || len(r.Columns) > maxColumns) {
			err = violation("a read of %d rows and %d bytes", r.Rows, r.Bytes)
		}
		r.URI = clip(r.URI, 2048)
		clipAll(r.Columns)
		data = r
	case "output":
		var o Output
		if err = decode(e, &o); err == nil {
			err = c.cleanOutput(runID, &o)
		}
		data = o
	case "failure":
		var f Failure
		err = decode(e, &f)
		f.bound()
		data = f
	default:
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if e.Data, err = json.Marshal(data); err != nil {
		return false, violation("%s data: %v", e.Type, err)
	}
	return true, nil
}

func decode(e *Event, into any) error {
	if err := json.Unmarshal(e.Data, into); err != nil {
		return violation("%s data: %v", e.Type, err)
	}
	return nil
}

// cleanProgress keeps a few plain values: what is shown beside a progress bar.
func cleanProgress(e *Event) (map[string]any, error) {
	var all map[string]any
	if err := decode(e, &all); err != nil {
		return nil, err
	}
	kept := map[string]any{}
	for name, value := range all {
		if text, ok := value.(string); ok {
			value = clip(text, maxName)
		}
		switch value.(type) {
		case string, float64, bool, nil:
			if len(kept) < 16 && len(name) <= 64 {
				kept[name] = value
			}
		}
	}
	return kept, nil
}

// cleanOutput enforces the closed union: a kind has its own content and no other.
func (c *Client) cleanOutput(runID string, o *Output) error {
	o.Name = clip(o.Name, maxName)
	only := Output{Kind: o.Kind, Name: o.Name}
	switch o.Kind {
	case "text":
		only.Text = clip(o.Text, maxText)
	case "table":
		if only.Table = o.Table; o.Table == nil {
			return violation("a table output without a table")
		}
		if err := c.cleanTable(runID, o.Table); err != nil {
			return err
		}
	case "chart":
		only.Spec = bytes.TrimSpace(o.Spec)
		if len(only.Spec) == 0 || only.Spec[0] != '{' || len(only.Spec) > maxSpec {
			return violation("a chart whose specification is no object or too large")
		}
	case "image":
		only.Image = o.Image
		if i := o.Image; i == nil || !c.cleanFile(runID, &i.File) || i.Width < 0 || i.Height < 0 || i.Width > maxPixels || i.Height > maxPixels {
			return violation("an image without a file or of no sensible size")
		}
	case "error":
		if only.Error = o.Error; o.Error == nil {
			return violation("an error output without an error")
		}
		only.Error.bound()
	default:
		return violation("an output of kind %.20q", o.Kind)
	}
	*o = only
	return nil
}

func (c *Client) cleanTable(runID string, t *Table) error {
	if len(t.Columns) > maxColumns || len(t.Rows) > maxRows || t.Total < int64(len(t.Rows)) {
		return violation("a table of %d columns, %d rows and %d in all", len(t.Columns), len(t.Rows), t.Total)
	}
	for i := range t.Columns {
		t.Columns[i].Name, t.Columns[i].Type = clip(t.Columns[i].Name, maxName), clip(t.Columns[i].Type, maxName)
	}
	for _, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return violation("a row of %d values in a table of %d columns", len(row), len(t.Columns))
		}
	}
	if t.File != "" && !c.cleanFile(runID, &t.File) {
		return violation("a table whose file is %.80q", t.File)
	}
	return nil
}

// cleanFile accepts a name in the run's folder of the outbox, which a cell's runner may write with that folder before it, or on a cluster
// an object key. Whether a key lies in the run's own prefix is for the caller, who knows it, to check.
func (c *Client) cleanFile(runID string, file *string) bool {
	name := *file
	if len(name) > 1024 || strings.ContainsFunc(name, unicode.IsControl) {
		return false
	}
	if c.keys {
		return name != "" && name[0] != '/' && !strings.Contains("/"+name+"/", "/../")
	}
	name = strings.TrimPrefix(name, runID+"/")
	*file = name
	return name != "" && len(name) <= 255 && name[0] != '.' && !strings.ContainsAny(name, `/\`)
}

// bound cuts a failure's texts; a class is one word.
func (f *Failure) bound() {
	f.Class, f.Name, f.Wrong = clip(f.Class, 64), clip(f.Name, maxName), clip(f.Wrong, maxName)
	f.Value, f.Traceback = clip(f.Value, 16<<10), clip(f.Traceback, 16<<10)
	f.Line, f.Column = max(f.Line, 0), max(f.Column, 0)
	if len(f.Nearest) > 20 {
		f.Nearest = f.Nearest[:20]
	}
	clipAll(f.Nearest)
	if !classes(f.Class) {
		f.Class = "internal"
	}
}

// classes is the closed list of failure classes.
func classes(class string) bool {
	switch class {
	case "code", "unknown_column", "unknown_name", "denied", "missing_data", "out_of_memory", "lost_worker", "throttled", "timeout",
		"policy", "internal":
		return true
	}
	return false
}

func clipAll(texts []string) {
	for i := range texts {
		texts[i] = clip(texts[i], maxName)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/orcray/orcray/shared/handler"
	"github.com/orcray/orcray/shared/job"
	"github.com/orcray/orcray/shared/source"
)

// printer shows a job on a terminal. Everything that comes from data is shown without control characters.
type printer struct {
	quiet    bool
	out      io.Writer
	step     job.Step
	note     string
	operator string // of the last progress
}

func (p *printer) say(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.out, format, args...)
	}
}

// plain makes text harmless for a terminal; line breaks and tabs stay.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}

func (p *printer) source(s source.Source) {
	names := make([]string, 0, len(s.Profile.Columns))
	for _, c := range s.Profile.Columns {
		names = append(names, c.Name+" "+string(c.Type))
	}
	p.say("%s: %d rows; %s\n", plain(s.Name), s.Profile.Rows, plain(clip(strings.Join(names, ", "), 160)))
	for _, w := range s.Profile.Warnings {
		p.say("  note: %s\n", plain(w.Detail))
	}
}

func (p *printer) begin(id string) { p.say("job %s\n", id) }

func (p *printer) event(e job.Event) {
	switch e.Type {
	case "status":
		p.status(e)
	case "code":
		var d struct {
			Code, Origin, Change string
			Attempt              int
		}
		if json.Unmarshal(e.Data, &d) == nil {
			if d.Change != "" {
				p.say("  repaired: %s\n", plain(d.Change))
			}
			p.say("%s\n", indent(plain(d.Code)))
		}
	case "progress":
		p.progress(e)
	case "failure":
		var d struct {
			job.Failure
			Step job.Step // of a run; the job's own failure comes again at the end
		}
		if json.Unmarshal(e.Data, &d) == nil && d.Step != "" {
			p.say("  ✗ %s: %s\n", plain(d.Name), plain(clip(d.Value, 300)))
		}
	}
}

// progress says which part of a program is at work, once for each: a line a second would bury the rest.
func (p *printer) progress(e job.Event) {
	var d struct {
		Operator            string
		Rows                int64
		Finished, Operators int
	}
	if json.Unmarshal(e.Data, &d) != nil || d.Operator == "" || d.Operator == p.operator {
		return
	}
	p.operator = d.Operator
	p.say("  … %s, part %d of %d, %d rows so far\n", plain(clip(d.Operator, 80)), d.Finished+1, d.Operators, d.Rows)
}

func (p *printer) status(e job.Event) {
	var d job.StatusData
	if json.Unmarshal(e.Data, &d) != nil {
		return
	}
	if d.Step != "" && d.Step != p.step {
		p.say("▸ %s\n", d.Step)
		p.step = d.Step
	}
	if d.Note != "" && d.Note != p.note {
		p.say("  %s\n", plain(d.Note))
		p.note = d.Note
	}
}

func indent(s string) string {
	return "    " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n    ")
}

func (p *printer) result(r handler.ResultView) {
	p.say("\n")
	for _, o := range r.Outputs {
		switch o["kind"] {
		case "text":
			text, _ := o["text"].(string)
			fmt.Fprint(p.out, plain(text))
			if !strings.HasSuffix(text, "\n") {
				fmt.Fprintln(p.out)
			}
		case "table":
			p.table(o["table"])
		case "chart":
			fmt.Fprintln(p.out, "(a chart: open the page to see it)")
		case "image":
			fmt.Fprintln(p.out, "(an image: open the page to see it)")
		}
	}
	for _, read := range r.Reads {
		p.say("read %v: %v rows\n", plain(fmt.Sprint(read["uri"])), read["rows"])
	}
}

// shown is how many rows of a table a terminal gets.
const shown = 50

func (p *printer) table(v any) {
	t, _ := v.(map[string]any)
	columns, _ := t["columns"].([]any)
	rows, _ := t["rows"].([]any)
	w := tabwriter.NewWriter(p.out, 2, 8, 2, ' ', 0)
	var head []string
	for _, c := range columns {
		column, _ := c.(map[string]any)
		head = append(head, cellText(column["name"]))
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for _, r := range rows[:min(len(rows), shown)] {
		cells, _ := r.([]any)
		var line []string
		for _, c := range cells {
			line = append(line, cellText(c))
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	_ = w.Flush() // the terminal is gone
	if total, ok := t["total"].(float64); ok && int(total) > min(len(rows), shown) {
		fmt.Fprintf(p.out, "… %d rows in all\n", int(total))
	}
}

func cellText(v any) string {
	if v == nil {
		return "–"
	}
	if s, ok := v.(string); ok {
		return strings.NewReplacer("\n", "⏎", "\t", " ").Replace(plain(clip(s, 60)))
	}
	text, err := json.Marshal(v)
	if err != nil {
		return "?"
	}
	return clip(string(text), 60)
}

func (p *printer) end(j handler.JobView) {
	if j.Failure != nil {
		fmt.Fprintf(p.out, "%s: %s\n", j.Status, plain(j.Failure.Message))
		return
	}
	if j.Status != job.Completed {
		fmt.Fprintln(p.out, j.Status)
		return
	}
	took := ""
	if j.Completed != nil {
		took = fmt.Sprintf(" in %.1f s", j.Completed.Sub(j.Created).Seconds())
	}
	p.say("%s%s, %d validation(s), ran in a %s (%s)\n", j.Status, took, j.Iterations, j.RanIn, j.Isolation)
}

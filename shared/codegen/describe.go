package codegen

import (
	"fmt"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// previewLines and examples bound what a prompt shows of a source's rows.
const (
	previewLines = 5
	examples     = 3
)

type shownColumn struct {
	Name     quoted   `json:"name"`
	Note     string   `json:"note,omitempty"`
	Type     quoted   `json:"type"`
	Format   quoted   `json:"format,omitempty"`
	Nulls    int64    `json:"nulls"`
	Distinct int      `json:"distinct,omitempty"`
	Min      quoted   `json:"min,omitempty"`
	Max      quoted   `json:"max,omitempty"`
	Examples []quoted `json:"examples,omitempty"`
}

type shownDialect struct {
	Delimiter quoted   `json:"delimiter,omitempty"`
	Quote     quoted   `json:"quote,omitempty"`
	Header    bool     `json:"header"`
	Encoding  quoted   `json:"encoding,omitempty"`
	Decimal   quoted   `json:"decimal,omitempty"`
	Nulls     []quoted `json:"nulls,omitempty"`
	SkipRows  int      `json:"skip_rows,omitempty"`
}

// describe writes one source as JSON: its name, exact address, how to read it, columns and first lines. It tries less
// detail until the text fits the room; the name and the address are never left out.
func describe(s source.Source, room int) string {
	head := sourceHead(s)
	if s.Profile == nil {
		return head + "}"
	}
	preview := previewPart(s.Profile.Preview)
	columns := s.Profile.Columns
	room -= len(head) + len("}")
	if lines, whole := columnLines(columns, true, room-len(preview)); whole {
		return head + lines + preview + "}"
	}
	if lines, whole := columnLines(columns, false, room-len(preview)); whole {
		return head + lines + preview + "}"
	}
	lines, _ := columnLines(columns, false, room)
	return head + lines + "}"
}

func sourceHead(s source.Source) string {
	name, _ := fit(s.Name, maxName)
	uri, _ := fit(s.URI, maxURI)
	var b strings.Builder
	fmt.Fprintf(&b, "{\"name\": %s,\n \"uri\": %s", oneLine(name), oneLine(uri))
	p := s.Profile
	if p == nil {
		return b.String()
	}
	format, _ := fit(string(p.Format), maxName)
	fmt.Fprintf(&b, ",\n \"format\": %s, \"read_with\": %q, \"rows\": %d, \"rows_counted\": %t", oneLine(format), reader(p.Format), p.Rows, p.Exact)
	if p.Dialect != nil {
		fmt.Fprintf(&b, ",\n \"dialect\": %s", oneLine(shown(*p.Dialect)))
	}
	return b.String()
}

func reader(f source.Format) string {
	switch f {
	case source.JSONLines:
		return "ray.data.read_json"
	case source.Parquet:
		return "ray.data.read_parquet"
	}
	return "ray.data.read_csv"
}

func shown(d source.Dialect) shownDialect {
	return shownDialect{
		Delimiter: short(d.Delimiter), Quote: short(d.Quote), Header: d.Header, Encoding: short(d.Encoding),
		Decimal: short(d.Decimal), Nulls: shortAll(d.Nulls, previewLines), SkipRows: d.SkipRows,
	}
}

// columnLines shows as many columns as the room takes, with a note about the others; whole says that there are none.
func columnLines(columns []source.Column, detail bool, room int) (text string, whole bool) {
	room -= 120 // the brackets and the note
	var lines []string
	for i, c := range columns {
		line := oneLine(column(c, i, detail))
		if room -= len(line) + len(",\n  "); room < 0 {
			lines = append(lines, fmt.Sprintf(`{"note": "%d more columns are not shown; ask ds.schema() for their names"}`, len(columns)-i))
			break
		}
		lines = append(lines, line)
	}
	return ",\n \"columns\": " + lineList(lines), room >= 0
}

func column(c source.Column, index int, detail bool) shownColumn {
	name, cut := fit(c.Name, maxName)
	out := shownColumn{Name: name, Type: short(string(c.Type)), Nulls: c.Nulls}
	if cut {
		out.Note = fmt.Sprintf("the name is cut: read it as ds.schema().names[%d]", index)
	}
	if detail {
		out.Format, out.Distinct = short(c.Format), c.Distinct
		out.Min, out.Max = sample(c.Min), sample(c.Max)
		for _, e := range c.Examples[:min(examples, len(c.Examples))] {
			out.Examples = append(out.Examples, sample(e))
		}
	}
	return out
}

func previewPart(lines []string) string {
	shown := make([]string, 0, previewLines)
	for _, line := range lines[:min(previewLines, len(lines))] {
		shown = append(shown, oneLine(sample(line)))
	}
	return ",\n \"preview\": " + lineList(shown)
}

func short(text string) quoted {
	q, _ := fit(text, maxName)
	return q
}

func shortAll(texts []string, limit int) []quoted {
	var out []quoted
	for _, text := range texts[:min(limit, len(texts))] {
		out = append(out, short(text))
	}
	return out
}

// sample ends with "…" where something was cut.
func sample(text string) quoted {
	q, cut := fit(text, maxSample-1)
	if cut {
		return q + "…"
	}
	return q
}

package offline

import (
	"fmt"
	"strings"
)

// header writes the comments that say how the question was read. Names and values stand in quotes on one line each.
func (w *writer) header(b *strings.Builder) {
	fmt.Fprintf(b, "# Question: %s\n", pyString(clip(w.question, 300)))
	fmt.Fprintf(b, "# Read as: %s\n", w.meaning())
	var files []string
	for _, t := range w.plan.tables {
		files = append(files, pyString(t.source.Name))
	}
	fmt.Fprintf(b, "# From: %s\n", strings.Join(files, " and "))
	for _, f := range w.plan.filters {
		fmt.Fprintf(b, "# Only rows where %s\n", f.words())
	}
	for _, f := range w.plan.part {
		fmt.Fprintf(b, "# The part: rows where %s\n", f.words())
	}
	for _, h := range w.plan.having {
		fmt.Fprintf(b, "# Only groups whose %s %s %s\n", w.plan.measures[h.measure].words(), h.op, pyNumber(h.value))
	}
	if w.plan.join != nil {
		fmt.Fprintf(b, "# Joined: %s of %s with %s of %s\n", pyString(w.plan.join.left.Name), pyString(w.plan.tables[0].source.Name), pyString(w.plan.join.right.Name), pyString(w.plan.tables[1].source.Name))
	}
	for _, n := range w.plan.notes {
		fmt.Fprintf(b, "# Note: %s\n", n)
	}
	for _, t := range w.plan.tables {
		if left := len(t.source.Profile.Columns) - len(wholeNames(t)); left > 0 && (w.plan.shape == listing || w.plan.shape == missing) {
			fmt.Fprintf(b, "# Note: %d columns with nested or mixed values are left out\n", left)
		}
	}
	if len(w.plan.keys) > 0 && w.plan.shape != distinct {
		b.WriteString("# Rows whose group is missing are left out; missing numbers are skipped.\n")
	}
}

var figureWords = map[string]string{"rows": "number of rows", "count": "number of values", "sum": "total", "mean": "average", "min": "lowest", "max": "highest", "std": "standard deviation (of a sample)", "var": "variance (of a sample)", "range": "range", "median": "median", "distinct": "number of different values", "missing": "number of missing values"}

// meaning says in one line what is computed: the answer's shape, its figures, groups, order, cut and drawing.
func (w *writer) meaning() string {
	p := w.plan
	var what []string
	for _, m := range p.measures {
		what = append(what, m.words())
	}
	for _, c := range p.columns {
		what = append(what, pyString(c.Name))
	}
	text := orElse(shapeWords[p.shape], string(p.shape))
	if len(what) > 0 {
		text += ": " + strings.Join(what, ", ")
	}
	var by []string
	for _, k := range p.keys {
		by = append(by, k.words())
	}
	if len(by) > 0 {
		text += " by " + strings.Join(by, ", ")
	}
	if p.percent {
		text += ", and its percentage of the total"
	}
	if p.bins > 0 {
		text += fmt.Sprintf(", in %d intervals", p.bins)
	}
	text += w.orderWords()
	if p.limit > 0 {
		text += fmt.Sprintf(", the first %d", p.limit)
	}
	if p.chart != "" {
		text += ", drawn as a chart: " + p.chart
	}
	return text
}

var shapeWords = map[shape]string{distinct: "different values", listing: "rows", missing: "missing values of each column", part: "percentage of the whole", scatter: "points", countGroups: "number of groups"}

func (w *writer) orderWords() string {
	text := ""
	for _, o := range w.plan.order {
		text += ", sorted by "
		switch {
		case o.measure >= 0:
			text += w.plan.measures[o.measure].words()
		case o.key >= 0:
			text += w.plan.keys[o.key].words()
		default:
			text += pyString(o.column.Name)
		}
		if o.desc {
			text += " downwards"
		}
	}
	return text
}

func (m measure) words() string {
	words, ok := figureWords[m.fn]
	if !ok {
		words = "percentile " + strings.TrimPrefix(m.fn, "q")
	}
	if m.column != nil {
		words += " of " + pyString(m.column.Name)
	}
	return words
}

func (k key) words() string { return strings.TrimSpace(k.grain + " " + pyString(k.column.Name)) }

func (f filter) words() string {
	name := pyString(f.column.Name)
	switch f.op {
	case "missing", "present", "true", "false":
		return name + " is " + f.op
	case "from":
		return fmt.Sprintf("%s is from %s to before %s", name, f.values[0].text, f.values[0].until)
	}
	var values []string
	for _, v := range f.values {
		switch {
		case f.column.numeric():
			values = append(values, pyNumber(v.number))
		case v.exact || f.column.temporal():
			values = append(values, pyString(v.text))
		default:
			values = append(values, pyString(v.text)+" in any case")
		}
	}
	not := ""
	if f.negate {
		not = "not "
	}
	return fmt.Sprintf("%s %s%s %s", name, not, f.op, strings.Join(values, " or "))
}

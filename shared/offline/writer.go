package offline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/codegen"
	"github.com/orcray/orcray/shared/source"
)

// writer turns a plan into a program. Every name and value from outside passes through pyString.
type writer struct {
	question string
	plan     plan
	lenient  bool               // a cell that cannot be read counts as missing
	names    map[*column]string // how a column is called after reading
	imports  map[string]bool
	lines    []string
}

// joinKey is what the columns of a join are called when their name is not ASCII, which Ray 2.60 cannot join by.
const joinKey = "join_key"

func newWriter(question string, p plan) *writer {
	w := &writer{question: question, plan: p, names: map[*column]string{}, imports: map[string]bool{"import ray": true}}
	for i, t := range p.tables {
		for _, c := range t.columns {
			w.names[c] = c.Name
			if p.join != nil && (c == p.join.right || c == p.join.left) && (c.Name == p.join.left.Name || !ascii(c.Name)) {
				if !ascii(p.join.left.Name) {
					w.names[c] = joinKey
				}
				continue
			}
			if i == 1 && slices.ContainsFunc(p.tables[0].columns, func(o *column) bool { return o.Name == c.Name }) {
				w.names[c] = c.Name + " (" + t.source.Name + ")"
			}
		}
	}
	return w
}

// repair prepares the other way to read, if the earlier program failed for a cell that is not what its column holds.
func (w *writer) repair(previous *codegen.Attempt) bool {
	text := previous.Traceback
	readable := strings.Contains(text, "conversion error") || strings.Contains(text, "Failed to read CSV") || strings.Contains(text, "time data") || strings.Contains(text, "to_datetime")
	if !readable || strings.Contains(previous.Code, `errors="coerce"`) {
		return false
	}
	w.lenient = slices.ContainsFunc(w.plan.tables, func(t *tableInfo) bool { return t.source.Profile.Format == source.CSV })
	return w.lenient
}

// program gives the whole text.
func (w *writer) program() string {
	w.reads()
	w.prepare()
	w.answer()
	var b strings.Builder
	w.header(&b)
	plain, from := []string{}, []string{}
	for line := range w.imports {
		if strings.HasPrefix(line, "from ") {
			from = append(from, line)
		} else {
			plain = append(plain, line)
		}
	}
	slices.Sort(plain)
	slices.Sort(from)
	for _, line := range append(plain, from...) {
		b.WriteString(line + "\n")
	}
	for _, line := range append([]string{""}, w.lines...) {
		b.WriteString(line + "\n")
	}
	return b.String()
}

func (w *writer) use(lines ...string) {
	for _, l := range lines {
		w.imports[l] = true
	}
}

func (w *writer) add(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

// ref is a column's quoted name in the program.
func (w *writer) ref(c *column) string { return pyString(w.names[c]) }

func (w *writer) reads() {
	p := w.plan
	if p.shape == listing && len(p.order) == 0 {
		w.add("ray.data.DataContext.get_current().execution_options.preserve_order = True  # rows in the order of the file")
		w.add("")
	}
	if w.lenient {
		w.add(`print("Cells that are no numbers or no dates where the column holds such are taken as missing.")`)
	}
	if p.join == nil {
		w.add("ds = %s", w.reader(p.tables[0], w.needed(p.tables[0])))
		return
	}
	for i, name := range []string{"left", "right"} {
		t := p.tables[i]
		key := []*column{p.join.left, p.join.right}[i]
		w.add("%s = %s", name, w.reader(t, appendNew(w.needed(t), key)))
		renames := []string{}
		for _, c := range appendNew(w.needed(t), key) {
			if w.names[c] != c.Name {
				renames = append(renames, pyString(c.Name)+": "+w.ref(c))
			}
		}
		if len(renames) > 0 {
			w.add("%s = %s.rename_columns({%s})", name, name, strings.Join(renames, ", "))
		}
	}
	w.uniqueCheck()
	on := fmt.Sprintf("on=(%s,)", w.ref(p.join.left))
	if w.names[p.join.left] != w.names[p.join.right] {
		on += fmt.Sprintf(", right_on=(%s,)", w.ref(p.join.right))
	}
	w.add("ds = left.join(right, join_type=\"inner\", num_partitions=%d, %s)", w.partitions(), on)
}

// uniqueCheck stops a join that would double rows, when the sample could not rule it out.
func (w *writer) uniqueCheck() {
	if w.plan.join.right.unique() {
		return
	}
	w.use("from ray.data.aggregate import Count, Max")
	key := w.ref(w.plan.join.right)
	w.add("repeats = right.groupby(%s).aggregate(Count(alias_name=\"rows\")).aggregate(Max(\"rows\"))", key)
	w.add("if repeats and (repeats[\"max(rows)\"] or 0) > 1:")
	w.add("    raise ValueError(\"several rows share one value of \" + %s + \", so a join would count rows twice\")", key)
}

// partitions sizes the join for its bytes: one for small data, about 128 MiB each for large.
func (w *writer) partitions() int64 {
	var bytes int64
	for _, t := range w.plan.tables {
		bytes += t.source.Profile.Bytes
	}
	return max(1, bytes>>27)
}

func appendNew(list []*column, c *column) []*column {
	if slices.Contains(list, c) {
		return list
	}
	return append(list, c)
}

// needed gives the columns of a source that the plan reads, in the source's order; all of them for whole rows.
func (w *writer) needed(t *tableInfo) []*column {
	p := w.plan
	if p.shape == missing || p.shape == listing && len(p.columns) == 0 {
		return t.columns
	}
	used := map[*column]bool{}
	for _, k := range p.keys {
		used[k.column] = true
	}
	for _, m := range p.measures {
		used[m.column] = true
	}
	for _, f := range append(slices.Clone(p.filters), p.part...) {
		used[f.column] = true
	}
	for _, c := range p.columns {
		used[c] = true
	}
	for _, o := range p.order {
		used[o.column] = true
	}
	var out []*column
	for _, c := range t.columns {
		if used[c] {
			out = append(out, c)
		}
	}
	return out
}

// reader writes the call that reads a source with everything that is known about how it is written.
func (w *writer) reader(t *tableInfo, columns []*column) string {
	uri := pyString(t.source.URI)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	whole := len(columns) == 0 || w.plan.shape == missing || w.plan.shape == listing && len(w.plan.columns) == 0
	switch t.source.Profile.Format {
	case source.Parquet:
		if whole {
			return fmt.Sprintf("ray.data.read_parquet(%s)", uri)
		}
		return fmt.Sprintf("ray.data.read_parquet(%s, columns=%s)", uri, pyList(names))
	case source.JSONLines:
		return w.jsonReader(t, columns, whole)
	}
	return w.csvReader(t, columns)
}

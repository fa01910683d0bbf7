package offline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// answer writes the reduction and the value of the last line.
func (w *writer) answer() {
	w.use("import pandas as pd")
	switch w.plan.shape {
	case listing:
		w.listing()
	case missing:
		w.missingValues()
	case correlation:
		w.correlation()
	case histogram:
		w.histogram()
	case scatter:
		w.scatter()
	case part:
		w.part()
	default:
		w.aggregate()
	}
}

// keyName is what a group's column is called while it is computed: Ray 2.60 fails where the name of a key is not ASCII.
func (w *writer) keyName(i int) string {
	if title := w.title(i); ascii(title) {
		return title
	}
	return "group_" + strconv.Itoa(i+1)
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// title is what a group's column is called in the answer.
func (w *writer) title(i int) string {
	k := w.plan.keys[i]
	name := w.names[k.column]
	if name == joinKey {
		name = k.column.Name
	}
	if k.grain == "" || k.grain == "day" && k.column.Type == "date" {
		return name
	}
	taken := func(s string) bool {
		for _, t := range w.plan.tables {
			if slices.ContainsFunc(t.columns, func(c *column) bool { return w.names[c] == s }) {
				return true
			}
		}
		return slices.ContainsFunc(w.plan.keys[:i], func(o key) bool { return o.grain == k.grain })
	}
	if taken(k.grain) {
		return name + "_" + k.grain
	}
	return k.grain
}

// alias is what a measure is called in the answer: sum_revenue, count. It never meets a group's name.
func (w *writer) alias(m measure) string {
	name := "count"
	if m.column != nil {
		name = m.fn + "_" + w.names[m.column]
	}
	for i := range w.plan.keys {
		if w.title(i) == name {
			name += "_of_rows"
		}
	}
	return name
}

func (w *writer) keyNames() []string {
	out := make([]string, len(w.plan.keys))
	for i := range w.plan.keys {
		out[i] = w.keyName(i)
	}
	return out
}

func (w *writer) aliases() []string {
	var out []string
	for _, m := range w.plan.measures {
		out = append(out, w.alias(m))
	}
	return out
}

func (w *writer) aggregate() {
	p := w.plan
	if len(p.keys) == 0 && len(p.measures) == 1 && p.measures[0].fn == "rows" {
		w.add("answer = pd.DataFrame({\"count\": [ds.count()]})")
		w.add("answer")
		return
	}
	grouped := w.reduction()
	columns := pyList(append(w.keyNames(), w.aliases()...))
	switch {
	case len(p.keys) == 0:
		w.add("answer = pd.DataFrame([%s or {}], columns=%s)", grouped, pyList(w.rawAliases()))
		w.finishMeasures(columns)
	case w.large():
		w.largeAnswer(grouped, columns)
		return
	default:
		w.add("groups = %s", grouped)
		w.add("answer = pd.DataFrame(groups.take_all(), columns=%s)", pyList(append(w.keyNames(), w.rawAliases()...)))
		w.finishMeasures(columns)
		w.having()
		if p.shape == countGroups {
			w.add("answer = pd.DataFrame({\"count\": [len(answer)]})")
			w.add("answer")
			return
		}
		w.sorted()
	}
	w.show()
}

// retitle gives groups their own names back.
func (w *writer) retitle(call string) {
	var pairs []string
	for i := range w.plan.keys {
		if w.keyName(i) != w.title(i) {
			pairs = append(pairs, pyString(w.keyName(i))+": "+pyString(w.title(i)))
		}
	}
	if len(pairs) > 0 {
		w.add("answer = answer.%s{%s})", call, strings.Join(pairs, ", "))
	}
}

// large reports whether the groups may be too many for one machine: they then stay a dataset.
func (w *writer) large() bool {
	p := w.plan
	if p.percent || len(p.having) > 0 || p.chart != "" || w.needsGroups() || slices.ContainsFunc(p.measures, func(m measure) bool { return m.fn == "var" || m.fn == "range" }) {
		return false
	}
	groups := 1
	for _, k := range p.keys {
		if k.grain == "weekday" {
			return false
		}
		if k.grain == "" {
			groups *= max(1, k.column.Distinct)
		}
	}
	return groups >= 1000
}

func (w *writer) largeAnswer(grouped, columns string) {
	by, desc := w.orderLists()
	for i := range desc {
		desc[i] = map[string]string{"True": "False", "False": "True"}[desc[i]] // pandas says ascending, Ray descending
	}
	w.add("answer = %s.sort(%s, descending=[%s])", grouped, pyList(by), strings.Join(desc, ", "))
	if w.plan.limit > 0 {
		w.add("answer = pd.DataFrame(answer.take(%d), columns=%s)", w.plan.limit, columns)
		w.retitle("rename(columns=")
	} else {
		w.retitle("rename_columns(")
		titles := []string{}
		for i := range w.plan.keys {
			titles = append(titles, w.title(i))
		}
		w.add("answer = answer.select_columns(%s)", pyList(append(titles, w.aliases()...)))
	}
	w.add("answer")
}

func (w *writer) needsGroups() bool {
	return slices.ContainsFunc(w.plan.measures, func(m measure) bool { return m.fn == "median" || strings.HasPrefix(m.fn, "q") })
}

// rawAliases are the columns that come out of the reduction; variance and range are made of others afterwards.
func (w *writer) rawAliases() []string {
	var out []string
	for _, m := range w.plan.measures {
		name := w.alias(m)
		switch {
		case w.needsGroups() || m.fn != "range":
			out = append(out, name)
		default:
			out = append(out, name+" low", name+" high")
		}
	}
	return out
}

// reduction writes the expression that reduces the rows: combinable aggregates where they exist, else whole groups in pandas.
func (w *writer) reduction() string {
	p := w.plan
	by := pyList(w.keyNames())
	if w.needsGroups() {
		w.summarise()
		if len(p.keys) == 0 {
			return "(ds.groupby(None).map_groups(summarise, batch_format=\"pandas\").take_all() or [{}])[0]"
		}
		return fmt.Sprintf("ds.groupby(%s).map_groups(summarise, batch_format=\"pandas\")", by)
	}
	aggregates := w.aggregates()
	if len(aggregates) == 0 {
		w.use("from ray.data.aggregate import Count")
		aggregates = []string{"Count()"}
	}
	call := "aggregate(\n    " + strings.Join(aggregates, ",\n    ") + ",\n)"
	if len(p.keys) == 0 {
		return "ds." + call
	}
	return fmt.Sprintf("ds.groupby(%s).%s", by, call)
}

var rayAggregates = map[string]string{"sum": "Sum", "mean": "Mean", "min": "Min", "max": "Max", "std": "Std", "var": "Std", "count": "Count", "distinct": "CountDistinct"}

func (w *writer) aggregates() []string {
	var out []string
	names := map[string]bool{}
	for _, m := range w.plan.measures {
		alias := pyString(w.alias(m))
		switch m.fn {
		case "rows":
			names["Count"] = true
			out = append(out, "Count(alias_name="+alias+")")
		case "missing":
			names["Sum"] = true
			out = append(out, fmt.Sprintf("Sum(%s, alias_name=%s)", alias, alias))
		case "range":
			names["Min"], names["Max"] = true, true
			ref := w.ref(m.column)
			out = append(out, fmt.Sprintf("Min(%s, alias_name=%s)", ref, pyString(w.alias(m)+" low")), fmt.Sprintf("Max(%s, alias_name=%s)", ref, pyString(w.alias(m)+" high")))
		default:
			fn := rayAggregates[m.fn]
			names[fn] = true
			extra := ""
			if fn == "Std" {
				extra = ", ddof=1"
			}
			if fn == "Count" {
				extra = ", ignore_nulls=True"
			}
			out = append(out, fmt.Sprintf("%s(%s%s, alias_name=%s)", fn, w.ref(m.column), extra, alias))
		}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	if len(sorted) > 0 {
		w.use("from ray.data.aggregate import " + strings.Join(sorted, ", "))
	}
	return out
}

// summarise writes a pandas function for one group: exact medians need all values of a group in one place.
func (w *writer) summarise() {
	w.add("")
	w.add("")
	w.add("def summarise(group: pd.DataFrame) -> pd.DataFrame:")
	w.add("    return pd.DataFrame({")
	for i := range w.plan.keys {
		name := pyString(w.keyName(i))
		w.add("        %s: group[%s].iloc[:1].to_numpy(),", name, name)
	}
	for _, m := range w.plan.measures {
		w.add("        %s: [%s],", pyString(w.alias(m)), w.pandas(m))
	}
	w.add("    })")
	w.add("")
	w.add("")
}

func (w *writer) pandas(m measure) string {
	if m.fn == "rows" {
		return "len(group)"
	}
	g := "group[" + w.ref(m.column) + "]"
	switch {
	case m.fn == "missing":
		return "group[" + pyString(w.alias(m)) + "].sum()"
	case m.fn == "distinct":
		return g + ".nunique()"
	case m.fn == "range":
		return g + ".max() - " + g + ".min()"
	case strings.HasPrefix(m.fn, "q"):
		n, _ := strconv.Atoi(m.fn[1:])
		return fmt.Sprintf("%s.quantile(%s)", g, strconv.FormatFloat(float64(n)/100, 'f', -1, 64))
	}
	return g + "." + m.fn + "()"
}

package offline

import (
	"fmt"
	"slices"
	"strings"
)

// finishMeasures computes what is made of other figures, and gives sums and counts of nothing the value 0, as pandas does.
func (w *writer) finishMeasures(columns string) {
	changed := false
	for _, m := range w.plan.measures {
		name := pyString(w.alias(m))
		switch {
		case m.fn == "var" && !w.needsGroups():
			w.add("answer[%s] = answer[%s].astype(\"float64\") ** 2  # the variance is the square of the deviation", name, name)
		case m.fn == "range" && !w.needsGroups():
			w.add("answer[%s] = answer[%s] - answer[%s]", name, pyString(w.alias(m)+" high"), pyString(w.alias(m)+" low"))
			changed = true
		case slices.Contains([]string{"sum", "rows", "count", "distinct", "missing"}, m.fn) && (len(w.plan.filters) > 0 || m.column != nil && !m.column.complete()):
			w.add("answer[%s] = answer[%s].fillna(0)", name, name)
		}
	}
	if w.plan.percent {
		name := pyString(w.aliases()[0])
		w.add("answer[\"percent\"] = 100 * answer[%s] / answer[%s].sum()", name, name)
	} else if changed && columns != "" {
		w.add("answer = answer[%s]", columns)
	}
}

func (w *writer) having() {
	for _, h := range w.plan.having {
		w.add("answer = answer[answer[%s] %s %s]", pyString(w.alias(w.plan.measures[h.measure])), h.op, pyNumber(h.value))
	}
}

// orderLists gives the columns to sort by and whether each ascends, groups last so that ties have one order.
func (w *writer) orderLists() (by, ascending []string) {
	add := func(name string, desc bool) {
		if !slices.Contains(by, name) {
			by = append(by, name)
			ascending = append(ascending, map[bool]string{true: "False", false: "True"}[desc])
		}
	}
	for _, o := range w.plan.order {
		switch {
		case o.measure >= 0:
			add(w.alias(w.plan.measures[o.measure]), o.desc)
		case o.key >= 0:
			add(w.keyName(o.key), o.desc)
		default:
			add(w.names[o.column], o.desc)
		}
	}
	for i := range w.plan.keys {
		add(w.keyName(i), false)
	}
	return by, ascending
}

func (w *writer) sorted() {
	by, ascending := w.orderLists()
	if w.plan.limit > 0 && len(w.plan.order) > 0 && w.plan.order[0].measure >= 0 {
		w.add("answer = answer.dropna(subset=[%s])", pyString(by[0]))
	}
	w.add("answer = answer.sort_values(%s, ascending=[%s], kind=\"stable\", ignore_index=True)", pyList(by), strings.Join(ascending, ", "))
	if w.plan.limit > 0 {
		w.add("answer = answer.head(%d)", w.plan.limit)
	}
	for i, k := range w.plan.keys {
		if k.grain == "weekday" {
			w.use("import calendar")
			name := pyString(w.keyName(i))
			w.add("answer[%s] = answer[%s].map(dict(enumerate(calendar.day_name)))", name, name)
		}
	}
}

func (w *writer) listing() {
	p := w.plan
	names := []string{}
	for _, c := range p.columns {
		names = append(names, w.names[c])
	}
	if len(names) == 0 {
		names = wholeNames(p.tables[0])
	}
	by, ascending := w.orderLists()
	if len(by) > 0 {
		for i := range ascending {
			ascending[i] = map[string]string{"True": "False", "False": "True"}[ascending[i]]
		}
		w.add("ds = ds.sort(%s, descending=[%s])", pyList(by), strings.Join(ascending, ", "))
	}
	if p.limit > 0 {
		w.add("answer = pd.DataFrame(ds.take(%d), columns=%s)", p.limit, pyList(names))
	} else {
		w.add("answer = ds.select_columns(%s)", pyList(names))
	}
	w.add("answer")
}

func (w *writer) missingValues() {
	names := wholeNames(w.plan.tables[0])
	w.use("from ray.data.aggregate import Sum")
	w.add("columns = %s", pyList(names))
	w.add("")
	w.add("")
	w.add("def count_missing(batch: pd.DataFrame) -> pd.DataFrame:")
	w.add("    return pd.DataFrame({\"column\": range(len(columns)), \"missing\": [int(batch[c].isna().sum()) for c in columns]})")
	w.add("")
	w.add("")
	w.add("found = ds.map_batches(count_missing, batch_format=\"pandas\").groupby(\"column\").aggregate(Sum(\"missing\", alias_name=\"missing\"))")
	w.add("counts = {row[\"column\"]: row[\"missing\"] for row in found.take_all()}")
	w.add("answer = pd.DataFrame({\"column\": columns, \"missing\": [counts.get(i, 0) for i in range(len(columns))]})")
	w.add("answer")
}

// correlation writes Pearson's coefficient in two passes, which stays exact for large means.
func (w *writer) correlation() {
	a, b := w.ref(w.plan.columns[0]), w.ref(w.plan.columns[1])
	w.use("import math", "from ray.data.aggregate import Mean, Sum")
	w.add("means = ds.aggregate(Mean(%s, alias_name=\"x\"), Mean(%s, alias_name=\"y\")) or {}", a, b)
	w.add("")
	w.add("")
	w.add("def products(batch: pd.DataFrame) -> pd.DataFrame:")
	w.add("    x, y = batch[%s] - means[\"x\"], batch[%s] - means[\"y\"]", a, b)
	w.add("    return pd.DataFrame({\"xx\": [(x * x).sum()], \"yy\": [(y * y).sum()], \"xy\": [(x * y).sum()], \"rows\": [len(batch)]})")
	w.add("")
	w.add("")
	w.add("result = float(\"nan\")")
	w.add("if means.get(\"x\") is not None and means.get(\"y\") is not None:")
	w.add("    s = ds.map_batches(products, batch_format=\"pandas\").aggregate(*[Sum(c, alias_name=c) for c in (\"xx\", \"yy\", \"xy\")])")
	w.add("    if s[\"xx\"] > 0 and s[\"yy\"] > 0:")
	w.add("        result = s[\"xy\"] / math.sqrt(s[\"xx\"] * s[\"yy\"])")
	w.add("answer = pd.DataFrame({\"correlation\": [result]})")
	w.add("answer")
}

func (w *writer) part() {
	m := w.plan.measures[0]
	total := "Count(alias_name=\"total\")"
	names := "Count, Sum"
	if m.column != nil {
		total = fmt.Sprintf("Sum(%s, alias_name=\"total\")", w.ref(m.column))
		names = "Sum"
	}
	w.use("from ray.data.aggregate import " + names)
	keys := w.keyNames()
	if len(keys) == 0 {
		w.add("sums = ds.aggregate(Sum(\"part\", alias_name=\"part\"), %s) or {}", total)
		w.add("answer = pd.DataFrame([sums], columns=[\"part\", \"total\"]).fillna(0)")
	} else {
		w.add("sums = ds.groupby(%s).aggregate(Sum(\"part\", alias_name=\"part\"), %s)", pyList(keys), total)
		w.add("answer = pd.DataFrame(sums.take_all(), columns=%s)", pyList(append(keys, "part", "total")))
	}
	w.add("answer[\"percent\"] = 100 * answer[\"part\"] / answer[\"total\"]")
	if len(keys) > 0 {
		w.sorted()
	}
	w.show()
}

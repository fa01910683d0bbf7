package offline

import "fmt"

// show ends a program with its table, or with a chart of it and the table before.
func (w *writer) show() {
	w.retitle("rename(columns=")
	if w.plan.chart == "" {
		w.add("answer")
		return
	}
	value := w.aliases()[0]
	if w.plan.percent {
		value = "percent"
	}
	frame := []string{w.title(0), value}
	encode := fmt.Sprintf("x=alt.X(\"x:%s\", title=%s, sort=None), y=alt.Y(\"y:Q\", title=%s)", "N", pyString(w.title(0)), pyString(value))
	names := "[\"x\", \"y\"]"
	if len(w.plan.keys) > 1 {
		frame = append(frame, w.title(1))
		encode += fmt.Sprintf(", color=alt.Color(\"color:N\", title=%s)", pyString(w.title(1)))
		names = "[\"x\", \"y\", \"color\"]"
		if w.plan.chart == "bar" {
			encode += ", xOffset=\"color:N\""
		}
	}
	mark := "mark_bar()"
	if w.plan.chart == "line" {
		mark = "mark_line(point=True)"
	}
	w.display()
	w.add("chart_data = answer[%s].set_axis(%s, axis=\"columns\")  # plain names, so that no name is taken for a path", pyList(frame), names)
	w.add("alt.Chart(chart_data).%s.encode(%s)", mark, encode)
}

// display shows the table under a chart, where there is a display; elsewhere it is printed.
func (w *writer) display() {
	w.use("import altair as alt")
	w.add("try:")
	w.add("    display(answer)")
	w.add("except NameError:  # plain Python has no display")
	w.add("    print(answer)")
	w.add("alt.data_transformers.disable_max_rows()")
}

func (w *writer) histogram() {
	c := w.plan.columns[0]
	ref := w.ref(c)
	w.use("import numpy as np", "from ray.data.aggregate import Max, Min, Sum")
	w.add("bounds = ds.aggregate(Min(%s, alias_name=\"low\"), Max(%s, alias_name=\"high\")) or {}", ref, ref)
	w.add("if bounds.get(\"low\") is None:")
	w.add("    raise ValueError(\"there is no value to show\")")
	w.add("edges = np.histogram_bin_edges([bounds[\"low\"], bounds[\"high\"]], bins=%d)", w.plan.bins)
	w.add("")
	w.add("")
	w.add("def count_bins(batch: pd.DataFrame) -> pd.DataFrame:")
	w.add("    counts, _ = np.histogram(batch[%s].to_numpy(dtype=\"float64\"), bins=edges)", ref)
	w.add("    return pd.DataFrame({\"bin\": range(len(counts)), \"count\": counts})")
	w.add("")
	w.add("")
	w.add("found = ds.map_batches(count_bins, batch_format=\"pandas\").groupby(\"bin\").aggregate(Sum(\"count\", alias_name=\"count\"))")
	w.add("counts = {row[\"bin\"]: row[\"count\"] for row in found.take_all()}")
	w.add("answer = pd.DataFrame({\"from\": edges[:-1], \"to\": edges[1:], \"count\": [int(counts.get(i, 0)) for i in range(len(edges) - 1)]})")
	if w.plan.chart == "" {
		w.add("answer")
		return
	}
	w.display()
	w.add("alt.Chart(answer).mark_bar().encode(x=alt.X(\"from:Q\", bin=\"binned\", title=%s), x2=\"to:Q\", y=alt.Y(\"count:Q\", title=\"rows\"))", ref)
}

// maxPoints bounds a scatter plot; more points than that show nothing more.
const maxPoints = 5000

func (w *writer) scatter() {
	x, y := w.plan.columns[0], w.plan.columns[1]
	if p := w.plan.tables[0].source.Profile; !p.Exact || p.Rows > maxPoints {
		w.add("if (rows := ds.count()) > %d:  # more points show nothing more", maxPoints)
		w.add("    ds = ds.random_sample(%d / rows, seed=0)", maxPoints)
	}
	w.add("answer = pd.DataFrame(ds.take_all(), columns=%s)", pyList([]string{w.names[x], w.names[y]}))
	w.display()
	w.add("chart_data = answer.set_axis([\"x\", \"y\"], axis=\"columns\")")
	w.add("alt.Chart(chart_data).mark_point().encode(x=alt.X(\"x:Q\", title=%s), y=alt.Y(\"y:Q\", title=%s))", w.ref(x), w.ref(y))
}

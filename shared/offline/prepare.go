package offline

import (
	"fmt"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// prepare writes the step that every batch goes through: dates are read, rows are filtered, groups are derived.
func (w *writer) prepare() {
	body := w.conversions()
	body = append(body, w.masks()...)
	body = append(body, w.derived()...)
	if len(body) == 0 {
		return
	}
	w.use("import pandas as pd")
	w.add("")
	w.add("")
	w.add("def prepare(batch: pd.DataFrame) -> pd.DataFrame:")
	for _, line := range body {
		w.add("    %s", line)
	}
	w.add("    return %s", w.kept())
	w.add("")
	w.add("")
	w.add("ds = ds.map_batches(prepare, batch_format=\"pandas\")")
}

func (w *writer) allNeeded() []*column {
	var out []*column
	for _, t := range w.plan.tables {
		out = append(out, w.needed(t)...)
	}
	return out
}

// conversions reads text as dates, and as numbers in the lenient way.
func (w *writer) conversions() []string {
	var out []string
	for _, c := range w.allNeeded() {
		ref, csv := w.ref(c), c.table.source.Profile.Format == source.CSV
		coerce := ""
		if w.lenient {
			coerce = `, errors="coerce"`
		}
		switch {
		case w.plan.shape == missing && !w.lenient:
		case c.temporal() && c.table.source.Profile.Format == source.Parquet:
			out = append(out, fmt.Sprintf("batch[%s] = pd.to_datetime(batch[%s], utc=True).dt.tz_localize(None)", ref, ref))
		case c.temporal():
			if _, read := w.dateFormat(c.table); !read {
				out = append(out, fmt.Sprintf("batch[%s] = pd.to_datetime(batch[%s], format=%s%s)", ref, ref, pyString(orElse(c.Format, "ISO8601")), coerce))
			}
			if c.Zoned {
				out = append(out, fmt.Sprintf("batch[%s] = pd.to_datetime(batch[%s], utc=True).dt.tz_localize(None)  # times in UTC", ref, ref))
			}
		case c.numeric() && csv && w.lenient:
			text := "batch[" + ref + "]"
			if d := c.table.source.Profile.Dialect; d != nil && d.Decimal == "," {
				text += `.str.replace(",", ".", regex=False)`
			}
			out = append(out, fmt.Sprintf("batch[%s] = pd.to_numeric(%s, errors=\"coerce\")", ref, text))
		case c.Type == source.Float && c.table.source.Profile.Format == source.Parquet && w.plan.shape != listing:
			out = append(out, fmt.Sprintf("batch[%s] = batch[%s].astype(\"float64\")", ref, ref))
		}
	}
	return out
}

func (w *writer) masks() []string {
	var out []string
	for _, f := range w.plan.filters {
		out = append(out, fmt.Sprintf("batch = batch[%s]", w.mask(f)))
	}
	var drop []string
	for _, k := range w.plan.keys {
		if !k.column.complete() || w.plan.join != nil {
			drop = append(drop, w.names[k.column])
		}
	}
	if len(drop) > 0 {
		out = append(out, fmt.Sprintf("batch = batch.dropna(subset=%s)  # rows without a group", pyList(drop)))
	}
	switch w.plan.shape {
	case correlation, scatter:
		out = append(out, fmt.Sprintf("batch = batch.dropna(subset=%s)", pyList([]string{w.names[w.plan.columns[0]], w.names[w.plan.columns[1]]})))
	case histogram:
		out = append(out, fmt.Sprintf("batch = batch.dropna(subset=%s)", pyList([]string{w.names[w.plan.columns[0]]})))
	}
	return out
}

// mask writes one condition as a pandas expression over batch. As in pandas, a missing value fulfils only "not equal".
func (w *writer) mask(f filter) string {
	col := "batch[" + w.ref(f.column) + "]"
	switch f.op {
	case "missing":
		return col + ".isna()"
	case "present":
		return col + ".notna()"
	case "true":
		return col + ".eq(True)"
	case "false":
		return col + ".eq(False)"
	case "from":
		v := f.values[0]
		return fmt.Sprintf("(%s >= %s) & (%s < %s)", col, timestamp(v.text), col, timestamp(v.until))
	case "contains":
		return negated(f.negate, fmt.Sprintf("%s.astype(\"string\").str.contains(%s, case=False, regex=False).fillna(False).astype(bool)", col, pyString(f.values[0].text)))
	case "starts", "ends":
		return negated(f.negate, fmt.Sprintf("%s.astype(\"string\").str.casefold().str.%swith(%s.casefold()).fillna(False).astype(bool)", col, f.op, pyString(f.values[0].text)))
	}
	if f.column.temporal() {
		return fmt.Sprintf("%s %s %s", col, f.op, timestamp(f.values[0].text))
	}
	if f.column.numeric() {
		if f.op == "!=" {
			return fmt.Sprintf("%s.isna() | (%s != %s)", col, col, pyNumber(f.values[0].number))
		}
		return fmt.Sprintf("%s %s %s", col, f.op, pyNumber(f.values[0].number))
	}
	return w.textMask(col, f)
}

// textMask compares letter by letter what was seen or quoted, and without case what was not.
func (w *writer) textMask(col string, f filter) string {
	var values []string
	exact := true
	for _, v := range f.values {
		values = append(values, v.text)
		exact = exact && v.exact
	}
	if !exact {
		col += ".astype(\"string\").str.casefold()"
		for i := range values {
			values[i] = strings.ToLower(values[i])
		}
	}
	if len(values) == 1 && exact {
		if f.negate {
			return fmt.Sprintf("%s.isna() | (%s != %s)", col, col, pyString(values[0]))
		}
		return fmt.Sprintf("%s == %s", col, pyString(values[0]))
	}
	return negated(f.negate, fmt.Sprintf("%s.isin(%s)", col, pyList(values)))
}

func negated(negate bool, expression string) string {
	if negate {
		return "~" + expression
	}
	return expression
}

func timestamp(day string) string { return "pd.Timestamp(" + pyString(day) + ")" }

// derived writes the columns that are not in the file: the month of a date, whether a row belongs to the asked part.
func (w *writer) derived() []string {
	var out []string
	for i, k := range w.plan.keys {
		d := "batch[" + w.ref(k.column) + "]"
		to := "batch[" + pyString(w.keyName(i)) + "]"
		switch k.grain {
		case "year":
			out = append(out, fmt.Sprintf("%s = %s.dt.year", to, d))
		case "quarter":
			out = append(out, fmt.Sprintf("%s = %s.dt.year.astype(str) + \"-Q\" + %s.dt.quarter.astype(str)", to, d, d))
		case "month":
			out = append(out, fmt.Sprintf("%s = %s.dt.strftime(\"%%Y-%%m\")", to, d))
		case "week":
			out = append(out, fmt.Sprintf("%s = %s.dt.strftime(\"%%G-W%%V\")", to, d))
		case "day":
			out = append(out, fmt.Sprintf("%s = %s.dt.strftime(\"%%Y-%%m-%%d\")", to, d))
		case "weekday":
			out = append(out, fmt.Sprintf("%s = %s.dt.dayofweek  # Monday is 0", to, d))
		default:
			switch {
			case k.column.Type == source.Int && !k.column.complete():
				out = append(out, fmt.Sprintf("%s = %s.astype(\"int64\")", to, d))
			case w.needsGroups() && k.column.Type == source.String && k.column.table.source.Profile.Format == source.Parquet:
				out = append(out, fmt.Sprintf("%s = %s.astype(str)  # a dictionary cannot be sorted", to, d))
			case w.keyName(i) != w.names[k.column]:
				out = append(out, fmt.Sprintf("%s = %s", to, d))
			}
		}
	}
	for _, m := range w.plan.measures {
		if m.fn == "missing" {
			out = append(out, fmt.Sprintf("batch[%s] = batch[%s].isna().astype(\"int64\")", pyString(w.alias(m)), w.ref(m.column)))
		}
	}
	if w.plan.shape == part {
		var masks []string
		for _, f := range w.plan.part {
			masks = append(masks, "("+w.mask(f)+")")
		}
		out = append(out, "matches = ("+strings.Join(masks, " & ")+").fillna(False).astype(bool)")
		if c := w.plan.measures[0].column; c != nil {
			out = append(out, fmt.Sprintf("batch[\"part\"] = batch[%s].where(matches, 0)", w.ref(c)))
		} else {
			out = append(out, "batch[\"part\"] = matches.astype(\"int64\")")
		}
	}
	return out
}

// kept selects the columns that later steps use, so that nothing else is moved between workers.
func (w *writer) kept() string {
	p := w.plan
	var names []string
	switch p.shape {
	case listing, missing:
		return "batch"
	case correlation, scatter, histogram:
		for _, c := range p.columns {
			names = append(names, w.names[c])
		}
		return "batch[" + pyList(names) + "]"
	}
	for i := range p.keys {
		names = append(names, w.keyName(i))
	}
	for _, m := range p.measures {
		name := ""
		switch {
		case m.fn == "missing":
			name = w.alias(m)
		case m.column != nil:
			name = w.names[m.column]
		}
		if name != "" && !contains(names, name) {
			names = append(names, name)
		}
	}
	if p.shape == part {
		names = append(names, "part")
	}
	if len(names) == 0 {
		return "batch.iloc[:, :1]"
	}
	return "batch[" + pyList(names) + "]"
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

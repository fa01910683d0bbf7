package reader

import (
	"fmt"
	"strings"
	"time"
)

// verdict is what the columns of a text file are, decided over all of them at once: decimal sign, missing texts and the order
// of day and month belong to the file, not to a column.
type verdict struct {
	types    []Type
	formats  []string
	zoned    []bool
	times    []int // index into column.times
	decimal  string
	warnings []Warning
}

func (v *verdict) warn(code, format string, args ...any) {
	v.warnings = append(v.warnings, Warning{Code: code, Detail: fmt.Sprintf(format, args...)})
}

// resolve decides the types.
func resolve(cols []*column, names []string, delim byte) *verdict {
	v := &verdict{types: make([]Type, len(cols)), formats: make([]string, len(cols)), zoned: make([]bool, len(cols)), times: make([]int, len(cols))}
	v.decimal = decimalSign(cols, delim)
	var dates []int
	for i, c := range cols {
		v.types[i] = c.plainType(v.decimal)
		if v.types[i] == String && c.values > 0 && c.kinds&asTime != 0 {
			dates = append(dates, i)
		}
	}
	v.resolveDates(cols, names, dates, delim)
	for i, c := range cols {
		if v.types[i] == String {
			v.explain(c, names[i])
		}
	}
	return v
}

// plainType is the type as far as one column tells it, dates left out.
func (c *column) plainType(decimal string) Type {
	floats := c.kinds&asDot != 0
	if decimal == "," {
		floats = c.kinds&asComma != 0
	}
	switch {
	case c.values == 0:
		return String
	case c.kinds&asInt != 0:
		return Int
	case c.kinds&asBool != 0:
		return Bool
	case floats && (c.points || c.ints.seen):
		return Float
	}
	return String
}

// decimalSign counts the columns that can be read with one sign only; a comma that might group thousands is no evidence.
func decimalSign(cols []*column, delim byte) string {
	var dots, commas int
	for _, c := range cols {
		switch {
		case c.kinds&asInt != 0 || c.values == 0:
		case c.kinds&asComma != 0 && c.kinds&asDot == 0 && c.sureComma:
			commas++
		case c.kinds&asDot != 0 && c.kinds&asComma == 0:
			dots++
		}
	}
	if commas > dots || commas > 0 && commas == dots && delim == ';' {
		return ","
	}
	return "."
}

// explain says why a column that looks like numbers is text.
func (v *verdict) explain(c *column, name string) {
	q := quoteName(name)
	switch {
	case c.values == 0:
	case c.kinds&asGrouped != 0:
		v.warn("thousands_separator", "Column %s has numbers with thousands separators, or a decimal sign that cannot be told from one. It is kept as text.", q)
	case c.kinds&(asDot|asComma) != 0 && c.points:
		v.warn("mixed_decimals", "Column %s uses another decimal sign than the rest of the file, which is read with %q. It is kept as text.", q, v.decimal)
	case c.bigInt:
		v.warn("big_integers", "Column %s has whole numbers of more than 64 bits. It is kept as text, so that no digit is lost.", q)
	case c.leadingZero:
		v.warn("leading_zeros", "Column %s has values that begin with a zero, such as postal codes. It is kept as text.", q)
	}
}

func quoteName(name string) string { return `"` + printable(name, 64) + `"` }

// resolveDates chooses a layout for each column that has one. Where day and month cannot be told apart by the column itself,
// another column of the file decides, then the habits of files with ; between values; a point between them is day first.
func (v *verdict) resolveDates(cols []*column, names []string, dates []int, delim byte) {
	dayFirst := 0 // votes of columns that leave no doubt
	for _, i := range dates {
		if l := cols[i].times[0].layout; swapped(l) != "" && cols[i].has(swapped(l)) < 0 {
			dayFirst += map[bool]int{true: 1, false: -1}[strings.HasPrefix(l, "%d")]
		}
	}
	if dayFirst == 0 && (delim == ';' || v.decimal == ",") {
		dayFirst = 1
	}
	taken := map[string]bool{}
	for _, i := range dates {
		c := cols[i]
		pick := 0
		if other := c.has(swapped(c.times[0].layout)); other >= 0 {
			if dayFirst == 0 {
				v.warn("ambiguous_dates", "Column %s has dates in which day and month cannot be told apart: %s or %s. It is kept as text; say in your question which comes first.",
					quoteName(names[i]), c.times[0].layout, c.times[other].layout)
				continue
			}
			if dayFirst < 0 {
				pick = other
			}
			v.warn("assumed_dates", "Column %s is read as %s, like the rest of the file; its own values do not tell day and month apart.", quoteName(names[i]), c.times[pick].layout)
		}
		t := c.times[pick]
		if o := swapped(t.layout); o != "" && taken[o[:5]] {
			v.warn("mixed_dates", "Column %s has day and month in another order than an earlier column. It is kept as text.", quoteName(names[i]))
			continue
		}
		if swapped(t.layout) != "" {
			taken[t.layout[:5]] = true
		}
		v.times[i], v.formats[i], v.zoned[i] = pick, t.layout, t.zoned
		if v.types[i] = Timestamp; isDay(t.layout) {
			v.types[i] = Date
		}
	}
}

// has gives the place of a layout among those that all values fit; -1: it does not fit.
func (c *column) has(layout string) int {
	for i, t := range c.times {
		if layout != "" && t.layout == layout {
			return i
		}
	}
	return -1
}

// profile gives the column as it is told to others.
func (v *verdict) profile(i int, c *column, name string, nulls []string, keepText bool) Column {
	out := Column{Name: name, Type: v.types[i], Format: v.formats[i], Zoned: v.zoned[i]}
	for text, n := range c.markers {
		if out.Type == String && (keepText || !contains(nulls, text)) {
			c.counts.put(text, n)
		} else {
			out.Nulls += n
		}
	}
	if out.Type == String && keepText {
		if c.empty > 0 {
			c.counts.put("", c.empty)
		}
	} else {
		out.Nulls += c.empty
	}
	out.Distinct, out.Examples = c.counts.distinct(), c.counts.examples()
	switch out.Type {
	case Int:
		out.Min, out.Max = fmt.Sprint(c.ints.min), fmt.Sprint(c.ints.max)
	case Float:
		floats := c.dots
		if v.decimal == "," {
			floats = c.commas
		}
		lo, hi := c.numberSpan(floats)
		out.Min, out.Max = floatText(lo), floatText(hi)
	case Date, Timestamp:
		s := c.times[v.times[i]].span
		out.Min, out.Max = timeText(s.min, out.Type, out.Zoned), timeText(s.max, out.Type, out.Zoned)
	}
	return out
}

// timeText is ISO 8601; an instant ends in Z.
func timeText(micro int64, t Type, zoned bool) string {
	at := time.UnixMicro(micro).UTC()
	switch {
	case t == Date:
		return at.Format("2006-01-02")
	case zoned:
		return at.Format("2006-01-02T15:04:05.999999Z")
	}
	return at.Format("2006-01-02T15:04:05.999999")
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

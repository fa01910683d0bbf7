package offline

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// span is a time from its first day to the day after its last.
type span struct {
	from, until time.Time
	monthOnly   int // a month without a year: from and until are not set
	years       bool
	day         bool
}

const isoLayout = "2006-01-02"

// dateCondition reads a time: "in 2024", "shipped before March 2024", "where order date is between ... and ...".
func (p *parser) dateCondition() bool {
	c := p.dateColumn()
	p.take("is", "are", "was", "were", "that was", "falls", "fall", "happened", "from the", "dated", "lies")
	switch {
	case p.take("between", "from"):
		return p.between(c)
	case p.take("before", "prior to", "earlier than", "older than", "<"):
		return p.bounded(c, "before")
	case p.take("strictly after", "after", "later than", "newer than", ">"):
		return p.bounded(c, "after")
	case p.take("since", "starting in", "starting from", "starting", "from", "on or after", "as of", "not before", ">="):
		return p.bounded(c, "since")
	case p.take("until the end of", "up to and including", "through", "on or before", "no later than", "by the end of", "not after", "<="):
		return p.bounded(c, "through")
	case p.take("until", "till", "up to"):
		p.take("the")
		s, ok := p.oneTime()
		if ok && !s.day {
			return p.refuse("“Until” could include the whole time or not. Say “before” or “through”.")
		}
		return ok && p.spanFilter(c, s, "through")
	}
	led := p.take("during the", "during", "within", "throughout", "for the", "for", "of the", "of", "on the", "on", "in the", "in", "dated", "=", "==", "the")
	start := p.pos
	s, ok := p.oneTime()
	if !ok || s.years && !led && c == nil && !p.follows(start, "in", "for", "of", "from", "during", "the", "year", ",", "and", "was", "is", "were", "are", "on", "within") {
		return false
	}
	if p.take("or later", "and later", "or after", "onwards", "onward", "and after") {
		return p.spanFilter(c, s, "since")
	}
	if p.take("or earlier", "and earlier", "or before", "and before") {
		return p.spanFilter(c, s, "through")
	}
	for p.try(func() bool { return p.take("and in", "or in", "and", "or") && p.contiguous(&s) }) {
	}
	return p.spanFilter(c, s, "in")
}

// contiguous adds a time that follows directly on the one before: "in 2023 and 2024".
func (p *parser) contiguous(s *span) bool {
	more, ok := p.oneTime()
	if !ok || more.monthOnly > 0 || s.monthOnly > 0 {
		return false
	}
	if !more.from.Equal(s.until) {
		return p.refuse("I can take one span of time without a gap: ask for each of the times by itself.")
	}
	s.until, s.years = more.until, s.years && more.years
	return true
}

// follows reports whether one of the words stands right before a place.
func (p *parser) follows(at int, words ...string) bool {
	return at > 0 && slices.Contains(words, p.toks[at-1].norm)
}

// dateColumn takes the name of a column of dates, or of a year, when one stands here.
func (p *parser) dateColumn() *column {
	m := p.mark()
	p.take("the", "their", "its", "whose", "with a", "an", "a")
	if c, ok := p.column(func(c *column) bool { return c.temporal() }); ok && c.temporal() {
		return c
	}
	p.back(m)
	return nil
}

func (p *parser) between(c *column) bool {
	a, ok := p.oneTime()
	if !ok || !p.take("and", "to", "until", "through", "till", "-") {
		return false
	}
	p.take("the")
	b, ok := p.oneTime()
	if !ok {
		return false
	}
	if a.monthOnly > 0 && b.monthOnly == 0 { // "from March to May 2024"
		a = monthSpan(b.from.Year(), a.monthOnly)
	}
	if a.monthOnly > 0 || b.monthOnly > 0 || b.until.Before(a.from) {
		return p.refuse("Say the years of the dates, the earlier one first.")
	}
	return p.spanFilter(c, span{from: a.from, until: b.until, years: a.years && b.years}, "in")
}

func (p *parser) bounded(c *column, how string) bool {
	p.take("the")
	s, ok := p.oneTime()
	return ok && p.spanFilter(c, s, how)
}

// spanFilter turns a time into a filter of the named column of dates, the only one, or a column of years.
func (p *parser) spanFilter(c *column, s span, how string) bool {
	if c == nil {
		years := p.yearColumns()
		if len(p.schema.dates()) > 0 && len(years) == 1 && s.years {
			return p.refuse(ambiguous("the year", append(years, p.schema.dates()[0])))
		}
		if len(p.schema.dates()) == 0 && len(years) == 1 && s.years {
			return p.yearFilter(years[0], s, how)
		}
		if !p.theDate(&c) {
			return false
		}
	}
	if s.monthOnly > 0 {
		var ok bool
		if s, ok = c.onlyMonth(s.monthOnly); !ok {
			return p.refuse("Say the year of the month: the data may hold several.")
		}
	}
	from, until := s.from.Format(isoLayout), s.until.Format(isoLayout)
	switch how {
	case "before":
		return p.addFilter(filter{column: c, op: "<", values: []literal{{text: from}}})
	case "since":
		return p.addFilter(filter{column: c, op: ">=", values: []literal{{text: from}}})
	case "after":
		return p.addFilter(filter{column: c, op: ">=", values: []literal{{text: until}}})
	case "through":
		return p.addFilter(filter{column: c, op: "<", values: []literal{{text: until}}})
	}
	return p.addFilter(filter{column: c, op: "from", values: []literal{{text: from, until: until}}})
}

func (p *parser) yearColumns() []*column {
	found, near := p.schema.named([]string{"year"})
	if near > synonym || len(found) == 0 || !found[0].numeric() {
		return nil
	}
	return found
}

func (p *parser) yearFilter(c *column, s span, how string) bool {
	first, last := literal{number: float64(s.from.Year())}, literal{number: float64(s.until.Year() - 1)}
	switch how {
	case "before":
		return p.addFilter(filter{column: c, op: "<", values: []literal{first}})
	case "since":
		return p.addFilter(filter{column: c, op: ">=", values: []literal{first}})
	case "after":
		return p.addFilter(filter{column: c, op: ">", values: []literal{last}})
	case "through":
		return p.addFilter(filter{column: c, op: "<=", values: []literal{last}})
	}
	p.addFilter(filter{column: c, op: ">=", values: []literal{first}})
	if first == last {
		p.plan.filters[len(p.plan.filters)-1].op = "=="
		return true
	}
	return p.addFilter(filter{column: c, op: "<=", values: []literal{last}})
}

// onlyMonth finds the one year in which the column has the month, if it is certain that there is only one.
func (c *column) onlyMonth(month int) (span, bool) {
	from, err1 := parseDay(c.Min)
	until, err2 := parseDay(c.Max)
	pr := c.table.source.Profile
	if err1 != nil || err2 != nil || !pr.Sample.Whole || !pr.Exact {
		return span{}, false
	}
	var found []span
	for y := from.Year(); y <= until.Year(); y++ {
		if s := monthSpan(y, month); s.until.After(from) && !s.from.After(until) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		return span{}, false
	}
	return found[0], true
}

func parseDay(s string) (time.Time, error) { return time.Parse(isoLayout, clipExact(s, 10)) }

func clipExact(s string, n int) string { return s[:min(len(s), n)] }

func monthSpan(year, month int) span {
	from := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	return span{from: from, until: from.AddDate(0, 1, 0)}
}

func monthsSpan(year, month, months int) span {
	from := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	return span{from: from, until: from.AddDate(0, months, 0)}
}

func yearSpan(year int) span { s := monthsSpan(year, 1, 12); s.years = true; return s }

func daySpan(t time.Time) span { return span{from: t, until: t.AddDate(0, 0, 1), day: true} }

// oneTime reads one time: a day, month, quarter, half or year.
func (p *parser) oneTime() (span, bool) {
	p.take("the month of", "the year", "year", "month of", "calendar year", "the date")
	if p.seesAny("last month", "last week", "last year", "this year", "this month", "this week", "today", "yesterday", "last quarter of the", "next") ||
		p.sees("last quarter") > 0 && p.sees("last quarter of") == 0 || (p.sees("last") > 0 || p.sees("past") > 0) && p.at(1).kind == number {
		return span{}, p.refuse("I do not know what day it is. Name the dates, for example “in March 2024”.")
	}
	m := p.mark()
	for _, read := range []func() (span, bool){p.dayDigits, p.quarter, p.monthName, p.dayFirst, p.year} {
		if s, ok := read(); ok {
			p.furthest = max(p.furthest, p.pos)
			return s, true
		}
		p.back(m)
	}
	return span{}, false
}

func (p *parser) dayDigits() (span, bool) {
	t := p.at(0)
	if t.kind == quoted {
		if text, norm := dayText(t.text); text == t.text && text != "" {
			t.kind, t.norm = day, norm
		}
	}
	if t.kind != day {
		return span{}, false
	}
	p.pos++
	if len(t.norm) == 7 {
		month, err := time.Parse("2006-01", t.norm)
		return monthSpan(month.Year(), int(month.Month())), err == nil
	}
	when, err := time.Parse(isoLayout, t.norm)
	if err != nil {
		return span{}, p.refuse("I cannot tell which day " + display(t.text) + " is. Write it as year-month-day, for example 2024-03-31.")
	}
	return daySpan(when), true
}

var ordinals = map[string]int{"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": -1, "final": -1}

func (p *parser) quarter() (span, bool) {
	if y, ok := p.yearNumber(); ok { // 2024 Q1
		if q, size, ok := p.quarterName(); ok {
			return monthsSpan(y, (q-1)*size+1, size), true
		}
		return span{}, false
	}
	p.take("the")
	q, size, ok := p.quarterName()
	if !ok {
		return span{}, false
	}
	p.take("of the year", "of", "in")
	y, ok := p.yearNumber()
	return monthsSpan(y, (q-1)*size+1, size), ok
}

// quarterName reads Q1, H2, "first quarter", "last half": its number and its size in months.
func (p *parser) quarterName() (n, months int, ok bool) {
	t := p.at(0).norm
	if len(t) == 2 && (t[0] == 'q' && t[1] >= '1' && t[1] <= '4' || t[0] == 'h' && (t[1] == '1' || t[1] == '2')) {
		p.pos++
		if t[0] == 'q' {
			return int(t[1] - '0'), 3, true
		}
		return int(t[1] - '0'), 6, true
	}
	if p.take("quarter") {
		v, ok := p.count()
		return v, 3, ok && v <= 4
	}
	_, n, ok = lookup(p, ordinals)
	if !ok {
		return 0, 0, false
	}
	parts := 4
	months = 3
	if p.take("half") {
		parts, months = 2, 6
	} else if !p.take("quarter") {
		return 0, 0, false
	}
	if n < 0 {
		n = parts
	}
	return n, months, n <= parts
}

// monthName reads "March 2024", "March 5, 2024", "March".
func (p *parser) monthName() (span, bool) {
	_, month, ok := lookup(p, monthNames)
	if !ok {
		return span{}, false
	}
	m := p.mark()
	if d, ok := p.dayNumber(); ok {
		p.take(",", "of")
		if y, ok := p.yearNumber(); ok {
			return dayIn(y, month, d)
		}
	}
	p.back(m)
	p.take("of", ",")
	if y, ok := p.yearNumber(); ok {
		return monthSpan(y, month), true
	}
	p.back(m)
	if p.at(0).kind == number {
		return span{}, false
	}
	return span{monthOnly: month}, true
}

// dayFirst reads "5 March 2024", "the 5th of March 2024".
func (p *parser) dayFirst() (span, bool) {
	p.take("the")
	d, ok := p.dayNumber()
	if !ok {
		return span{}, false
	}
	p.take("of")
	_, month, ok := lookup(p, monthNames)
	if !ok {
		return span{}, false
	}
	p.take(",", "of")
	y, ok := p.yearNumber()
	if !ok {
		return span{}, false
	}
	return dayIn(y, month, d)
}

func dayIn(year, month, d int) (span, bool) {
	when := time.Date(year, time.Month(month), d, 0, 0, 0, 0, time.UTC)
	return daySpan(when), when.Day() == d
}

func (p *parser) dayNumber() (int, bool) {
	digits := strings.TrimRight(p.at(0).norm, "stndrh")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 31 {
		return 0, false
	}
	p.pos++
	return n, true
}

func (p *parser) year() (span, bool) {
	y, ok := p.yearNumber()
	if !ok {
		return span{}, false
	}
	if p.seesAny("%") {
		return span{}, false
	}
	return yearSpan(y), true
}

func (p *parser) yearNumber() (int, bool) {
	t := p.at(0)
	if t.kind == number && len(t.text) == 4 && t.value >= 1000 && t.value <= 2999 && t.value == float64(int(t.value)) {
		p.pos++
		p.furthest = max(p.furthest, p.pos)
		return int(t.value), true
	}
	return 0, false
}

package offline

import (
	"slices"
	"strconv"
)

var charts = map[string]string{
	"bar": "bar", "column": "bar", "bars": "bar", "horizontal bar": "bar", "line": "line", "time series": "line", "trend": "line", "scatter": "scatter", "point": "scatter",
}

var drawing = []string{"chart", "plot", "graph", "diagram", "visualization", "visualisation", "picture"}

// chartHead reads "draw a bar chart of", "plot".
func (p *parser) chartHead() bool {
	m := p.mark()
	verb := p.take("draw me", "draw", "plot", "visualize", "visualise", "graph", "chart", "make me", "make", "create", "generate", "produce", "show me", "show", "give me", "display")
	p.take("the", "a", "an", "me a", "me")
	strong := verb && slices.Contains([]string{"draw", "plot", "visualize", "visualise", "graph", "chart"}, p.toks[m.pos].norm)
	kind := "auto"
	if _, k, ok := lookup(p, charts); ok && p.seesAny(drawing...) {
		kind = k
	} else if ok && !p.seesAny(drawing...) {
		p.pos--
	}
	if p.take(drawing...) {
		p.take("that shows the", "that shows", "which shows", "showing the", "showing", "of the", "of", "for the", "for", "with the", "with", "comparing the", "comparing", ":")
	} else if !strong {
		return p.back(m)
	}
	p.plan.chart = kind
	return true
}

// chartTail reads "as a bar chart".
func (p *parser) chartTail() bool {
	if !p.take("as a", "as an", "as", "in a", "on a", "using a", "with a", "and draw a", "and show it as a", "and show a", "and plot it as a", "and draw it as a", "in the form of a") {
		if p.take("and plot it", "and plot them", "and draw it", "and visualize it", "and show a chart", "and chart it") {
			p.plan.chart = "auto"
			return true
		}
		return false
	}
	kind := "auto"
	if _, k, ok := lookup(p, charts); ok {
		kind = k
		if k == "bar" && p.toks[p.pos-1].norm == "bars" {
			p.plan.chart = "bar"
			return true
		}
	}
	if !p.take(drawing...) {
		if kind == "auto" && p.take("histogram") && p.plan.shape == histogram {
			p.plan.chart = "histogram"
			return true
		}
		return kind == "line" && p.setChart("line")
	}
	return p.setChart(kind)
}

func (p *parser) setChart(kind string) bool { p.plan.chart = kind; return true }

var descending = []string{"in descending order", "descending", "desc", "largest first", "highest first", "biggest first", "greatest first", "most first", "from highest to lowest", "from largest to smallest", "from high to low", "from most to least", "high to low", "decreasing", "in decreasing order", "highest to lowest", "largest to smallest", "from biggest to smallest", "with the largest first", "with the highest first", "best first"}
var ascending = []string{"in ascending order", "ascending", "asc", "smallest first", "lowest first", "fewest first", "least first", "from lowest to highest", "from smallest to largest", "from low to high", "low to high", "increasing", "in increasing order", "lowest to highest", "smallest to largest", "cheapest first"}
var newestFirst = []string{"newest first", "latest first", "most recent first", "from newest to oldest", "in reverse chronological order"}
var oldestFirst = []string{"oldest first", "earliest first", "chronologically", "in chronological order", "from oldest to newest", "in order of time", "by time"}
var alphabetic = []string{"alphabetically", "in alphabetical order", "from a to z", "a to z", "by name alphabetically", "in alphabetic order"}

// orderTail reads how an answer is sorted.
func (p *parser) orderTail() bool {
	p.take(",")
	sorted := p.take("sorted by the", "sorted by", "ordered by the", "ordered by", "order by", "sort by the", "sort by", "sort them by", "and sort by", "and sort it by", "ranked by", "in order of", "arranged by", "sorted on", "and order by")
	if !sorted {
		p.take("and sorted", "sorted", "ordered", "ranked", "and sort them", "sort", "with the", "and sort")
		return p.wordOrder()
	}
	if p.try(p.wordOrder) {
		return true
	}
	o, ok := p.orderTarget()
	if !ok {
		return false
	}
	o.desc = p.take(descending...) || p.take(newestFirst...)
	if !o.desc {
		p.take(ascending...)
		p.take(oldestFirst...)
		p.take(alphabetic...)
	}
	p.plan.order = append(p.plan.order, o)
	return true
}

// wordOrder reads an order without a column's name.
func (p *parser) wordOrder() bool {
	up := p.try(func() bool { return p.take(ascending...) })
	if up || p.take(descending...) {
		if p.plan.shape == distinct {
			p.plan.order = append(p.plan.order, ordering{measure: -1, key: 0, desc: !up})
			return true
		}
		if p.plan.shape != aggregate || len(p.plan.measures) != 1 {
			return p.refuse("Say by what it is sorted.")
		}
		p.plan.order = append(p.plan.order, ordering{measure: 0, key: -1, desc: !up})
		return true
	}
	if p.take(alphabetic...) {
		for i, k := range p.plan.keys {
			if !k.column.numeric() && !k.column.temporal() {
				p.plan.order = append(p.plan.order, ordering{measure: -1, key: i})
				return true
			}
		}
		return p.refuse("Say by which column it is sorted.")
	}
	newest := p.take(newestFirst...)
	if !newest && !p.take(oldestFirst...) {
		return false
	}
	for i, k := range p.plan.keys {
		if k.column.temporal() {
			p.plan.order = append(p.plan.order, ordering{measure: -1, key: i, desc: newest})
			return true
		}
	}
	var c *column
	if p.plan.shape != listing || !p.theDate(&c) {
		return false
	}
	p.plan.order = append(p.plan.order, ordering{measure: -1, key: -1, column: c, desc: newest})
	return true
}

// orderTarget reads what an answer is sorted by: one of its figures, one of its groups, or a column of its rows.
func (p *parser) orderTarget() (ordering, bool) {
	m := p.mark()
	have := len(p.plan.measures)
	if p.plan.shape == aggregate && (p.try(p.counted) || p.try(p.computed) || p.try(p.suffixed) || p.take("count", "frequency", "size", "total", "value", "result", "it")) {
		last := m.plan.measures
		if len(p.plan.measures) == have {
			return ordering{measure: 0, key: -1}, have == 1
		}
		asked := p.plan.measures[have]
		p.plan.measures = last
		for i, mm := range last {
			if mm == asked {
				return ordering{measure: i, key: -1}, true
			}
		}
		p.back(m)
		return ordering{}, false
	}
	if _, g, ok := lookup(p, grains); ok {
		for i, k := range p.plan.keys {
			if k.grain == g {
				return ordering{measure: -1, key: i}, true
			}
		}
		p.back(m)
	}
	c, ok := p.column(nil)
	if !ok {
		return ordering{}, false
	}
	for i, k := range p.plan.keys {
		if k.column == c {
			return ordering{measure: -1, key: i}, true
		}
	}
	for i, mm := range p.plan.measures {
		if mm.column == c && len(p.plan.measures) == 1 {
			return ordering{measure: i, key: -1}, true
		}
	}
	return ordering{measure: -1, key: -1, column: c}, p.plan.shape == listing
}

// limitTail reads "top 5", "limit 10", "only the first 3".
func (p *parser) limitTail() bool {
	p.take(",", "and")
	p.take("show only the", "only the", "just the", "only", "just", "show", "the", "for the", "limited to the", "limited to", "limit to")
	top := p.take("top", "highest", "largest")
	bottom := !top && p.take("bottom", "lowest", "smallest")
	if !top && !bottom && !p.take("first", "limit") && p.toks[max(p.pos-1, 0)].norm != "to" {
		return false
	}
	n, ok := p.count()
	if !ok {
		return false
	}
	p.take("groups", "results", "rows", "ones", "only")
	if p.plan.shape == aggregate && len(p.plan.keys) > 0 && len(p.plan.measures) == 1 && (top || bottom) {
		p.plan.order = []ordering{{measure: 0, key: -1, desc: top}}
	} else if top || bottom {
		return false
	}
	p.plan.limit = n
	return true
}

// listHead reads "show the first 10 rows", "list all orders over 100", "show name and price of the products".
func (p *parser) listHead() bool {
	start := p.pos
	p.asking()
	which := p.take("which")
	p.plan.shape, p.plan.implied = listing, p.pos == start && !which
	shown := p.pos > start && !slices.Contains([]string{"what", "calculate", "compute", "determine"}, p.toks[start].norm)
	first := p.take("first")
	if first {
		n, ok := p.count()
		if !ok {
			return false
		}
		p.plan.limit = n
	} else if n, ok := p.count(); ok {
		p.plan.limit = n
	}
	p.det()
	for p.adjective() {
	}
	noun := p.pos
	if t, ok := p.rows(); ok {
		if c, _ := p.alsoColumn(noun, t); c != nil {
			return false
		}
		if t == nil {
			return p.refuse("Several files are selected: say whose rows, by the file's name.")
		}
		if p.subject = t; first && len(p.schema.dates()) > 0 && !rowNouns[stems(p.wordsFrom(noun))] {
			return p.refuse("“First” could mean the first in the file or the earliest. Say “first " + strconv.Itoa(p.plan.limit) + " rows” or “earliest " + strconv.Itoa(p.plan.limit) + "”.")
		}
		return true
	}
	return !p.plan.implied && p.listedColumns() && (shown || len(p.plan.columns) > 1 || !p.plan.columns[0].measurable())
}

// alsoColumn gives the column that is named by the word for the rows, if its values repeat: one of them is not one row.
func (p *parser) alsoColumn(noun int, t *tableInfo) (*column, tier) {
	words := p.wordsFrom(noun)
	found, near := p.schema.named(words)
	for _, c := range found {
		if c.table == t && c.repeats() && !rowNouns[stems(words)] && (near <= plural || near <= short && c.identifies()) {
			return c, near
		}
	}
	return nil, nowhere
}

// listedColumns reads "name and price of all products".
func (p *parser) listedColumns() bool {
	one := func() bool {
		p.det()
		c, ok := p.column(nil)
		if ok {
			p.plan.columns = append(p.plan.columns, c)
		}
		return ok
	}
	if !one() {
		return false
	}
	for p.try(func() bool { return p.take(", and", ",", "and") && one() }) {
	}
	ofRows := func() bool {
		if !p.take("of all the", "of all", "of the", "of", "for all the", "for all", "for the", "for", "from all", "from the") {
			return false
		}
		for p.adjective() {
		}
		t, ok := p.rows()
		if ok {
			p.subject = t
		}
		return ok && t != nil || !ok && len(p.plan.filters) > 0
	}
	return p.try(ofRows) || p.try(p.superlativeTail) || len(p.plan.columns) > 1
}

// havingTail reads "with more than 100 orders", "with a total revenue over 1000".
func (p *parser) havingTail() bool {
	if len(p.plan.keys) == 0 && !(len(p.plan.measures) == 1 && p.plan.measures[0].fn == "distinct") || p.plan.shape != aggregate && p.plan.shape != distinct {
		return false
	}
	if !p.take("with a", "with an", "with", "having a", "having", "that have a", "that have", "which have", "who have", "have", "has", "whose", "where the", "where") {
		return false
	}
	m := p.mark()
	asked, h, ok := p.groupCondition()
	if !ok {
		return p.back(m) || p.refuseRowOrGroup(m.pos)
	}
	p.plan.measures = m.plan.measures
	if len(p.plan.keys) == 0 {
		p.plan.shape = countGroups
		p.plan.keys = []key{{column: p.plan.measures[0].column}}
		p.plan.measures = nil
	}
	if p.plan.shape == distinct {
		p.plan.shape = aggregate
	}
	for i, have := range p.plan.measures {
		if have == asked {
			h.measure = i
			p.plan.having = append(p.plan.having, h)
			return true
		}
	}
	p.plan.measures = append(p.plan.measures, asked)
	h.measure = len(p.plan.measures) - 1
	p.plan.having = append(p.plan.having, h)
	return true
}

func (p *parser) groupCondition() (measure, having, bool) {
	have := len(p.plan.measures)
	m := p.mark()
	if op, a, _, ok := p.comparison(); ok && op != "between" && p.try(p.countableRows) {
		return p.plan.measures[have], having{op: op, value: a}, true
	}
	p.back(m)
	if !p.try(p.counted) && !p.try(p.computed) || len(p.plan.measures) != have+1 {
		return measure{}, having{}, false
	}
	asked := p.plan.measures[have]
	p.take("of", "is", "are", "was")
	op, a, _, ok := p.comparison()
	return asked, having{op: op, value: a}, ok && op != "between"
}

package offline

import (
	"strconv"
	"strings"
)

// measureList reads one or more measures: "total revenue and average price", "min and max of price", "number of orders".
func (p *parser) measureList() bool {
	conditions := len(p.plan.filters)
	if !p.measureGroup() {
		return false
	}
	figures := len(p.plan.measures)
	for p.try(func() bool {
		if !p.take(", and", ",", "and the", "and", "as well as", "along with", "together with") {
			return false
		}
		return p.measureGroup()
	}) {
	}
	if len(p.plan.filters) > conditions && len(p.plan.measures) > figures {
		return p.refuse("A condition on one of several figures could be meant for all of them: ask for each figure by itself, or put the condition at the end.")
	}
	return true
}

func (p *parser) measureGroup() bool {
	p.det()
	return p.try(p.counted) || p.try(p.computed) || p.try(p.suffixed) || p.try(p.bare) || p.try(p.impliedRows)
}

// counted reads "number of orders", "count of distinct customers".
func (p *parser) counted() bool {
	if p.take("headcount") {
		p.subject = p.schema.tables[0]
		p.plan.measures = append(p.plan.measures, measure{fn: "rows"})
		return len(p.schema.tables) == 1 && p.subject.person()
	}
	if !p.take("total number of", "overall number of", "row count of", "number of", "total count of", "count of", "the number of", "how many", "amount of rows of", "no of", "# of", "#") {
		return false
	}
	return p.countable()
}

// countable reads what is counted: rows, or the different values of a column.
func (p *parser) countable() bool {
	p.det()
	different := p.takeAll("distinct", "different", "unique", "various", "separate")
	for p.adjective() {
	}
	different = p.takeAll("distinct", "different", "unique", "various") || different
	if !different && p.try(p.countableRows) {
		return true
	}
	if p.peopleOfValue() {
		return true
	}
	c, ok := p.column(nil)
	if !ok {
		return false
	}
	p.take("values", "entries")
	if c.measurable() && !different && c.tierOf("quantity", "quantity") <= synonym {
		p.plan.measures = append(p.plan.measures, measure{"sum", c}) // "how many units"
		return true
	}
	if c.measurable() && !c.identifies() && !different {
		return p.refuse("“How many " + c.Name + "” could be a total or a number of rows. Ask for the total of " + display(c.Name) + ", or for the number of rows.")
	}
	p.plan.measures = append(p.plan.measures, measure{"distinct", c})
	return true
}

// peopleOfValue lets "how many managers" count the people with this value; of things it could be their quantity as well.
func (p *parser) peopleOfValue() bool {
	t := p.schema.tables[0]
	if len(p.schema.tables) > 1 || !t.person() || len(p.plan.filters) != 1 || p.plan.filters[0].op != "==" || p.peekAny() || !p.plural(p.pos) {
		return false
	}
	p.subject = t
	p.plan.measures = append(p.plan.measures, measure{fn: "rows"})
	return true
}

// peekAny reports whether a column stands here, and leaves it.
func (p *parser) peekAny() bool {
	m := p.mark()
	_, ok := p.column(nil)
	p.back(m)
	return ok
}

// countableRows reads the word for a source's rows. If the word names a column whose values repeat too, it is ambiguous.
func (p *parser) countableRows() bool {
	start := p.pos
	t, ok := p.rows()
	if !ok {
		return false
	}
	if t == nil {
		return p.refuse("Several files are selected: say whose rows, by the file's name.")
	}
	if c, near := p.alsoColumn(start, t); c != nil {
		if near <= plural {
			return false // countries.csv with a row for each country and year: the different countries are meant
		}
		return p.refuse(display(p.text(start)) + " could be the rows of " + display(t.source.Name) + " or the different values of " + display(c.Name) + ", which repeat. Say “rows” or “different " + c.Name + "”.")
	}
	p.subject = t
	p.plan.measures = append(p.plan.measures, measure{fn: "rows"})
	return true
}

// repeats reports whether values of the column were seen more than once.
func (c *column) repeats() bool {
	pr := c.table.source.Profile
	return c.Distinct < 1000 && int64(c.Distinct) < pr.Rows-c.Nulls
}

func (p *parser) wordsFrom(start int) []string {
	var out []string
	for _, t := range p.toks[start:p.pos] {
		out = append(out, t.norm)
	}
	return out
}

// impliedRows reads "orders" in "orders by month": what follows must be a group.
func (p *parser) impliedRows() bool {
	for p.adjective() {
	}
	if !p.countableRows() {
		return false
	}
	p.plan.implied = true
	return true
}

func (p *parser) text(start int) string {
	return p.question[p.toks[start].start:p.toks[p.pos-1].end]
}

// computed reads "average price", "sum of revenue and cost", "min, max and mean of the price", "90th percentile of price".
func (p *parser) computed() bool {
	fns := p.functionList()
	if len(fns) == 0 {
		return false
	}
	grain := ""
	if _, g, ok := lookup(p, grains); ok {
		grain = g
	}
	p.take("value of", "of", "for", "in", "value for")
	p.det()
	if p.seesAny("number of", "count of", "how many") {
		if len(fns) == 1 && fns[0] == "sum" {
			return p.counted()
		}
		return p.refuse("I cannot take the " + fns[0] + " of a number per group. Ask for the number by group first.")
	}
	if !p.measuredColumn(fns) {
		return false
	}
	for p.try(func() bool { return p.take(", and", ",", "and") && p.measuredNext(fns) }) {
	}
	p.take("values", "value")
	if grain != "" {
		return p.refuse("“" + fns[0] + " " + grain + "ly” could mean two things. Ask, for example, for the total by " + grain + ".")
	}
	return true
}

// measuredNext reads a further column for the same functions; it leaves a new function or a key to others.
func (p *parser) measuredNext(fns []string) bool {
	m := p.mark()
	p.det()
	if _, _, ok := p.aggregate(); ok || p.seesAny("number of", "count of") {
		return p.back(m)
	}
	return p.measuredColumn(fns)
}

func (p *parser) functionList() []string {
	var fns []string
	for {
		p.det()
		if fn, ok := p.percentile(); ok {
			fns = append(fns, fn)
		} else if _, fn, ok := p.aggregate(); ok {
			fns = append(fns, fn)
		} else {
			return fns
		}
		if !p.try(func() bool {
			if !p.take(", and", ",", "and", "/", "&") {
				return false
			}
			m := p.mark()
			p.det()
			_, _, ok := p.aggregate()
			p.back(m)
			return ok
		}) {
			return fns
		}
	}
}

func (p *parser) percentile() (string, bool) {
	t := p.at(0).norm
	for _, ending := range []string{"th", "st", "nd", "rd"} {
		if n, err := strconv.Atoi(strings.TrimSuffix(t, ending)); err == nil && strings.HasSuffix(t, ending) && n > 0 && n < 100 && p.at(1).norm == "percentile" {
			p.pos += 2
			return "q" + strconv.Itoa(n), true
		}
	}
	return "", false
}

// measuredColumn takes a column that all the functions can be computed of.
func (p *parser) measuredColumn(fns []string) bool {
	p.det()
	for p.adjective() {
	}
	dates := fns[0] == "first" || fns[0] == "last"
	ages := fns[0] == "old" || fns[0] == "young"
	want := (*column).measurable
	if ages {
		want = func(c *column) bool { return c.temporal() || c.measurable() && c.tierOf("age", "age") <= synonym }
	} else if dates {
		want = (*column).temporal
	} else if fns[0] == "min" || fns[0] == "max" {
		want = func(c *column) bool { return c.measurable() || c.temporal() }
	}
	p.skipOwnNoun(want)
	c, ok := p.column(want)
	if !ok {
		return p.refuseWrongType(fns[0])
	}
	for _, fn := range fns {
		switch {
		case fn == "first" || fn == "old" && c.temporal() || fn == "young" && !c.temporal():
			fn = "min"
		case fn == "last" || fn == "old" || fn == "young":
			fn = "max"
		}
		if c.temporal() && fn != "min" && fn != "max" {
			return p.refuse(display(c.Name) + " holds dates: I can give its earliest and its latest only.")
		}
		p.plan.measures = append(p.plan.measures, measure{fn, c})
	}
	return true
}

// skipOwnNoun lets "order amount" be the column amount of orders.csv.
func (p *parser) skipOwnNoun(want func(*column) bool) {
	m := p.mark()
	direct := 0
	if _, ok := p.column(want); ok {
		direct = p.pos - m.pos
	}
	p.back(m)
	t, ok := p.rows()
	noun := p.pos - m.pos
	if !ok || t == nil || direct > noun {
		p.back(m)
		return
	}
	_, ok = p.column(want)
	p.back(m)
	if ok {
		p.pos += noun
	}
}

func (p *parser) refuseWrongType(fn string) bool {
	m := p.mark()
	if c, ok := p.column(nil); ok {
		p.back(m)
		return p.refuse("I cannot compute the " + fn + " of " + display(c.Name) + ": it holds " + typeWords[c.Type] + ".")
	}
	return p.back(m)
}

// suffixed reads "price average", "order count", "revenue total".
func (p *parser) suffixed() bool {
	if p.try(func() bool { return p.countableRows() && p.take("counts", "count") }) {
		return true
	}
	c, ok := p.column((*column).measurable)
	if !ok {
		return false
	}
	phrase, fn, ok := p.aggregate()
	if !ok || phrase == "first" || phrase == "last" || phrase == "top" || fn == "first" || fn == "last" {
		return false
	}
	p.plan.measures = append(p.plan.measures, measure{fn, c})
	return true
}

// bare reads a column without a function. Only quantities that add up have one obvious meaning: their total.
func (p *parser) bare() bool {
	for p.adjective() {
	}
	p.skipOwnNoun((*column).measurable)
	c, ok := p.column((*column).measurable)
	if !ok {
		return false
	}
	if !c.additive() {
		return p.refuse("Say which figure of " + display(c.Name) + " you want: the average, the total, the median, the lowest or the highest.")
	}
	p.plan.measures = append(p.plan.measures, measure{"sum", c})
	p.plan.notes = append(p.plan.notes, "no figure was named for "+pyString(c.Name)+", so its total is taken")
	return true
}

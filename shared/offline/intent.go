package offline

import (
	"slices"
)

// parse reads the whole question. Each kind of question is tried; the first that accounts for every word wins.
func (p *parser) parse() bool {
	p.polite()
	return p.try(p.conditionFirst) || p.whole()
}

// whole reads a question without what is said of the way it is put.
func (p *parser) whole() bool {
	return p.try(func() bool { return p.trendHead() && p.sentence() }) || p.try(func() bool { return p.chartHead() && p.sentence() }) || p.sentence()
}

// conditionFirst reads "In 2024, which region ...".
func (p *parser) conditionFirst() bool {
	if !p.seesAny("in", "for", "during", "since", "before", "after", "among", "within", "between", "on", "from", "considering only", "only") {
		return false
	}
	if !p.filterClause() || !p.take(",") && !p.seesAny("what", "which", "how") {
		return false
	}
	p.polite()
	return p.whole()
}

func (p *parser) sentence() bool {
	for _, head := range []func() bool{p.correlationHead, p.missingHead, p.scatterHead, p.histogramHead, p.partHead, p.shareHead, p.rankHead, p.whichHead, p.whenHead, p.oftenHead, p.distinctHead, p.countHead, p.measureHead, p.listHead} {
		if p.try(func() bool { return head() && p.tails() && p.complete() }) {
			return true
		}
	}
	return false
}

// polite skips how the question is put.
func (p *parser) polite() {
	p.takeAll("please", "can you", "could you", "would you", "i want to know", "i would like to know", "i 'd like to know", "i 'd like to see", "i 'd like", "i would like to see", "i want to see", "i want", "i would like", "i need to know", "i need", "tell me", "let me know", "hi", "hello", "hey", ",", "kindly", "we need", "do you know", "help me", "find out", "let's see", "show us", "give us")
}

// asking skips the words that open a question about figures.
func (p *parser) asking() {
	p.polite()
	p.takeAll("what 's", "what is", "what are", "what was", "what were", "what does", "whats", "show me", "show", "give me", "display", "calculate", "compute", "determine", "find", "get me", "get", "report", "return", "print", "list", "work out", "tell me", "me", "us", "see", "know", "the value of", "compare", "break down", "summarize", "summarise", "what")
	p.det()
}

// tails reads everything after the head: groups, conditions, order, shape.
func (p *parser) tails() bool {
	p.head = p.pos
	for !p.done() {
		if p.try(p.percentTail) || p.try(p.orderTail) || p.try(p.limitTail) || p.try(p.chartTail) || p.try(p.binsTail) || p.try(p.trendTail) || p.try(p.byTail) || p.try(p.havingTail) || p.try(p.superlativeTail) || p.try(p.rowsTail) || p.try(p.filterClause) || p.try(p.verbTail) || p.try(p.grainTail) || p.noise() {
			continue
		}
		return false
	}
	return true
}

func (p *parser) byTail() bool {
	if p.try(p.perRow) {
		return true
	}
	if p.plan.limit > 0 && len(p.plan.order) > 0 && len(p.plan.keys) > 0 {
		return p.refuse("A ranking within each group is outside my grammar: ask for the figure by both, without “top”.")
	}
	if p.plan.shape == scatter || p.plan.shape == correlation || p.plan.shape == histogram || p.plan.shape == listing {
		return false
	}
	if len(p.plan.having) > 0 {
		return p.refuse("A condition on groups comes last: name all the groups before it.")
	}
	if n := len(p.plan.filters); p.plan.percent && n > 0 && len(p.plan.keys) == 0 && !p.plan.filters[n-1].column.temporal() {
		return p.refuse("The condition could limit the whole or be the part. Ask “what percentage of … are … by …”, or put “where …” at the end.")
	}
	known, per := len(p.plan.keys), p.seesAny(eachOf...)
	if !p.byClause() {
		return false
	}
	p.grouped = p.pos
	return p.clearGroups(known, per)
}

// averagesTotals reports whether an average of something that adds up is asked for.
func (p *parser) averagesTotals() bool {
	return slices.ContainsFunc(p.plan.measures, func(m measure) bool {
		return (m.fn == "mean" || m.fn == "median") && m.column.additive()
	})
}

// perRow reads "per order" after an average: the average of the rows is meant already.
func (p *parser) perRow() bool {
	if p.plan.shape != aggregate || len(p.plan.measures) != 1 || p.plan.measures[0].fn != "mean" && p.plan.measures[0].fn != "median" || !p.take("per", "of an", "of each", "for each", "for an") {
		return false
	}
	if t, ok := p.rows(); ok {
		return t != nil && p.plan.measures[0].column.table == t
	}
	t, ok := p.uniqueNoun() // each has one row: the average of the rows is that of the orders
	return ok && p.plan.measures[0].column.table == t
}

// grainTail reads "monthly" or "over the years" after a measure.
func (p *parser) grainTail() bool {
	if p.plan.shape != aggregate {
		return false
	}
	p.take("on a")
	t := p.at(0).norm
	if t != "monthly" && t != "daily" && t != "weekly" && t != "yearly" && t != "quarterly" && t != "annually" {
		return false
	}
	if p.plan.limit > 0 || len(p.plan.having) > 0 || p.plan.percent && (len(p.plan.keys) > 0 || len(p.plan.filters) > 0) {
		return p.refuse("A ranking, a condition on groups or a share within each unit of time is outside my grammar: ask for the figures by both, without it.")
	}
	if !p.grainKey() {
		return false
	}
	p.take("basis")
	return true
}

// rowsTail reads "of the paid orders": conditions before the word for the rows.
func (p *parser) rowsTail() bool {
	if !p.take("of all the", "of all", "of the", "of an", "of a", "of", "for all the", "for all", "for the", "for an", "for a", "for", "in all", "in the", "in", "among the", "among all", "among", "across all", "across", "from all", "from the", "from", "over all", "with the") {
		return false
	}
	p.det()
	for p.adjective() {
	}
	t, ok := p.rows()
	if !ok {
		t, ok = p.uniqueNoun()
	}
	if !ok || t == nil || p.at(0).kind == number || p.subject != nil && p.subject != t && !p.joined(t) {
		return false
	}
	if p.subject == nil && !(p.joined(t) && p.usesOther(t)) {
		p.subject = t
	}
	return true
}

// usesOther reports whether a column of another source was named.
func (p *parser) usesOther(t *tableInfo) bool {
	return slices.ContainsFunc(p.used, func(c *column) bool { return c.table != t })
}

// uniqueNoun reads the name of a column that has one value for each row: "among respondents".
func (p *parser) uniqueNoun() (*tableInfo, bool) {
	c, ok := p.column(func(c *column) bool { return c.unique() && !c.measurable() && !c.temporal() })
	if !ok || !c.unique() || c.measurable() || c.temporal() || p.seesAny("is", "=", "contains", "starts") {
		return nil, false
	}
	return c.table, true
}

// joined reports whether a source is the side of the join of which every row of the subject has one: "orders from customers in Rome".
func (p *parser) joined(t *tableInfo) bool {
	j := joinOf(p.schema)
	return j != nil && j.right.table == t
}

// verbTail reads "hired" before a group: the years of "employees hired per year" are those of the hire date.
func (p *parser) verbTail() bool {
	c, ok := p.column((*column).temporal)
	if !ok || p.plan.date != nil || !p.seesAny("per", "by", "each", "in each", "every", "for each", "daily", "weekly", "monthly", "yearly", "over") {
		return false
	}
	p.plan.date = c
	return true
}

func (p *parser) noise() bool {
	if p.sees("the") > 0 && p.try(func() bool { // "completed the survey"
		p.take("the")
		t, ok := p.rows()
		return ok && t != nil && (t == p.subject || p.subject == nil && len(p.schema.tables) == 1) && !p.plural(p.pos)
	}) {
		return true
	}
	return p.takeAll("are there in the", "are there", "is there", "were there", "was there", "do we have", "did we have", "have we", "do i have", "does it have", "there are", "there", "exist", "do exist", "in total", "overall", "altogether", "in all", "all together", "in the whole data", "in the data set", "in the dataset", "in the data", "in this dataset", "in this data", "in the file", "in this file", "in the table", "in this table", "in our data", "in my data", "of all time", "over all rows", "across all rows", "please", "for me",
		"were placed", "was placed", "were made", "were recorded", "have been recorded", "have been placed", "have been made", "was recorded", "placed", "made", "recorded", "occurred", "happened", "took place", "came in", "came", "did we make", "did we get", "did we", "did", "have", "only", "were sold", "was sold", "sold", "brought in", "bring in", "make", "generate", "generated", "produce", "produced", "earn", "earned", "record", "sell", "achieve", "achieved", "do we", "we have", "are listed", "are in it", "thanks", "thank you", "was it", "is it", ",", "do you see", "can you see", "so far", "each time", "respectively")
}

// complete checks what the words alone do not say.
func (p *parser) complete() bool {
	if p.plan.trend && !p.inTime() {
		return false
	}
	if p.plan.implied && !p.confirmed() || !p.unmistakable() {
		return false
	}
	if c := p.contradiction(); c != nil {
		return p.refuse("No row can meet both conditions on " + display(c.Name) + ". Join values with “or”.")
	}
	for _, k := range p.plan.keys {
		for _, f := range p.plan.measures {
			if f.column == k.column && f.fn == "distinct" && k.grain == "" {
				return p.refuse("Counting " + display(k.column.Name) + " by itself gives one each. Ask how often each value occurs: “number of rows by " + k.column.Name + "”.")
			}
		}
	}
	if p.plan.percent && (p.plan.shape != aggregate || len(p.plan.keys) == 0) {
		return p.refuse("A share needs groups: say of what, for example “share of revenue by region”.")
	}
	return p.bind() && p.tidy()
}

// contradiction finds a column that would have to hold two values at once: the words were surely meant otherwise.
func (p *parser) contradiction() *column {
	for i, f := range p.plan.filters {
		for _, g := range p.plan.filters[:i] {
			same := f.column == g.column && f.op == g.op && !f.negate && !g.negate
			if same && f.op == "==" || same && f.op == "from" && (f.values[0].text >= g.values[0].until || g.values[0].text >= f.values[0].until) {
				return f.column
			}
		}
		if p.emptySpan(f.column) {
			return f.column
		}
	}
	return nil
}

// confirmed reports whether a question without a verb is complete: groups for a number of rows, conditions for a list of rows.
func (p *parser) confirmed() bool {
	switch p.plan.shape {
	case listing:
		return len(p.plan.filters) > 0
	case distinct:
		return false
	}
	return len(p.plan.keys) > 0
}

func (p *parser) countHead() bool {
	p.asking()
	p.plan.shape = aggregate
	if p.take("count the rows", "count rows", "row count") {
		p.plan.measures = append(p.plan.measures, measure{fn: "rows"})
		if len(p.schema.tables) > 1 {
			return p.refuse("Several files are selected: say whose rows, by the file's name.")
		}
		p.subject = p.schema.tables[0]
		return true
	}
	if p.take("count all the", "count all", "count the number of", "count up the", "count the", "count of", "count") {
		return p.countable()
	}
	return false
}

func (p *parser) measureHead() bool {
	p.asking()
	p.plan.shape = aggregate
	if p.take("how much") {
		p.take("of the", "is the", "was the", "total", "overall")
		return p.bare()
	}
	grain := ""
	if _, g, ok := lookup(p, grains); ok {
		grain = g
	}
	if _, ok := p.describe(); ok {
		return true
	}
	if !p.measureList() {
		return false
	}
	if grain != "" {
		p.pos--
		ok := p.addGrain(grain)
		p.pos++
		return ok
	}
	return true
}

func (p *parser) addGrain(grain string) bool {
	var c *column
	if !p.theDate(&c) {
		return false
	}
	p.addKey(key{c, grain})
	return true
}

// describe reads "summary statistics of price".
func (p *parser) describe() (*column, bool) {
	if !p.take("summary statistics of", "summary statistics for", "summary of", "statistics of", "statistics for", "stats for", "stats of", "key figures of", "descriptive statistics of", "descriptive statistics for", "describe") {
		return nil, false
	}
	p.det()
	c, ok := p.column((*column).measurable)
	if !ok {
		return nil, p.refuseWrongType("statistics")
	}
	for _, fn := range []string{"count", "mean", "std", "min", "median", "max"} {
		p.plan.measures = append(p.plan.measures, measure{fn, c})
	}
	return c, true
}

// distinctHead reads "list the different regions", "which cities are there".
func (p *parser) distinctHead() bool {
	p.polite()
	asked := p.take("which", "what are", "what", "what 's in")
	start := p.pos
	if !asked {
		p.asking()
	}
	listed := p.pos > start && slices.Contains([]string{"list", "show", "display", "print", "give"}, p.toks[start].norm)
	p.det()
	explicit := p.takeAll("distinct", "different", "unique", "possible", "various", "existing", "the", "all", "kinds of", "values of the", "values of", "values in", "values for", "column")
	for p.adjective() {
	}
	p.skipOwnNoun(nil)
	c, ok := p.column(nil)
	if !ok || c.measurable() && !explicit && c.tierOf("year", "year") > synonym {
		return false
	}
	explicit = p.take("values", "value") || explicit
	exists := p.take("are there", "exist", "do we have", "are in the data", "occur", "appear in the data", "appear", "do exist", "are present", "can be found", "are in the file", "is there", "occur in the data", "are used", "do the data hold", "are represented", "do we sell", "do we see", "are available")
	if !explicit && !exists && !c.repeats() {
		return false // "list all orders": the rows
	}
	p.plan.implied = !explicit && !exists && !asked && (!listed || p.seesAny("of", "for", "and", ",", "from all"))
	p.plan.shape = distinct
	p.plan.keys = []key{{column: c}}
	return true
}

// whenHead reads "when was the first order".
func (p *parser) whenHead() bool {
	p.polite()
	if !p.take("when was the", "when is the", "when did the", "what date was the", "on what date was the", "on which date was the", "what was the date of the", "what is the date of the") {
		return false
	}
	_, fn, ok := lookup(p, map[string]string{"first": "min", "earliest": "min", "oldest": "min", "last": "max", "latest": "max", "most recent": "max", "newest": "max"})
	if !ok {
		return false
	}
	for p.adjective() {
	}
	var c *column
	if t, isRows := p.rows(); isRows {
		p.subject = t
		if !p.theDate(&c) {
			return false
		}
	} else if c, ok = p.column((*column).temporal); !ok {
		return false
	}
	p.take("placed", "made", "recorded", "date")
	p.plan.shape = aggregate
	p.plan.measures = append(p.plan.measures, measure{fn, c})
	return true
}

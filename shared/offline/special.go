package offline

import "slices"

// correlationHead reads "correlation between price and quantity".
func (p *parser) correlationHead() bool {
	p.asking()
	p.takeAll("is there a", "is there any", "linear", "pearson", "how strong is the", "how strong is", "coefficient")
	p.det()
	switch {
	case p.take("correlation coefficient between", "correlation coefficient of", "correlation between", "correlation of"):
	case p.take("how strongly do", "how do", "how are", "how well do", "does", "do", "how does", "how strongly are", "how strongly does"):
		return p.pair("and", "with") && (p.take("correlate with each other", "correlated with each other", "correlate", "correlated") || p.follows(p.pos-1, "with"))
	default:
		return false
	}
	return p.pair("and", "with", "to")
}

func (p *parser) pair(joints ...string) bool {
	p.det()
	a, ok := p.column((*column).numeric)
	if !ok {
		return p.refuseWrongType("correlation")
	}
	p.take("correlated", "correlates", "correlate") // "does price correlate with quantity"
	b, ok := p.secondOf(joints)
	return ok && p.correlate(a, b)
}

func (p *parser) secondOf(joints []string) (*column, bool) {
	if !p.take(joints...) {
		return nil, false
	}
	p.det()
	c, ok := p.column((*column).numeric)
	if !ok {
		p.refuseWrongType("correlation")
	}
	return c, ok
}

func (p *parser) correlate(a, b *column) bool {
	if a == b {
		return p.refuse("A column always correlates with itself: name two different columns.")
	}
	p.plan.shape = correlation
	p.plan.columns = []*column{a, b}
	return true
}

// missingHead reads "missing values per column", "how many prices are missing".
func (p *parser) missingHead() bool {
	p.asking()
	p.takeAll("how many", "number of", "count of", "count", "which columns have", "which", "columns", "are there", "the", "of", "for each column", "each column", "have any", "have", "per column")
	if p.take("missing values", "missing entries", "missing data", "missing cells", "empty values", "empty cells", "null values", "nulls", "missing", "blank values", "nan values", "gaps") {
		p.plan.shape = missing
		p.take("are there", "do we have", "exist")
		if p.take("per column", "by column", "in each column", "for each column", "in every column", "for every column", "for all columns", "in all columns", "in the columns") || p.done() {
			return true
		}
		if !p.take("in the column", "in column", "in the", "in", "of the", "of", "for the", "for", "does the column", "does") {
			return false
		}
		return p.missingOf()
	}
	if c, ok := p.column(nil); ok {
		p.take("values", "entries", "value")
		if p.take("are missing", "is missing", "are empty", "are null", "are blank", "are not known") {
			p.plan.shape = aggregate
			p.plan.measures = append(p.plan.measures, measure{"missing", c})
			return true
		}
	}
	return p.take("values are missing") && (p.take("per column", "by column", "in each column", "in every column", "for each column") && p.setShape(missing) || p.take("in the column", "in the", "in column", "in", "for") && p.missingOf())
}

func (p *parser) setShape(s shape) bool { p.plan.shape = s; return true }

func (p *parser) missingOf() bool {
	p.take("column")
	c, ok := p.column(nil)
	if !ok {
		return false
	}
	p.take("column", "have", "values")
	p.plan.shape = aggregate
	p.plan.measures = append(p.plan.measures, measure{"missing", c})
	return true
}

// oftenHead reads "how often does each status occur".
func (p *parser) oftenHead() bool {
	p.polite()
	if !p.take("how often does each", "how often do the different", "how often does every", "how often is each", "how often do") {
		return false
	}
	p.take("value of", "answer of", "answer to", "values of")
	c, ok := p.column(nil)
	if !ok {
		return false
	}
	p.take("value", "values", "answer")
	p.plan.shape = aggregate
	p.plan.keys = []key{{column: c}}
	p.plan.measures = []measure{{fn: "rows"}}
	return p.take("occur", "appear", "used", "given", "chosen")
}

// histogramHead reads "histogram of age with 20 bins", "distribution of price", "price distribution".
func (p *parser) histogramHead() bool {
	p.asking()
	p.takeAll("draw", "plot", "make", "create", "how", "is", "are", "a", "the")
	drawn := p.take("histogram of", "histogram for", "histogram")
	if !drawn && !p.take("frequency distribution of", "distribution of", "distribution for") {
		c, ok := p.column(nil)
		if !ok || !p.take("histogram", "distribution", "distributed") {
			return false
		}
		drawn = p.toks[p.pos-1].norm == "histogram"
		return p.distribution(c, drawn)
	}
	p.det()
	p.skipOwnNoun((*column).measurable)
	c, ok := p.column(nil)
	return ok && p.distribution(c, drawn)
}

// distribution shows how often values occur: in bins for numbers, one by one for the rest.
func (p *parser) distribution(c *column, drawn bool) bool {
	p.take("values")
	if drawn {
		p.plan.chart = "histogram"
	}
	if c.measurable() {
		p.plan.shape, p.plan.bins = histogram, 10
		p.plan.columns = []*column{c}
		return true
	}
	if c.temporal() {
		return p.refuse("Say how fine: “number of rows by month of " + c.Name + "”, or by day, week, quarter or year.")
	}
	p.plan.shape = aggregate
	p.plan.keys = []key{{column: c}}
	p.plan.measures = []measure{{fn: "rows"}}
	if drawn {
		p.plan.chart = "bar"
	}
	return true
}

func (p *parser) binsTail() bool {
	if p.plan.shape != histogram {
		return false
	}
	p.take("with", "in", "using", "into", "and", "split into", "over")
	n, ok := p.count()
	if !ok || !p.take("equal bins", "bins", "bars", "buckets", "classes", "intervals", "groups") || n > 1000 {
		return false
	}
	p.plan.bins = n
	return true
}

// scatterHead reads "scatter plot of price against quantity", "plot price versus quantity".
func (p *parser) scatterHead() bool {
	p.asking()
	explicit := p.plan.chart == "scatter"
	if p.plan.chart != "auto" && !explicit {
		return false
	}
	p.det()
	y, ok := p.column((*column).numeric)
	if !ok || !p.take("against the", "against", "versus", "vs", "over the", "over", "and", "by", "as a function of", "with") {
		return false
	}
	p.det()
	x, ok := p.column((*column).numeric)
	if !ok || x == y || !x.numeric() {
		return false
	}
	p.plan.shape, p.plan.chart = scatter, "scatter"
	p.plan.columns = []*column{x, y}
	return true
}

// partHead reads "what percentage of orders are paid", "what share of revenue comes from Berlin".
func (p *parser) partHead() bool {
	p.asking()
	p.take("how many")
	if !p.take("percentage of", "percent of", "share of", "proportion of", "% of") {
		return false
	}
	p.det()
	p.take("total", "overall")
	for p.adjective() {
	}
	if !p.try(p.countableRows) {
		if !p.bare() {
			return false
		}
	}
	for p.try(func() bool { // "of orders in 2024 are paid": what stands before the verb belongs to the whole
		return !p.seesAny("are", "is", "was", "were", "have", "has", "had", "come", "comes", "came", "from", "goes", "falls", "with", "that", "belong", "belongs") && p.filterClause()
	}) {
	}
	base := len(p.plan.filters)
	if !p.seesAny("are", "is", "was", "were", "have", "has", "had", "come", "comes", "came", "from", "in", "with", "that", "belong", "belongs", "cost", "for", "over", "above", "under", "below", "not", "where") || !p.partCondition() {
		return false
	}
	p.plan.part = append([]filter(nil), p.plan.filters[base:]...)
	p.plan.filters = p.plan.filters[:base:base]
	p.plan.shape = part
	return true
}

func (p *parser) partCondition() bool {
	p.take("comes from", "come from", "came from", "is made in", "comes", "come", "belongs to", "belong to")
	ok := false
	for start := p.pos; p.filterClause(); start = p.pos {
		if ok && !slices.Contains([]string{"and", "but", ","}, p.toks[start].norm) {
			return p.refuse("The last condition could limit the whole or the part. Put it next to what it limits: “of the orders in 2024”, or join the two with “and”.")
		}
		ok = true
	}
	return ok
}

// shareHead reads "share of revenue by region", "revenue share by region", "each region's share of revenue".
func (p *parser) shareHead() bool {
	p.asking()
	p.plan.shape, p.plan.percent = aggregate, true
	if p.take("percentage share of", "percentage of", "percent of", "share of", "shares of", "proportion of", "% of", "relative share of", "distribution in percent of", "breakdown of") && p.toks[p.pos-2].norm != "breakdown" {
		p.det()
		p.take("total")
		return p.try(p.countableRows) || p.bare() || p.counted()
	}
	if p.take("each", "every") && p.columnKey() && p.take("'s") && p.take("percentage of", "share of", "percent share of", "proportion of") {
		p.det()
		p.take("total", "overall")
		return p.try(p.countableRows) || p.bare()
	}
	return p.try(func() bool { return p.bare() && p.take("share", "shares", "percentage", "percentages") })
}

func (p *parser) percentTail() bool {
	switch {
	case p.take("in percent of the total", "as a percentage of the total", "as percentages of the total", "as a share of the total", "as percent of total", "as a percentage of total", "as a percentage", "as percentages", "in percent", "in %", "as percent", "as shares", "in percentages", "as a share", "of the total", "of total", "of the whole"):
		if p.seesAny("of") {
			return p.refuse("I give shares of the whole only, not of one group.")
		}
		p.plan.percent = p.plan.shape == aggregate
		return p.plan.shape == aggregate || p.plan.shape == part
	}
	return false
}

package offline

// byClause reads "by region and month", "per customer", "for each city".
func (p *parser) byClause() bool {
	if !p.take("grouped by", "group by", "are in each", "are in every", "are there in each", "does each", "does every", "did each", "did every", "broken down by", "break down by", "broken out by", "split by", "separated by", "for each", "for every", "in each", "in every", "of each", "within each", "within every", "on each", "at each", "from each", "each", "by", "per", "for the different", "for all the different", "over the", "over") {
		return false
	}
	return p.keyList()
}

func (p *parser) keyList() bool {
	if !p.keyItem() {
		return false
	}
	for p.try(func() bool {
		return p.take(", and by", ", and", ", by", ", per", ",", "and by", "and per", "and for each", "and each", "and", "then by", "by", "per", "x", "&", "/") && p.keyItem()
	}) {
	}
	return true
}

// keyItem reads one thing to group by: a column, or a grain of time of the only column of dates.
func (p *parser) keyItem() bool {
	return p.try(func() bool { return p.columnKey() && !p.conditionAhead() }) || p.try(p.grainKey)
}

func (p *parser) columnKey() bool {
	p.takeAll("the", "each", "different", "individual", "a", "every", "of the")
	m := p.mark()
	if _, _, ok := lookup(p, grains); ok {
		p.back(m)
		if found, near := p.schema.named(p.span(1)); len(found) == 0 || near > unitless {
			return false
		}
	}
	start := p.pos
	c, ok := p.column(nil)
	if !ok || p.ratio(c, start) {
		return false
	}
	grain := ""
	if c.temporal() {
		if _, g, ok := lookup(p, grains); ok {
			grain = g
		} else if c.Type == "date" {
			grain = "day"
		}
	}
	p.addKey(key{c, grain})
	return true
}

// conditionAhead reports whether the column before was the start of a condition, not a group.
func (p *parser) conditionAhead() bool {
	return p.seesAny("is", "are", "=", ">", "<", "over", "above", "below", "under", "contains", "equals", "starts")
}

func (p *parser) grainKey() bool {
	p.takeAll("the", "each", "every", "calendar")
	_, grain, ok := lookup(p, grains)
	if !ok {
		return false
	}
	var c *column
	if p.try(func() bool { return p.take("of the", "of") && p.temporal(&c) }) || p.theDate(&c) {
		p.addKey(key{c, grain})
		return true
	}
	return false
}

func (p *parser) temporal(c **column) bool {
	found, ok := p.column((*column).temporal)
	*c = found
	return ok
}

// theDate gives the only column of dates, or refuses.
func (p *parser) theDate(c **column) bool {
	if p.plan.date != nil {
		*c = p.plan.date
		return true
	}
	dates := p.schema.dates()
	if len(dates) > 1 {
		dates = p.narrowDates(dates)
	}
	switch len(dates) {
	case 0:
		return p.refuse("I find no column of dates in the data, so I cannot tell days, months or years apart.")
	case 1:
		*c = dates[0]
		p.used = append(p.used, dates[0])
		return true
	}
	return p.refuse(ambiguous("the date", dates))
}

// narrowDates keeps the dates of the source whose rows or columns the question is about.
func (p *parser) narrowDates(dates []*column) []*column {
	about := p.subject
	if about == nil && len(p.plan.measures) > 0 && p.plan.measures[0].column != nil {
		about = p.plan.measures[0].column.table
	}
	var out []*column
	for _, d := range dates {
		if d.table == about {
			out = append(out, d)
		}
	}
	if about == nil || len(out) == 0 {
		return dates
	}
	return out
}

func (p *parser) addKey(k key) {
	for _, have := range p.plan.keys {
		if have == k {
			return
		}
	}
	p.plan.keys = append(p.plan.keys, k)
}

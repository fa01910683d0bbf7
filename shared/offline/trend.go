package offline

import "slices"

// What is here reads questions about the course of time: "trend of revenue by month", "monthly trend of revenue", "revenue over time by week".

// trendColumn reports whether a column has the name of a trend: the word is that column then.
func (p *parser) trendColumn() bool {
	found, _ := p.schema.named([]string{"trend"})
	return len(found) > 0
}

// trendHead reads "show the monthly trend of".
func (p *parser) trendHead() bool {
	p.take("draw", "plot", "visualize", "visualise", "graph", "chart", "create", "make")
	p.asking()
	_, grain, _ := lookup(p, grains)
	if p.trendColumn() || !p.take("trend of", "trend in", "trend for") {
		return false
	}
	p.plan.trend, p.plan.grain, p.plan.chart = true, grain, "line"
	return true
}

// trendTail reads "trend" or "over time" directly behind the figure or its groups; elsewhere it could end a value: "contains desk trend".
func (p *parser) trendTail() bool {
	if p.plan.shape != aggregate || p.pos != p.head && p.pos != p.grouped || p.trendColumn() || !p.take("trend line", "trend", "over time") {
		return false
	}
	p.plan.trend = true
	if p.plan.chart == "" || p.plan.chart == "auto" {
		p.plan.chart = "line"
	}
	return true
}

// inTime gives a trend the unit of time that was named, as the first of its groups: a chart's horizontal axis.
func (p *parser) inTime() bool {
	switch {
	case p.plan.shape != aggregate:
		return false
	case p.plan.grain != "" && !p.addGrain(p.plan.grain):
		return false
	case p.plan.limit > 0 || len(p.plan.having) > 0 || p.plan.percent:
		return p.refuse("A ranking, a condition on groups or a share within a trend is outside my grammar: ask for the figures by both, without it.")
	}
	at, units := -1, 0
	for i, k := range p.plan.keys {
		if k.grain == "weekday" || !k.column.temporal() && k.column.tierOf("year", "year") > synonym {
			continue
		}
		at = i
		units++
	}
	if units > 1 {
		return p.refuse("A trend has one unit of time, and this question names several.")
	}
	if at < 0 {
		return p.refuse("A trend needs a unit of time: say by day, week, month, quarter or year.")
	}
	p.plan.keys, p.plan.order = slices.Clone(p.plan.keys), slices.Clone(p.plan.order)
	p.plan.keys[0], p.plan.keys[at] = p.plan.keys[at], p.plan.keys[0]
	for i, o := range p.plan.order {
		switch o.key {
		case 0:
			p.plan.order[i].key = at
		case at:
			p.plan.order[i].key = 0
		}
	}
	return true
}

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
	if p.trendColumn() || !p.take("trend of", "trends of", "trend in", "trends in", "trend for", "trends for", "development of", "evolution of") {
		return false
	}
	p.plan.trend, p.plan.grain, p.plan.chart = true, grain, "line"
	return true
}

// trendTail reads "trend" or "over time" behind a figure.
func (p *parser) trendTail() bool {
	if p.plan.shape != aggregate || len(p.plan.measures) == 0 || p.trendColumn() || !p.take("trend line", "trend", "trends", "over time") {
		return false
	}
	p.plan.trend, p.plan.chart = true, "line"
	return true
}

// inTime gives a trend the unit of time that was named, as the first of its groups: a chart's horizontal axis.
func (p *parser) inTime() bool {
	if p.plan.shape != aggregate || p.plan.grain != "" && !p.addGrain(p.plan.grain) {
		return false
	}
	at := slices.IndexFunc(p.plan.keys, func(k key) bool { return k.column.temporal() })
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

package offline

import (
	"slices"
	"strings"
)

// What is here finds questions that the rules can read but that people often mean otherwise. They are refused.

// eachOf are the words that make groups of what follows, and a ratio where it is a quantity.
var eachOf = []string{"per", "each", "every", "for each", "for every", "of each", "in each", "in every"}

// ratio refuses "revenue per unit": where a quantity follows, a quotient is meant and not one group for each of its values.
func (p *parser) ratio(c *column, start int) bool {
	if !c.measurable() || c.tierOf("year", "year") <= synonym {
		return false
	}
	counts := !slices.ContainsFunc(p.plan.measures, func(m measure) bool { return m.fn != "rows" && m.fn != "distinct" })
	per := p.follows(start, "per", "each", "every", "a")
	byAnotherName := c.additive() && p.near >= synonym
	fine := c.Type == "int" && !c.additive() && (c.Distinct <= 20 || c.tierOf("age", "age") <= synonym) || counts && len(p.plan.measures) > 0
	if !byAnotherName && (!per || fine) {
		return false
	}
	if !p.follows(start, "per", "each", "every", "a", "by", "and", ",") {
		return true // a noun: "units sold by region"
	}
	p.refuse("“" + strings.ToLower(p.text(start-1)) + "” asks for a ratio, which is outside my grammar. For one group for each value say “by " + c.Name + "”.")
	return true
}

// clearGroups refuses groups, from the first new one on, that could as well be what an average is taken over.
func (p *parser) clearGroups(first int, per bool) bool {
	for i, k := range p.plan.keys {
		apart := k.grain != "" || k.column.identifies()
		if i >= first && per && apart && p.averagesTotals() {
			return p.refuse("“Average per " + orElse(k.grain, k.column.Name) + "” could be the average of the rows or of the totals. Say “average … by …” for the rows.")
		}
		if i >= first && per && k.grain == "" && k.column.unique() && len(p.plan.measures) > 0 && p.plan.measures[0].column != nil {
			return p.refuse("“Per " + k.column.Name + "” could be each one by itself or their average. Say “average …”, or list the rows.")
		}
	}
	id := slices.ContainsFunc(p.plan.keys, func(k key) bool { return k.column.identifies() })
	if mixed := p.mixedGroups(); id && mixed && len(p.plan.keys) > 1 {
		return p.refuse("“Per … by …” could be an average for each group or one figure for each pair. Say “by … and …” for the pairs.")
	}
	return true
}

// mixedGroups reports whether groups were named by "per" and by "by" in one question.
func (p *parser) mixedGroups() bool {
	per, by := false, false
	for _, t := range p.toks[:p.pos] {
		per = per || t.norm == "per"
		by = by || t.norm == "by"
	}
	return per && by
}

// unmistakable refuses readings of whole questions that are seldom what is meant.
func (p *parser) unmistakable() bool {
	pl := &p.plan
	if p.doubtful {
		return false
	}
	compared := slices.ContainsFunc(p.toks, func(t token) bool {
		return t.kind == word && slices.Contains([]string{"compare", "compared", "comparing", "comparison", "versus", "vs"}, t.norm)
	})
	if compared && (pl.shape == listing || pl.shape == aggregate && len(pl.keys) == 0 && len(pl.measures) < 2) {
		return p.refuse("Say by which column the figures are compared, for example “revenue by year”.")
	}
	if pl.shape == aggregate && pl.implied && slices.ContainsFunc(pl.keys, func(k key) bool { return k.column.measurable() && k.column.additive() }) {
		return p.refuse("Say “number of rows by …” for one group for each value, or “sorted by …” for an order.")
	}
	if pl.percent && len(pl.keys) > 1 && slices.ContainsFunc(p.toks, func(t token) bool { return slices.Contains([]string{"each", "every", "within", "per"}, t.norm) }) {
		return p.refuse("The share could be of the whole or of each group. Say “by … and …” for shares of the whole.")
	}
	if pl.shape == distinct && len(pl.keys) > 1 && slices.ContainsFunc(pl.keys[1:], func(k key) bool { return k.column.measurable() }) {
		return p.refuse("Say by which figure they are sorted, for example “total … by …, sorted by …”.")
	}
	if c := p.rowOrGroup(); c != nil {
		return p.refuse(rowOrGroupReason(c))
	}
	return true
}

func rowOrGroupReason(c *column) string {
	return "The condition on " + display(c.Name) + " could be about single rows or about the total of each group. Say “with total " + c.Name + " over …” for the groups, or ask for rows."
}

// rowOrGroup finds the quantity in "customers with revenue over 500": that of one row, or of all rows of a customer.
func (p *parser) rowOrGroup() *column {
	pl := &p.plan
	var about *column
	switch {
	case p.subject != nil:
		return nil
	case pl.shape == distinct:
		about = pl.keys[0].column
	case pl.shape == aggregate && len(pl.keys) == 0 && len(pl.measures) == 1 && pl.measures[0].fn == "distinct":
		about = pl.measures[0].column
	}
	if about == nil || about.unique() {
		return nil
	}
	for _, f := range pl.filters {
		if f.column.numeric() && f.column.additive() && f.column.table == about.table && f.op != "missing" && f.op != "present" {
			return f.column
		}
	}
	return nil
}

// refuseRowOrGroup refuses "by region with revenue over 1000", where the condition stands right after the groups.
func (p *parser) refuseRowOrGroup(after int) bool {
	if p.grouped == 0 || !p.follows(after, "with", "having", "have", "has", "a", "whose") || after-p.grouped > 2 || after <= p.grouped {
		return false
	}
	m := p.mark()
	before := len(p.plan.filters)
	if !p.namedCondition() && !p.numberFirst() {
		return p.back(m)
	}
	c := p.plan.filters[before].column
	p.back(m)
	if c.numeric() && c.additive() {
		p.refuse(rowOrGroupReason(c))
		p.doubtful = true
	}
	return false
}

// attached refuses a condition that its first word binds to something else than the rows of the whole question.
func (p *parser) attached(start int, added []filter) bool {
	lead := p.toks[start].norm
	if lead == "by" && slices.ContainsFunc(added, func(f filter) bool { return f.column.numeric() }) {
		return p.refuse("Name the group and the condition apart: “by age where age is over 50”.")
	}
	if slices.Contains([]string{"that", "which", "who", "whose"}, lead) && p.plan.shape == aggregate && p.unlikeFigures() {
		return p.refuse("A condition on one of several figures could be meant for all of them: ask for each figure by itself, or say “where …”.")
	}
	return true
}

// unlikeFigures reports whether rows are counted beside a figure of a column.
func (p *parser) unlikeFigures() bool {
	counts := 0
	for _, m := range p.plan.measures {
		if m.fn == "rows" || m.fn == "distinct" {
			counts++
		}
	}
	return counts > 0 && counts < len(p.plan.measures)
}

// manyUnits reports whether a row is of several units, so that the price of one is not the price of the row.
func (*parser) manyUnits(t *tableInfo) bool {
	return slices.ContainsFunc(t.columns, func(c *column) bool { return c.numeric() && c.tierOf("quantity", "quantity") <= synonym })
}

func (p *parser) usesUnique(t *tableInfo) bool {
	return slices.ContainsFunc(p.used, func(c *column) bool { return c.table == t && c.unique() })
}

func (p *parser) refusePriceOfRows(c *column) bool {
	return p.refuse("A row is of several units, so its price could be " + display(c.Name) + " or a total. Name the column.")
}

// bound is one end of what the conditions leave of a column.
type bound struct {
	number float64
	text   string
	open   bool
	set    bool
}

// emptySpan reports whether the conditions on a column of numbers or dates leave no value.
func (p *parser) emptySpan(c *column) bool {
	if !c.numeric() && !c.temporal() {
		return false
	}
	var low, high bound
	for _, f := range p.plan.filters {
		if f.column != c || len(f.values) != 1 || f.negate {
			continue
		}
		v := f.values[0]
		at := bound{v.number, v.text, f.op == ">" || f.op == "<", true}
		switch f.op {
		case ">", ">=":
			low = tighter(low, at, 1)
		case "<", "<=":
			high = tighter(high, at, -1)
		case "==":
			low, high = tighter(low, at, 1), tighter(high, at, -1)
		case "from":
			low, high = tighter(low, at, 1), tighter(high, bound{text: v.until, open: true, set: true}, -1)
		}
	}
	if !low.set || !high.set {
		return false
	}
	order := low.compare(high)
	return order > 0 || order == 0 && (low.open || high.open)
}

func tighter(have, next bound, sign int) bound {
	if order := next.compare(have) * sign; !have.set || order > 0 || order == 0 && next.open {
		return next
	}
	return have
}

func (b bound) compare(o bound) int {
	if b.text != "" || o.text != "" {
		return strings.Compare(b.text, o.text)
	}
	switch {
	case b.number < o.number:
		return -1
	case b.number > o.number:
		return 1
	}
	return 0
}

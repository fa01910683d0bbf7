package offline

import (
	"slices"
	"strings"
)

// bind decides which sources are read, and joins two when the question needs both.
func (p *parser) bind() bool {
	need := map[*tableInfo]bool{}
	for _, c := range p.used {
		need[c.table] = true
	}
	if p.subject != nil {
		need[p.subject] = true
	}
	for _, t := range p.schema.tables {
		if need[t] {
			p.plan.tables = append(p.plan.tables, t)
		}
	}
	switch len(p.plan.tables) {
	case 0:
		if len(p.schema.tables) != 1 {
			return p.refuse("Several files are selected: name a column of the one you mean.")
		}
		p.plan.tables = p.schema.tables
		return true
	case 1:
		return true
	case 2:
		return p.bindJoin()
	}
	return p.refuse("The question needs more than two files; I can join two.")
}

func (p *parser) bindJoin() bool {
	j := joinOf(p.schema)
	if j == nil || !slices.Contains(p.plan.tables, j.left.table) || !slices.Contains(p.plan.tables, j.right.table) {
		return p.refuse("The question needs " + display(p.plan.tables[0].source.Name) + " and " + display(p.plan.tables[1].source.Name) + ", and I see no single column by which their rows belong together.")
	}
	if p.subject == j.right.table {
		return p.refuse("One row of " + display(j.right.table.source.Name) + " can have several of " + display(j.left.table.source.Name) + ", so this could be counted in two ways.")
	}
	for _, m := range p.plan.measures {
		if m.column != nil && m.column.table == j.right.table && m.fn != "distinct" && m.fn != "min" && m.fn != "max" {
			return p.refuse(display(m.column.Name) + " would be taken once for each row of " + display(j.left.table.source.Name) + ", which is hardly what you mean.")
		}
	}
	if p.plan.shape == listing && len(p.plan.columns) == 0 || p.plan.shape == missing || p.plan.shape == histogram {
		return p.refuse("I can do this with one file at a time.")
	}
	p.plan.join = j
	p.plan.tables = []*tableInfo{j.left.table, j.right.table}
	return true
}

// joinOf finds the one column by which the rows of two sources belong together. right is the side where values do not repeat.
func joinOf(s *schema) *join {
	if len(s.tables) != 2 {
		return nil
	}
	var found []join
	for _, a := range s.tables[0].columns {
		for _, b := range s.tables[1].columns {
			if a.Type != b.Type || a.Type == "float" || a.Type == "bool" || a.temporal() || !sameKey(a, b) {
				continue
			}
			switch {
			case b.single():
				found = append(found, join{a, b})
			case a.single():
				found = append(found, join{b, a})
			}
		}
	}
	if len(found) > 1 {
		ids := slices.DeleteFunc(slices.Clone(found), func(j join) bool { return !j.right.identifies() })
		if len(ids) > 0 {
			found = ids
		}
	}
	if len(found) != 1 {
		return nil
	}
	return &found[0]
}

// sameKey holds for customer_id and CustomerID, and for orders.customer_id and customers.id.
func sameKey(a, b *column) bool {
	ka, kb := stems(atoms(a.Name)), stems(atoms(b.Name))
	if ka == "id" && kb == "id" {
		return false
	}
	return ka == kb || ka == "id" && a.table.nouns[strings.TrimSuffix(kb, "id")] || kb == "id" && b.table.nouns[strings.TrimSuffix(ka, "id")]
}

// single reports whether the column's values do not repeat as far as was seen. The program checks what is not certain.
func (c *column) single() bool {
	seen := c.table.source.Profile.Sample.Rows
	return c.Nulls == 0 && (c.Distinct >= 1000 || seen > 0 && int64(c.Distinct) >= seen)
}

// tidy refuses what does not go together and settles the chart.
func (p *parser) tidy() bool {
	pl := &p.plan
	if len(pl.order) > 0 && pl.shape != aggregate && pl.shape != distinct && pl.shape != listing {
		return p.refuse("This answer has an order of its own.")
	}
	if pl.limit > 0 && pl.shape == aggregate && len(pl.keys) == 0 {
		return p.refuse("There is one result only, so there is nothing to cut off.")
	}
	if len(pl.keys) > 0 && pl.shape == listing {
		return p.refuse("Rows cannot be listed by group. Name a figure, for example a total or a number of rows.")
	}
	if pl.shape == distinct && len(pl.filters) == 0 && pl.limit > 0 {
		return p.refuse("Say by what they are ranked.")
	}
	if pl.percent && (len(pl.measures) != 1 || pl.measures[0].fn != "sum" && pl.measures[0].fn != "rows" || pl.limit > 0) {
		return p.refuse("A share of the total needs one total or one number of rows.")
	}
	if pl.chart == "" {
		return true
	}
	return p.tidyChart()
}

func (p *parser) tidyChart() bool {
	pl := &p.plan
	switch {
	case pl.shape == histogram || pl.shape == scatter:
		return true
	case pl.shape != aggregate || len(pl.keys) == 0 || len(pl.keys) > 2 || len(pl.measures) != 1 && len(pl.keys) > 1 || len(pl.measures) != 1:
		return p.refuse("I can draw one figure by one or two groups, a histogram of one column, or two columns of numbers against each other.")
	case pl.chart == "scatter":
		return p.refuse("A scatter plot needs two columns of numbers, for example “scatter plot of a against b”.")
	case pl.chart == "auto":
		pl.chart = "bar"
		if k := pl.keys[0]; k.column.temporal() && k.grain != "weekday" && len(pl.order) == 0 {
			pl.chart = "line"
		}
	}
	return true
}

package offline

import (
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

var typeWords = map[source.Type]string{
	source.Int: "whole numbers", source.Float: "numbers", source.Bool: "yes or no", source.String: "text", source.Date: "dates", source.Timestamp: "times", source.Nested: "nested values",
}

// comparisons maps the words before a number to an operator.
var comparisons = map[string]string{
	"more than": ">", "greater than": ">", "larger than": ">", "bigger than": ">", "higher than": ">", "over": ">", "above": ">", "exceeds": ">", "exceeding": ">", "exceed": ">", "exceeded": ">", "older than": ">", "longer than": ">", "heavier than": ">", "beyond": ">", "more expensive than": ">", "lighter than": "<",
	"at least": ">=", "no less than": ">=", "not less than": ">=", "not under": ">=", "not below": ">=", "a minimum of": ">=", "greater than or equal to": ">=", "no fewer than": ">=",
	"less than": "<", "fewer than": "<", "smaller than": "<", "lower than": "<", "under": "<", "below": "<", "younger than": "<", "shorter than": "<", "cheaper than": "<",
	"at most": "<=", "no more than": "<=", "not more than": "<=", "up to": "<=", "not over": "<=", "not above": "<=", "a maximum of": "<=",
	"equals": "==", "equal to": "==", "exactly": "==", "not equal to": "!=", "other than": "!=", "not": "!=", "not exactly": "!=", "different from": "!=",
}

var comparisonSigns = map[string]string{">": ">", "<": "<", ">=": ">=", "<=": "<=", "=": "==", "==": "==", "!=": "!=", "<>": "!="}

var leads = []string{
	"where the", "where", "for which the", "for which", "with a", "with an", "with the", "with", "whose", "which have a", "which have", "which has", "which are", "which is", "which were", "which was", "which had", "which", "that have a", "that have an", "that have", "that has", "that are", "that is", "that were", "that was", "that had", "that cost", "that come from", "that came from", "that", "who are", "who is", "who have", "who has", "who were", "who live in", "who work in", "who",
	"having a", "having", "for the", "for", "in the", "in", "from the", "from", "coming from", "come from", "came from", "comes from", "are from", "were from", "is from", "at the", "at", "of the", "of", "on the", "on", "only", "just", "considering only", "limited to", "restricted to", "belonging to", "belong to", "live in", "lives in", "living in", "work", "works", "working", "got a", "got", "get", "received a", "received", "receive", "came from the", "came in the", "came in", "work in", "works in", "working in", "are in", "is in", "were in", "are based in", "based in", "located in", "made in", "sold in", "bought by", "ordered by", "placed in", "placed by", "made by", "sold by", "by", "via", "through", "within the", "within", "inside",
	"when the", "when", "if the", "if", "among the", "among", "amongst", "aged", "did the", "did", "that are still", "are still", "still", "are currently", "currently", "are already", "already", "are", "is", "were", "was", "have a", "have an", "have", "has a", "has", "had a", "had", "and are", "and have", "and with", "and where", "and in", "and for", "and from", "and that are", "and", "but", ", and", ", but", ",", "be", "been",
}

// filterClause reads conditions into the plan's filters.
func (p *parser) filterClause() bool {
	return p.try(p.condition) || p.try(func() bool {
		start := p.pos
		for i := range 3 { // "and that are in the"
			if i > 0 && p.seesAny("and", "or", "but") || !p.take(leads...) { // "with and without gifts"
				return false
			}
			p.try(func() bool { t, ok := p.rows(); return ok && t != nil && t != p.subject && p.joined(t) })
			if before := len(p.plan.filters); p.condition() {
				return p.attached(start, p.plan.filters[before:])
			}
		}
		return false
	})
}

func (p *parser) condition() bool {
	return p.try(p.dateCondition) || p.try(p.namedCondition) || p.try(p.numberFirst) || p.try(p.idCondition) || p.try(p.missingCondition) || p.try(p.adjective) || p.try(p.excluded)
}

func (p *parser) addFilter(f filter) bool {
	p.plan.filters = append(p.plan.filters, f)
	p.used = append(p.used, f.column)
	return true
}

// namedCondition reads a column, an operator and a value.
func (p *parser) namedCondition() bool {
	p.det()
	m := p.mark()
	c, ok := p.column(nil)
	if !ok {
		p.back(m)
		p.skipOwnNoun(nil)
		if c, ok = p.column(nil); !ok {
			return false
		}
	}
	p.take("value", "values")
	switch {
	case p.presence(c):
		return true
	case c.numeric():
		return p.numberCondition(c)
	case c.Type == source.Bool || isYesNo(c) && p.try(func() bool { return p.boolCondition(c) }):
		return c.Type != source.Bool || p.boolCondition(c)
	case c.Type == source.String:
		return p.textCondition(c)
	}
	return false
}

func (p *parser) presence(c *column) bool {
	return p.try(func() bool {
		p.take("is", "are", "was", "were", "has been", "values are", "value is")
		switch {
		case p.take("not missing", "not empty", "not null", "not blank", "present", "known", "filled in", "filled", "given"):
			return p.addFilter(filter{column: c, op: "present"})
		case p.take("missing", "empty", "null", "blank", "unknown", "not known", "not given", "not filled in", "na", "nan") && !p.valueIsNamed(c):
			return p.addFilter(filter{column: c, op: "missing"})
		}
		return false
	})
}

// valueIsNamed guards against a column in which "unknown" or "missing" is an ordinary value.
func (p *parser) valueIsNamed(c *column) bool {
	last := p.toks[p.pos-1].norm
	for _, hit := range p.schema.values[last] {
		if hit.column == c {
			return p.refuse(display(last) + " is a value of " + display(c.Name) + " and a word for missing values. Put it in quotes if you mean the value.")
		}
	}
	return false
}

func (p *parser) numberCondition(c *column) bool {
	near := p.near
	p.take("is in the range", "of", "is", "are", "was", "were", "has", "that is", "which is", "being", "in the range", "have")
	if op, a, b, ok := p.comparison(); ok {
		if op == "between" {
			p.addFilter(filter{column: c, op: ">=", values: []literal{{number: a}}})
			return p.addFilter(filter{column: c, op: "<=", values: []literal{{number: b}}})
		}
		if c.identifies() && op != "==" && op != "!=" && near > unitless {
			return p.refuse("A comparison with the numbers of " + display(c.Name) + " is hardly meant: name the column whose values are compared.")
		}
		return p.unit(c) && p.addFilter(filter{column: c, op: op, values: []literal{{number: a}}})
	}
	return false
}

// unit takes the unit after a number when it is the column's own. It reports false where number and column disagree.
func (p *parser) unit(c *column) bool {
	words := atoms(c.Name)
	own := words[max(len(words)-1, 0):]
	if p.scaled && slices.ContainsFunc(words, func(w string) bool { return scales[w] > 0 || scales[strings.TrimSuffix(w, "s")] > 0 }) {
		return p.refuse("Give the number in the unit of " + display(c.Name) + ".")
	}
	t := p.at(0)
	switch {
	case len(own) == 1 && units[own[0]] && t.norm == own[0]:
		p.pos++
	case t.kind == symbol && t.norm == "%":
		if !slices.ContainsFunc(words, func(w string) bool { return w == "pct" || w == "percent" || w == "percentage" }) && !strings.Contains(c.Name, "%") {
			return p.refuse(display(c.Name) + " does not say that it holds percent. Give the number as it stands in the column.")
		}
		p.pos++
	case t.kind == symbol && currencies[t.norm] != "":
		for other := range strings.FieldsSeq("usd eur gbp dollars euros") {
			if slices.Contains(words, other) && !strings.Contains(currencies[t.norm], other) {
				return p.refuse(display(c.Name) + " is in another currency.")
			}
		}
		p.pos++
	}
	return true
}

var currencies = map[string]string{"$": "usd dollars", "€": "eur euros", "£": "gbp pounds"}

// comparison reads an operator and one or two numbers. A number alone means equality.
func (p *parser) comparison() (op string, a, b float64, ok bool) {
	m := p.mark()
	if p.take("between", "from") {
		if a, ok = p.number(); ok && p.take("and", "to", "-") {
			if b, ok = p.number(); ok && a <= b {
				return "between", a, b, true
			}
		}
		p.back(m)
		return "", 0, 0, false
	}
	op = "=="
	if _, o, found := lookup(p, comparisons); found {
		op = o
		if (op == ">" || op == "<") && p.take("or equal to") {
			op += "="
		}
	} else if o, found := comparisonSigns[p.at(0).norm]; found && p.at(0).kind == symbol {
		p.pos++
		op = o
	}
	if a, ok = p.number(); !ok {
		p.back(m)
		return "", 0, 0, false
	}
	if op == "==" {
		switch {
		case p.take("or more", "or higher", "or above", "or greater", "or over", "and above", "and more", "and over", "or older", "or later", "+"):
			op = ">="
		case p.take("or less", "or fewer", "or lower", "or below", "or under", "and below", "or younger", "or earlier"):
			op = "<="
		}
	}
	return op, a, 0, true
}

// numberFirst reads "more than 5 units": the column follows its number, or there is only one that holds numbers.
func (p *parser) numberFirst() bool {
	m := p.mark()
	name, implied := "", false
	for n := 3; n > 0 && !implied; n-- {
		name, implied = impliedColumns[p.phrase(n)]
	}
	if p.at(0).kind == number || numberWords[p.at(0).norm] > 0 {
		return false // a bare number before a noun is not a condition
	}
	op, a, b, ok := p.comparison()
	if !ok || op == "==" && !p.tookWord(m.pos) {
		return p.back(m)
	}
	p.try(func() bool { return p.take("of", "in") && p.peekColumn() })
	c, ok := p.column((*column).measurable)
	if implied {
		p.take("years", "years old")
		found, near := p.schema.named([]string{name})
		if len(found) != 1 || near > tail || !found[0].numeric() {
			return p.back(m)
		}
		c, ok = found[0], true
		if name == "price" && p.manyUnits(c.table) && (p.subject == c.table || p.usesUnique(c.table)) {
			return p.refusePriceOfRows(c)
		}
	}
	if !ok {
		if t, isRow := p.rows(); isRow || t != nil {
			return p.back(m)
		}
		if c, ok = p.onlyMeasure(); !ok {
			return p.back(m)
		}
	}
	if !p.unit(c) {
		return p.back(m)
	}
	if op == "between" {
		p.addFilter(filter{column: c, op: ">=", values: []literal{{number: a}}})
		return p.addFilter(filter{column: c, op: "<=", values: []literal{{number: b}}})
	}
	return p.addFilter(filter{column: c, op: op, values: []literal{{number: a}}})
}

func (p *parser) tookWord(from int) bool { return p.toks[from].kind != number }

func (p *parser) onlyMeasure() (*column, bool) {
	var found []*column
	for _, t := range p.schema.tables {
		for _, c := range t.columns {
			if c.measurable() && !c.identifies() {
				found = append(found, c)
			}
		}
	}
	if len(found) == 1 {
		p.used = append(p.used, found[0])
		return found[0], true
	}
	if len(found) > 1 {
		p.refuse(ambiguous("the number to compare", found[:min(len(found), 5)]))
	}
	return nil, false
}

func (p *parser) boolCondition(c *column) bool {
	p.take("is", "are", "was", "were", "equals", "=", "==", "of")
	switch {
	case p.take("not true", "false", "no", "not set", "0"):
		return p.addBool(c, false)
	case p.take("not false", "true", "yes", "set", "1"):
		return p.addBool(c, true)
	}
	return false
}

func isYesNo(c *column) bool { _, _, ok := c.yesNo(); return ok }

// addBool keeps the rows with yes, or those with no; in a column of texts these are its two words.
func (p *parser) addBool(c *column, want bool) bool {
	if c.Type == source.Bool {
		return p.addFilter(filter{column: c, op: map[bool]string{true: "true", false: "false"}[want]})
	}
	yes, no, _ := c.yesNo()
	if !want {
		yes = no
	}
	return p.addFilter(filter{column: c, op: "==", values: []literal{{text: yes, exact: true}}})
}

// peekColumn reports whether a column of numbers stands here, and leaves it.
func (p *parser) peekColumn() bool {
	m := p.mark()
	_, ok := p.column((*column).measurable)
	p.back(m)
	return ok
}

// idCondition reads "order 1068": the row, or the rows, with this number.
func (p *parser) idCondition() bool {
	p.take("the")
	c, ok := p.column(func(c *column) bool { return c.identifies() && c.Type == source.Int })
	if !ok || !c.identifies() || c.Type != source.Int {
		return false
	}
	p.take("number", "no", "#")
	if p.at(0).kind != number {
		return false
	}
	v, ok := p.number()
	return ok && p.addFilter(filter{column: c, op: "==", values: []literal{{number: v}}})
}

// missingCondition reads "without an email", "with missing price", "have no price".
func (p *parser) missingCondition() bool {
	switch {
	case p.take("without any", "without an", "without a", "without", "no", "missing", "empty", "lacking a", "lacking", "lack a", "lack", "do not have a", "do not have an", "do not have"):
		p.det()
		c, ok := p.column(nil)
		if !ok {
			return false
		}
		p.take("value", "values")
		if c.Type == source.Bool || isYesNo(c) {
			return p.addBool(c, false)
		}
		return p.addFilter(filter{column: c, op: "missing"})
	case p.take("known", "a known", "non missing", "non empty"):
		if c, ok := p.column(nil); ok {
			return p.addFilter(filter{column: c, op: "present"})
		}
	}
	return false
}

// excluded reads "except Berlin", "excluding returns", "not in Berlin".
func (p *parser) excluded() bool {
	if !p.take("except for", "except", "excluding", "other than", "but not in", "but not", "not from", "not in", "not for", "not", "outside of", "outside", "apart from", "leaving out", "ignoring", "without") {
		return false
	}
	p.take("the")
	before := len(p.plan.filters)
	if !p.adjective() || len(p.plan.filters) != before+1 {
		return false
	}
	p.rows()
	f := &p.plan.filters[before]
	if f.op == "false" {
		f.op = "true"
	} else if f.op == "true" {
		f.op = "false"
	} else {
		f.negate = !f.negate
	}
	return true
}

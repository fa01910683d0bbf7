package offline

import "strings"

// ranked is what a ranking is over: rows of a source, or groups by a key.
type ranked struct {
	rows bool
	key  key
}

// most and fewest open a ranking by a figure.
var (
	most   = []string{"the highest", "the most", "the largest", "the biggest", "the greatest", "the maximum", "the top", "highest", "most", "largest", "biggest", "greatest", "maximum", "the best"}
	fewest = []string{"the lowest", "the least", "the fewest", "the smallest", "the minimum", "lowest", "least", "fewest", "smallest", "minimum", "the worst"}
)

func (p *parser) direction() (desc, ok bool) {
	if p.take(most...) {
		return true, true
	}
	return false, p.take(fewest...)
}

// rankHead reads "top 5 products by revenue", "the three cheapest products", "10 latest orders", "5 regions with the most orders".
func (p *parser) rankHead() bool {
	p.asking()
	p.takeAll("who are our", "who are the", "who is our", "who is the", "which are our", "which are the", "which is the", "which were the", "who", "the")
	return p.try(p.topBy) || p.try(p.commonest) || p.try(p.superlativeRank) || p.try(p.nounWith)
}

func (p *parser) topBy() bool {
	n, counted := p.count()
	desc := p.take("top", "best", "leading", "highest", "largest", "biggest", "strongest", "most important")
	if !desc && !p.take("bottom", "worst", "lowest", "smallest", "weakest") {
		return false
	}
	if !counted {
		n, counted = p.count()
	}
	noun, ok := p.noun()
	if !ok {
		return false
	}
	start := p.pos
	if !p.filtersUntil("by", "in terms of", "ranked by", "with", "according to", "measured by", "based on", "in") {
		return false
	}
	if p.take("with") {
		if d, ok := p.direction(); !ok || d != desc {
			return false
		}
	} else if !p.take("by the", "by their", "by", "in terms of the", "in terms of", "ranked by", "according to", "measured by", "based on", "in") {
		p.pos = start
		return p.refuse("Say by which figure they are ranked, for example “by number of rows”.")
	}
	if !counted {
		if p.plural(start) {
			return p.refuse("Say how many, for example “top 10”.")
		}
		n = 1
	}
	return p.rankBy(noun, desc, n)
}

// plural reports whether the word before a place is in the plural.
func (p *parser) plural(at int) bool {
	w := p.toks[at-1].norm
	return stem(w) != w
}

// filtersUntil reads conditions that stand between a noun and what ranks it.
func (p *parser) filtersUntil(words ...string) bool {
	for !p.done() && !p.seesAny(words...) {
		if !p.filterClause() {
			return false
		}
	}
	if p.sees("in") > 0 && p.sees("in terms of") == 0 {
		return p.filterClause() && p.filtersUntil(words...)
	}
	return true
}

// commonest reads "the most common status", "3 most frequent products".
func (p *parser) commonest() bool {
	n, counted := p.count()
	desc := p.take("most common", "most frequent", "most frequently occurring", "most often occurring", "commonest", "most often used")
	if !desc && !p.take("least common", "least frequent", "rarest") {
		return false
	}
	if !counted {
		n, counted = p.count()
	}
	for p.adjective() {
	}
	c, ok := p.column(nil)
	if !ok {
		return false
	}
	if !counted {
		if n = 1; p.plural(p.pos) {
			return p.refuse("Say how many, for example “the 3 most common”.")
		}
	}
	p.take("value", "values")
	p.plan.shape = aggregate
	p.plan.keys = []key{{column: c}}
	p.plan.measures = []measure{{fn: "rows"}}
	p.plan.order, p.plan.limit = []ordering{{measure: 0, key: -1, desc: desc}}, n
	return true
}

// superlativeRank reads "the three cheapest products", "latest 10 orders", "the oldest employee".
func (p *parser) superlativeRank() bool {
	n, counted := p.count()
	word, s, ok := lookup(p, superlatives)
	if !ok {
		return false
	}
	if !counted {
		n, counted = p.count()
	}
	noun, ok := p.noun()
	if !ok {
		return false
	}
	if word == "last" && rowNouns[stem(p.toks[p.pos-1].norm)] {
		return p.refuse("The last rows of a file are outside my grammar; the latest ones by date are not: say “latest”.")
	}
	if !counted {
		if n = 1; p.plural(p.pos) {
			return p.refuse("Say how many, for example “the 5 " + p.phraseBack() + "”.")
		}
	}
	return p.rankByWord(noun, s.columns, s.desc, n)
}

func (p *parser) phraseBack() string { return p.toks[p.pos-2].norm + " " + p.toks[p.pos-1].norm }

// superlativeTail reads "for the 3 most recent orders" after the columns of a list.
func (p *parser) superlativeTail() bool {
	if p.plan.shape != listing || len(p.plan.order) > 0 || !p.take("for the", "of the", "for", "of") {
		return false
	}
	columns := p.plan.columns
	ok := p.superlativeRank() && p.plan.shape == listing
	p.plan.columns = columns
	return ok
}

// rankByWord ranks by the column that a superlative stands for.
func (p *parser) rankByWord(noun ranked, names string, desc bool, n int) bool {
	var c *column
	if names == "@date" {
		if !p.theDate(&c) {
			return false
		}
	} else {
		var found []*column
		for name := range strings.SplitSeq(names, "|") {
			hits, near := p.schema.named([]string{name})
			if near <= tail {
				found = append(found, hits...)
			}
		}
		if len(found) > 1 {
			return p.refuse(ambiguous(names, found))
		}
		if len(found) == 0 || !found[0].numeric() {
			return false
		}
		c = found[0]
		p.used = append(p.used, c)
	}
	if noun.rows && names == "price" && p.manyUnits(c.table) {
		return p.refusePriceOfRows(c)
	}
	if noun.rows {
		return p.rankRows(c, desc, n)
	}
	if names == "age" || names == "salary" {
		return p.refuse("Several rows can belong to one " + noun.key.column.Name + ": say whether the average, the highest or the lowest " + display(c.Name) + " is compared.")
	}
	if noun.key.column.temporal() && noun.key.grain != "" {
		return false
	}
	fn := "min"
	if desc {
		fn = "max"
	}
	return p.rankGroups(noun.key, measure{fn, c}, desc, n)
}

// nounWith reads "5 regions with the most orders", "the product with the lowest price".
func (p *parser) nounWith() bool {
	n, counted := p.count()
	noun, ok := p.noun()
	if !ok {
		return false
	}
	if n == 0 {
		n = 1
	}
	plural := p.plural(p.pos)
	if !p.filtersUntil("with", "having", "that has", "that have", "which has", "which have") || !p.take("with", "having", "that has", "that have", "which has", "which have") {
		return false
	}
	desc, ok := p.direction()
	if !ok {
		return false
	}
	if !counted && plural {
		return p.refuse("Say how many, for example “the 5 …”.")
	}
	return p.rankBy(noun, desc, n)
}

var doing = []string{"has", "have", "had", "placed", "made", "generated", "generates", "brought in", "brings in", "earned", "earns", "produced", "produces", "sold", "sells", "received", "receives", "saw", "got", "gets", "shows", "recorded", "bought", "ordered", "is", "was", "are", "were", "reached", "accounts for", "account for", "contributed", "contributes", "makes", "make", "did", "does"}

// whichHead reads "which region has the highest revenue", "which 3 customers placed the most orders", "which product is the cheapest".
func (p *parser) whichHead() bool {
	p.polite()
	if !p.take("which", "what", "who", "in which", "on which", "for which", "at which", "whose") {
		return false
	}
	n, counted := p.count()
	noun, ok := ranked{rows: true}, true
	if p.toks[p.pos-1].norm != "who" {
		noun, ok = p.noun()
	}
	if !ok {
		return false
	}
	if !counted {
		n = 1
	}
	plural := p.plural(p.pos) && !counted
	p.filtersBefore(doing)
	p.take("did we make", "did we have", "do we have", "did we see", "did we get", "were there", "was there", "was", "were", "is", "are")
	p.take(doing...)
	if p.try(func() bool {
		p.take("the")
		_, s, ok := lookup(p, superlatives)
		return ok && !plural && p.rankByWord(noun, s.columns, s.desc, n)
	}) {
		return true
	}
	desc, ok := p.direction()
	if !ok {
		return false
	}
	if plural {
		return p.refuse("Say how many, for example “which 5 …”.")
	}
	return p.rankBy(noun, desc, n)
}

func (p *parser) filtersBefore(stops []string) {
	for !p.done() && !p.seesAny(stops...) && p.filterClause() {
	}
}

// noun reads what is ranked.
func (p *parser) noun() (ranked, bool) {
	p.det()
	for p.adjective() {
	}
	start := p.pos
	if t, ok := p.rows(); ok {
		p.subject = t
		if t == nil && len(p.schema.tables) > 1 {
			return ranked{}, p.refuse("Several files are selected: say whose rows, by the file's name.")
		}
		if t != nil {
			if c, _ := p.alsoColumn(start, t); c != nil {
				return ranked{key: key{column: c}}, true
			}
		}
		return ranked{rows: true}, true
	}
	m := p.mark()
	if p.columnKey() {
		k := p.plan.keys[len(p.plan.keys)-1]
		p.plan.keys = m.plan.keys
		if !k.column.measurable() || k.column.identifies() || k.column.repeats() && k.column.Type == "int" && !k.column.additive() {
			if k.column.unique() && !k.column.temporal() {
				p.subject = k.column.table
				return ranked{rows: true, key: k}, true
			}
			return ranked{key: k}, true
		}
	}
	p.back(m)
	if p.grainKey() {
		k := p.plan.keys[len(p.plan.keys)-1]
		p.plan.keys = m.plan.keys
		return ranked{key: k}, true
	}
	p.back(m)
	return ranked{}, false
}

// rankBy reads the figure and ranks by it.
func (p *parser) rankBy(noun ranked, desc bool, n int) bool {
	before := len(p.plan.measures)
	m := p.mark()
	p.det()
	if p.try(p.counted) || p.try(p.computed) || p.try(p.suffixed) || p.try(p.countableRows) || p.try(func() bool { return p.adjective() && p.countableRows() }) {
		if len(p.plan.measures) != before+1 {
			return false
		}
		k := noun.key
		if noun.rows {
			if k.column == nil {
				return p.refuse("A single row has no such figure: name the column whose values are compared.")
			}
		}
		meas := p.plan.measures[before]
		p.plan.measures = p.plan.measures[:before]
		return p.rankGroups(k, meas, desc, n)
	}
	p.back(m)
	p.det()
	p.skipOwnNoun((*column).numeric)
	c, ok := p.column(func(c *column) bool { return c.measurable() || noun.rows && c.temporal() })
	if !ok {
		return false
	}
	if noun.rows {
		return p.rankRows(c, desc, n)
	}
	if c.additive() {
		p.plan.notes = append(p.plan.notes, "several rows can belong to one group, so the totals of "+pyString(c.Name)+" are compared")
		return p.rankGroups(noun.key, measure{"sum", c}, desc, n)
	}
	if word := p.toks[max(m.pos-1, 0)].norm; n == 1 && (word == "highest" || word == "lowest" || word == "maximum" || word == "minimum") {
		fn := map[bool]string{true: "max", false: "min"}[desc]
		return p.rankGroups(noun.key, measure{fn, c}, desc, n)
	}
	return p.refuse("Say which figure of " + display(c.Name) + " is compared, since several rows can belong to one " + noun.key.column.Name + ": the average, the highest, the lowest or the total.")
}

func (p *parser) rankRows(c *column, desc bool, n int) bool {
	p.plan.shape = listing
	p.plan.filters = append(p.plan.filters, filter{column: c, op: "present"})
	p.plan.order, p.plan.limit = []ordering{{measure: -1, key: -1, column: c, desc: desc}}, n
	return true
}

func (p *parser) rankGroups(k key, m measure, desc bool, n int) bool {
	if k.column == m.column && m.fn != "rows" {
		return false
	}
	p.plan.shape = aggregate
	p.plan.keys = []key{k}
	p.plan.measures = []measure{m}
	p.plan.order, p.plan.limit = []ordering{{measure: 0, key: -1, desc: desc}}, n
	return true
}

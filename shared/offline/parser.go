package offline

import (
	"regexp"
	"slices"
	"strings"
)

// parser reads tokens against a schema. Each rule either takes tokens and reports true, or leaves the parser as it was.
type parser struct {
	question   string
	toks       []token
	pos        int
	grammar    map[string]bool // words of the rules, made when they are asked for
	schema     *schema
	plan       plan
	used       []*column  // columns in the order they were named
	subject    *tableInfo // whose rows are counted or listed, if the question says so
	furthest   int
	near       tier   // how near the last column taken was named
	doubtful   bool   // a reading was found that must not be passed over
	head       int    // where the figure of the question ended
	grouped    int    // where the last list of groups ended
	scaled     bool   // the last number was said in thousands or millions
	aboutValue bool   // the refusal is about a word that is no known value
	refusal    string // the first reason that is better than "not understood"
}

// mark is a place to come back to.
type mark struct {
	pos     int
	plan    plan
	used    []*column
	subject *tableInfo
}

func (p *parser) mark() mark {
	c := p.plan
	c.filters, c.part, c.keys = slices.Clip(c.filters), slices.Clip(c.part), slices.Clip(c.keys)
	c.measures, c.order, c.having = slices.Clip(c.measures), slices.Clip(c.order), slices.Clip(c.having)
	c.columns, c.notes = slices.Clip(c.columns), slices.Clip(c.notes)
	return mark{p.pos, c, slices.Clip(p.used), p.subject}
}

func (p *parser) back(m mark) bool {
	p.furthest = max(p.furthest, p.pos)
	p.pos, p.plan, p.used, p.subject = m.pos, m.plan, m.used, m.subject
	return false
}

// try runs a rule and undoes it when it does not fit.
func (p *parser) try(rule func() bool) bool {
	m := p.mark()
	if rule() {
		p.furthest = max(p.furthest, p.pos)
		return true
	}
	return p.back(m)
}

// refuse keeps a reason that tells the person more than that a word was not understood. The first one stays.
func (p *parser) refuse(reason string) bool {
	if p.refusal == "" {
		p.refusal = reason
	}
	return false
}

func (p *parser) done() bool { return p.pos >= len(p.toks) }

func (p *parser) at(i int) token {
	if p.pos+i < len(p.toks) {
		return p.toks[p.pos+i]
	}
	return token{kind: symbol}
}

// take consumes the first of the phrases that stands here. List longer phrases first.
func (p *parser) take(phrases ...string) bool {
	for _, phrase := range phrases {
		if n := p.sees(phrase); n > 0 {
			p.pos += n
			p.furthest = max(p.furthest, p.pos)
			return true
		}
	}
	return false
}

func (p *parser) sees(phrase string) int {
	n := 0
	for w := range strings.FieldsSeq(phrase) {
		t := p.at(n)
		if t.norm != w || t.kind == quoted {
			return 0
		}
		n++
	}
	return n
}

func (p *parser) seesAny(phrases ...string) bool {
	return slices.ContainsFunc(phrases, func(s string) bool { return p.sees(s) > 0 })
}

// takeAll consumes the phrases as often as they come.
func (p *parser) takeAll(phrases ...string) bool {
	any := false
	for p.take(phrases...) {
		any = true
	}
	return any
}

// lookup takes the longest phrase that is a key of the map.
func lookup[V any](p *parser, from map[string]V) (string, V, bool) {
	for n := min(4, len(p.toks)-p.pos); n > 0; n-- {
		phrase := p.phrase(n)
		if v, ok := from[phrase]; ok && phrase != "" {
			p.pos += n
			p.furthest = max(p.furthest, p.pos)
			return phrase, v, true
		}
	}
	var none V
	return "", none, false
}

// phrase gives the next n words in lower case, or "" if they are not all words.
func (p *parser) phrase(n int) string {
	words := make([]string, 0, n)
	for i := range n {
		if t := p.at(i); t.kind == word {
			words = append(words, t.norm)
		} else {
			return ""
		}
	}
	return strings.Join(words, " ")
}

// span gives the words of the next n tokens for comparing with names; signs inside a name count as nothing.
func (p *parser) span(n int) []string {
	var words []string
	for i := range n {
		t := p.at(i)
		switch {
		case t.kind == quoted && n == 1:
			return flatAtoms(t.text)
		case t.kind == word || t.kind == number && t.end-t.start == len(t.norm):
			words = append(words, flatAtoms(t.text)...)
		case t.kind == symbol && i > 0 && strings.Contains("()/%$€£&+-.#:", t.norm) && t.norm != "":
			if t.norm == ")" && !p.opens(i) || i == n-1 && t.norm != ")" && t.norm != "%" {
				return nil
			}
		default:
			return nil
		}
	}
	return words
}

func (p *parser) opens(n int) bool {
	for i := range n {
		if p.at(i).norm == "(" {
			return true
		}
	}
	return false
}

// det skips words that point at something without saying which.
func (p *parser) det() {
	p.takeAll("all of the", "all the", "each of the", "any of the", "of the", "all of our", "all our", "the", "all", "our", "my", "their", "a", "an", "its", "every", "any", "each", "these", "those", "individual", "single", "recorded", "given", "respective")
}

// column takes the name of a column. want narrows names that say less than the whole; nil takes any.
func (p *parser) column(want func(*column) bool) (*column, bool) {
	for n := min(p.schema.longest+4, len(p.toks)-p.pos); n > 0; n-- {
		words := p.span(n)
		if words == nil {
			continue
		}
		found, t := p.schema.named(words)
		found = p.narrow(found, want)
		if len(found) == 0 {
			continue
		}
		if len(found) > 1 {
			return nil, p.refuse(ambiguous(strings.Join(words, " "), found))
		}
		p.pos += n
		if next := p.at(0); next.kind == symbol && next.norm != "" && strings.HasSuffix(found[0].Name, next.norm) && p.toks[p.pos-1].end == next.start {
			p.pos++ // "Completed?"
		}
		p.furthest = max(p.furthest, p.pos)
		p.used, p.near = append(p.used, found[0]), t
		if t >= synonym {
			p.plan.notes = append(p.plan.notes, pyString(strings.Join(words, " "))+" is read as the column "+pyString(found[0].Name))
		}
		return found[0], true
	}
	return nil, false
}

// narrow leaves the columns that fit, and takes the two sides of a join for one.
func (p *parser) narrow(found []*column, want func(*column) bool) []*column {
	if want != nil {
		found = slices.DeleteFunc(slices.Clone(found), func(c *column) bool { return !want(c) })
	}
	if len(found) == 2 && found[0].table != found[1].table {
		if j := joinOf(p.schema); j != nil && (j.left == found[0] && j.right == found[1] || j.left == found[1] && j.right == found[0]) {
			return []*column{j.left}
		}
		if p.subject != nil {
			return slices.DeleteFunc(slices.Clone(found), func(c *column) bool { return c.table != p.subject })
		}
	}
	return found
}

func ambiguous(words string, found []*column) string {
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = display(c.Name)
		if len(found) > 1 && found[0].table != found[len(found)-1].table {
			names[i] += " of " + display(c.table.source.Name)
		}
	}
	return "“" + words + "” could be " + strings.Join(names, " or ") + ". Name the one you mean."
}

// number takes a number, in figures or in words.
func (p *parser) number() (float64, bool) {
	start := p.pos
	p.takeAll("$", "€", "£")
	t := p.at(0)
	value := t.value
	if t.kind == word {
		v, ok := numberWords[t.norm]
		if !ok {
			p.pos = start
			return 0, false
		}
		value = v
	} else if t.kind != number {
		p.pos = start
		return 0, false
	}
	p.pos++
	p.scaled = false
	if _, scale, ok := lookup(p, scales); ok {
		value *= scale
		p.scaled = true
	}
	if t.kind == number && germanLooking.MatchString(t.text) && p.schema.decimalComma() {
		p.pos = start
		return 0, p.refuse("I cannot tell whether " + display(t.text) + " has a thousands sign or a decimal point. Write it with neither, or with another number of decimals.")
	}
	p.furthest = max(p.furthest, p.pos)
	return value, true
}

// germanLooking numbers mean a thousand times more where a comma is the decimal point.
var germanLooking = regexp.MustCompile(`^-?\d{1,3}\.\d{3}$`)

func (s *schema) decimalComma() bool {
	return slices.ContainsFunc(s.tables, func(t *tableInfo) bool { d := t.source.Profile.Dialect; return d != nil && d.Decimal == "," })
}

// count takes a whole number that counts something.
func (p *parser) count() (int, bool) {
	start := p.pos
	if v, ok := p.number(); ok && v >= 1 && v <= 100_000 && v == float64(int(v)) {
		return int(v), true
	}
	p.pos = start
	return 0, false
}

// rows takes a word for the rows of a source.
func (p *parser) rows() (*tableInfo, bool) {
	for n := min(3, len(p.toks)-p.pos); n > 0; n-- {
		phrase := p.phrase(n)
		if phrase == "" {
			continue
		}
		joined := stems(strings.Fields(phrase))
		if found, near := p.schema.named(strings.Fields(phrase)); near <= unitless && slices.ContainsFunc(found, (*column).measurable) {
			continue // umsatz.csv with a column Umsatz: the figure is meant
		}
		for _, t := range p.schema.tables {
			if t.nouns[joined] {
				p.pos += n
				p.furthest = max(p.furthest, p.pos)
				return t, true
			}
		}
		if rowNouns[joined] || joined == "person" && len(p.schema.tables) == 1 && p.schema.tables[0].person() {
			p.pos += n
			p.furthest = max(p.furthest, p.pos)
			if len(p.schema.tables) == 1 {
				return p.schema.tables[0], true
			}
			return nil, true
		}
	}
	return nil, false
}

// aggregate takes the longest phrase for an aggregate, but leaves the name of a column alone: in "total amount by region" the
// total is the aggregate and the amount, where there is such a column, is what it is of.
func (p *parser) aggregate() (phrase, name string, ok bool) {
	before := p.pos
	phrase, name, ok = lookup(p, functions)
	if words := p.pos - before; ok && words > 1 {
		p.pos = before + 1
		found, _ := p.schema.named(p.span(words - 1))
		p.pos = before + words
		if head := p.toks[before].norm; len(found) == 1 && functions[head] != "" {
			p.pos = before + 1
			return head, functions[head], true
		}
	}
	return phrase, name, ok
}

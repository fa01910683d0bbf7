package offline

import (
	"slices"
	"strings"
	"unicode"

	"github.com/orcray/orcray/shared/source"
)

// textCondition reads "is paid", "is not paid", "is one of A, B or C", "contains x", "starts with x" after a column.
func (p *parser) textCondition(c *column) bool {
	m := p.mark()
	p.take("that", "which", "whose name")
	negate := p.take("does not", "do not", "doesn't", "not")
	for _, o := range []struct {
		op    string
		words []string
	}{
		{"contains", []string{"contains the word", "contains the text", "contain the word", "contains", "contain", "containing", "includes", "include", "including"}},
		{"starts", []string{"starts with", "start with", "starting with", "begins with", "begin with", "beginning with"}},
		{"ends", []string{"ends with", "end with", "ending with", "ends in", "ending in"}},
	} {
		if p.take(o.words...) {
			p.take("the letter", "the letters", "the text", "the word", "a", "an")
			text, ok := p.freeText()
			return ok && p.addFilter(filter{column: c, op: o.op, values: []literal{{text: text}}, negate: negate})
		}
	}
	if negate {
		p.back(m)
	}
	op, free := "==", true
	if p.take("is not one of", "is none of", "is neither", "is not equal to", "is not", "are not", "was not", "were not", "isn't", "not equal to", "!=", "<>", "not", "other than", "does not equal", "is other than") {
		op = "!="
	} else {
		free = p.take("is equal to", "is one of", "is either", "is in", "are", "is", "was", "were", "equals", "=", "==", "named", "called", ":", "either")
		if !free {
			p.take("of", "in")
		}
	}
	values, ok := p.valueList(c, free)
	return ok && p.addFilter(filter{column: c, op: "==", values: values, negate: op == "!="})
}

// valueList reads values of one column, joined by commas, and, or.
func (p *parser) valueList(c *column, free bool) ([]literal, bool) {
	first, ok := p.valueOf(c, free)
	if !ok {
		return nil, false
	}
	out := []literal{first}
	for {
		m := p.mark()
		if !p.take(", or", ", and", ",", "or", "and", "nor") {
			return out, true
		}
		p.take("in", "from", "the")
		v, ok := p.knownValue(c)
		if !ok && p.at(0).kind == quoted {
			v, ok = p.valueOf(c, false)
		}
		if !ok {
			p.back(m)
			return out, true
		}
		out = append(out, v)
	}
}

// valueOf reads a value of a column: one that was seen, one in quotes, or, where free says so, one word.
func (p *parser) valueOf(c *column, free bool) (literal, bool) {
	if v, ok := p.knownValue(c); ok {
		return v, true
	}
	t := p.at(0)
	if t.kind == quoted {
		p.pos++
		return literal{text: t.text, exact: true}, true
	}
	if !free && !(t.kind == word && strings.ContainsAny(t.norm, "0123456789")) { // "customer C001"
		return literal{}, false
	}
	p.take("the")
	start := p.pos
	for p.pos < len(p.toks) && p.valueWord(start) {
		p.pos++
	}
	if p.pos == start {
		return literal{}, false
	}
	text := p.text(start)
	if c.closed() {
		p.pos = start
		p.refusal, p.aboutValue = display(c.Name)+" has no value "+display(text)+": I saw "+strings.Join(displayAll(c.Examples), ", ")+".", true
		return literal{}, false
	}
	return literal{text: text}, true
}

// valueWord reports whether the token here goes on with an unquoted value that begins at start.
func (p *parser) valueWord(start int) bool {
	t := p.toks[p.pos]
	if t.kind != word && t.kind != number && t.kind != day {
		return false
	}
	if p.pos > start {
		if glued := p.question[p.toks[p.pos-1].end:t.start]; glued == "-" || glued == "_" {
			return true
		}
	}
	if p.knows(t.norm) && !unicode.IsUpper([]rune(t.text)[0]) {
		return false
	}
	if p.pos == start {
		return !reserved[t.norm] || unicode.IsUpper([]rune(t.text)[0]) && len(t.text) > 1
	}
	upper := func(t token) bool { return t.kind == word && unicode.IsUpper([]rune(t.text)[0]) }
	return upper(t) && upper(p.toks[p.pos-1])
}

// knows reports whether a word belongs to the grammar; it is no value then, unless it was seen as one.
func (p *parser) knows(w string) bool {
	if p.grammar == nil {
		p.grammar = vocabulary()
	}
	return p.grammar[w]
}

// closed reports whether all values of the column are among its examples.
func (c *column) closed() bool {
	pr := c.table.source.Profile
	return pr.Sample.Whole && pr.Exact && c.Distinct > 0 && c.Distinct <= len(c.Examples)
}

func displayAll(items []string) []string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = display(s)
	}
	return out
}

// knownValue takes the longest run of words that is a value seen in the column.
func (p *parser) knownValue(c *column) (literal, bool) {
	for n := min(p.schema.longest, len(p.toks)-p.pos); n > 0; n-- {
		for _, hit := range p.hits(n) {
			if hit.column == c {
				p.pos += n
				p.furthest = max(p.furthest, p.pos)
				return literal{text: hit.text, exact: true}, true
			}
		}
	}
	return literal{}, false
}

// hits gives the values that the next n tokens spell. Two spellings of one value in a column count as the one that is written.
func (p *parser) hits(n int) []valueHit {
	words := p.span(n)
	if words == nil {
		return nil
	}
	all := p.schema.values[strings.Join(words, "")]
	if len(all) == 0 && p.at(0).kind != quoted {
		all = p.schema.values[stems(words)]
	}
	written := p.question[p.at(0).start:p.at(n-1).end]
	if n == 1 {
		written = p.at(0).text
	}
	var out []valueHit
	for _, h := range all {
		same := slices.IndexFunc(out, func(o valueHit) bool { return o.column == h.column })
		switch {
		case same < 0:
			out = append(out, h)
		case h.text == written:
			out[same] = h
		}
	}
	return out
}

// freeText reads what a text contains or begins with: in quotes, or one word or number.
func (p *parser) freeText() (string, bool) {
	t := p.at(0)
	if t.kind == symbol {
		return "", false
	}
	p.pos++
	p.furthest = max(p.furthest, p.pos)
	return t.text, true
}

// adjective reads a value that was seen in one column only ("paid", "in Berlin or Hamburg"), with or without the column's
// name after it, or the name of a yes-no column ("active", "not returned").
func (p *parser) adjective() bool { return p.try(p.seenValues) || p.try(p.yesNo) }

func (p *parser) yesNo() bool {
	if p.try(p.splitYesNo) {
		return true
	}
	negate := p.take("not yet", "not", "non", "un")
	for n := min(p.schema.longest, len(p.toks)-p.pos); n > 0; n-- {
		words := p.span(n)
		if words == nil {
			continue
		}
		found, near := p.schema.named(words)
		if len(found) != 1 || found[0].Type != source.Bool && !isYesNo(found[0]) || near > short {
			continue
		}
		p.pos += n
		if p.seesAny("is", "=", "==", "equals", "are", "was") && !p.atEnd(1) || p.seesAny("or") {
			return false // an ordinary condition: "active is false"
		}
		return p.addBool(found[0], !negate)
	}
	return false
}

// splitYesNo reads "the battery is not ok" for the column battery_ok.
func (p *parser) splitYesNo() bool {
	p.take("the")
	start := p.pos
	for n := 1; n <= 4; n++ {
		p.pos = start
		left := p.span(n)
		if left == nil {
			return false
		}
		p.pos += n
		if !p.take("is", "are", "was", "were") {
			continue
		}
		negate := p.take("not")
		right := p.span(1)
		if right == nil {
			return false
		}
		p.pos++
		if found, near := p.schema.named(append(left, right...)); len(found) == 1 && near <= plural && found[0].Type == source.Bool {
			return p.addBool(found[0], !negate)
		}
	}
	return false
}

func (p *parser) atEnd(ahead int) bool { return p.pos+ahead >= len(p.toks) }

func (p *parser) seenValues() bool {
	p.takeAll("the")
	for n := min(p.schema.longest, len(p.toks)-p.pos); n > 0; n-- {
		hits := p.hits(n)
		if len(hits) == 0 || n == 1 && (reserved[p.at(0).norm] || len(p.at(0).norm) < 2) && p.at(0).kind != quoted {
			continue
		}
		if found, near := p.schema.named(p.span(n)); len(found) > 0 && near <= unitless {
			continue // the words are a column's name first
		}
		p.pos += n
		hits = p.hitsOfColumn(hits)
		if len(hits) > 1 {
			var cols []*column
			for _, h := range hits {
				cols = append(cols, h.column)
			}
			return p.refuse(ambiguous(hits[0].text, cols))
		}
		c := hits[0].column
		values := []literal{{text: hits[0].text, exact: true}}
		values = append(values, p.moreValues(c)...)
		p.ownName(c)
		return p.addFilter(filter{column: c, op: "==", values: values})
	}
	return false
}

// hitsOfColumn uses the column's name around the value ("the North region", "region North") to choose among several columns.
func (p *parser) hitsOfColumn(hits []valueHit) []valueHit {
	if len(hits) < 2 {
		return hits
	}
	for _, h := range hits {
		for n := 1; n <= 3; n++ {
			if words := p.span(n); words != nil && p.pos+n <= len(p.toks) {
				if found, near := p.schema.named(words); len(found) == 1 && found[0] == h.column && near <= short {
					return []valueHit{h}
				}
			}
		}
	}
	return hits
}

func (p *parser) moreValues(c *column) []literal {
	var out []literal
	for {
		m := p.mark()
		if !p.take(", or", ", and", ",", "or in", "and in", "or from", "and from", "or", "and", "nor") {
			return out
		}
		p.take("the")
		v, ok := p.knownValue(c)
		if !ok {
			p.back(m)
			return out
		}
		out = append(out, v)
	}
}

// ownName takes the column's name after its value, when it is not the start of something else.
func (p *parser) ownName(c *column) {
	m := p.mark()
	found, ok := p.column(nil)
	if !ok || found != c || p.seesAny("is", "contains", "starts", "=", "equals") {
		p.back(m)
	}
}

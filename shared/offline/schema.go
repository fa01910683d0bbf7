package offline

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// column is a source's column with the names people may call it by.
type column struct {
	source.Column
	table *tableInfo
	index int // among the source's columns
	forms []form
}

// form is one way to say a column's name: words joined without spaces, and how far that is from the name itself.
type form struct {
	text string
	tier tier
}

// tier orders the ways to say a name. A nearer one always wins; two columns in the same tier are ambiguous.
type tier uint8

const (
	exact    tier = iota // the name itself, without case and signs
	plural               // its singular or plural
	unitless             // without the unit at its end
	short                // without "id", "is_", the source's own word or another word that changes nothing
	synonym              // a word of the built-in list
	tail                 // its last words
	nowhere
)

type tableInfo struct {
	source  source.Source
	columns []*column
	nouns   map[string]bool // what one row is called: orders.csv has orders
	index   int
}

type schema struct {
	names   map[string][]*column // by form
	tables  []*tableInfo
	values  map[string][]valueHit // by joined words
	longest int                   // words in the longest value or name
}

// valueHit is a value that was seen in a column.
type valueHit struct {
	column *column
	text   string
}

func newSchema(sources []source.Source) *schema {
	s := &schema{names: map[string][]*column{}, values: map[string][]valueHit{}, longest: 1}
	for _, src := range sources {
		if src.Profile == nil {
			continue
		}
		t := &tableInfo{source: src, index: len(s.tables), nouns: nounsOf(src.Name)}
		for i, c := range src.Profile.Columns {
			if c.Type != source.Nested && !c.Raw {
				col := &column{Column: c, table: t, index: i}
				col.forms = formsOf(col)
				t.columns = append(t.columns, col)
				for _, f := range col.forms {
					s.names[f.text] = append(s.names[f.text], col)
				}
				s.addValues(col)
			}
			s.longest = max(s.longest, len(atoms(c.Name))+1)
		}
		s.tables = append(s.tables, t)
	}
	return s
}

func (s *schema) addValues(c *column) {
	if c.Type != source.String {
		return
	}
	for _, text := range c.Examples {
		words := flatAtoms(text)
		if len(words) == 0 || len(words) > 8 {
			continue
		}
		joined := strings.Join(words, "")
		s.values[joined] = append(s.values[joined], valueHit{c, text})
		if one := stems(words); one != joined {
			s.values[one] = append(s.values[one], valueHit{c, text})
		}
		s.longest = max(s.longest, len(words))
	}
}

// flatAtoms cuts like the lexer: by signs only, never inside a word.
func flatAtoms(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !isWordRune(r) })
}

var extension = regexp.MustCompile(`(?i)(\.(csv|tsv|txt|json|jsonl|ndjson|parquet|pq|gz|zst|bz2))+$`)

// nounsOf reads what a row is called from a file's name: "Orders 2024.csv" gives order.
func nounsOf(name string) map[string]bool {
	var words []string
	for _, w := range atoms(extension.ReplaceAllString(path.Base(name), "")) {
		if !plainNames[w] && strings.Trim(w, "0123456789") != "" {
			words = append(words, w)
		}
	}
	out := map[string]bool{}
	if len(words) > 0 {
		out[stems(words[len(words)-1:])] = true
		out[stems(words)] = true
	}
	return out
}

func formsOf(c *column) []form {
	words := atoms(c.Name)
	if len(words) == 0 {
		return []form{{strings.ToLower(c.Name), exact}}
	}
	b := formBuilder{seen: map[string]bool{}}
	b.add(words, exact)
	b.addText(stems(words), plural)
	bare := words
	for len(bare) > 1 && units[bare[len(bare)-1]] {
		bare = bare[:len(bare)-1]
	}
	b.add(bare, unitless)
	b.addText(stems(bare), unitless)
	if open := strings.IndexAny(c.Name, "(["); open > 0 {
		b.addText(stems(atoms(c.Name[:open])), unitless) // "gdp (billion usd)"
		bare = atoms(c.Name[:open])
	}
	shorts := shorten(c, bare)
	for _, w := range shorts {
		b.addText(stems(w), short)
	}
	for _, w := range append([][]string{bare}, shorts...) {
		b.synonyms(w)
	}
	b.verbs(c, words)
	for i := 1; i < len(bare); i++ {
		if rest := bare[i:]; !(len(rest) == 1 && weak[rest[0]]) {
			b.addText(stems(rest), tail)
		}
	}
	return b.forms
}

type formBuilder struct {
	forms []form
	seen  map[string]bool
}

func (b *formBuilder) add(words []string, t tier) { b.addText(strings.Join(words, ""), t) }

func (b *formBuilder) addText(text string, t tier) {
	if text != "" && !b.seen[text] {
		b.seen[text] = true
		b.forms = append(b.forms, form{text, t})
	}
}

func (b *formBuilder) synonyms(words []string) {
	joined := stems(words)
	for _, group := range synonyms {
		for _, member := range group {
			if stems(strings.Fields(member)) != joined {
				continue
			}
			for _, other := range group {
				b.addText(stems(strings.Fields(other)), synonym)
			}
		}
	}
}

// verbs lets order_date be meant by "ordered", and HireDate by "hired".
func (b *formBuilder) verbs(c *column, words []string) {
	last := len(words) - 1
	if last < 1 || !dateEndings[words[last]] || !c.temporal() {
		return
	}
	verb := strings.Join(words[:last], "")
	for _, ending := range []string{"", "ed", "d", verb[len(verb)-1:] + "ed"} {
		b.addText(verb+ending, tail)
	}
}

// shorten drops words that change nothing: customer_id is the customer, is_active is active, order_date in orders.csv is the date.
func shorten(c *column, words []string) [][]string {
	var out [][]string
	last := len(words) - 1
	if last > 0 && entityEndings[words[last]] && (c.Type == source.String || c.Type == source.Int) {
		out = append(out, words[:last])
	}
	if last > 0 && boolPrefixes[words[0]] && c.Type == source.Bool {
		out = append(out, words[1:])
	}
	if last > 0 && (neutral[words[0]] || c.table.nouns[stem(words[0])]) {
		out = append(out, words[1:])
	}
	return out
}

func (c *column) numeric() bool  { return c.Type == source.Int || c.Type == source.Float }
func (c *column) temporal() bool { return c.Type == source.Date || c.Type == source.Timestamp }

// identifies reports whether a column's name says that it stands for something else: customer_id, product_name.
func (c *column) identifies() bool {
	words := atoms(c.Name)
	return len(words) > 0 && entityEndings[words[len(words)-1]]
}

// measurable reports whether sums and means of the column mean something.
func (c *column) measurable() bool {
	words := atoms(c.Name)
	return c.numeric() && !(len(words) > 0 && (words[len(words)-1] == "id" || words[len(words)-1] == "key"))
}

// unique reports whether it is certain that no two rows share a value of the column.
func (c *column) unique() bool {
	p := c.table.source.Profile
	return p.Exact && p.Sample.Whole && c.Nulls == 0 && int64(c.Distinct) == p.Rows
}

// person reports whether the rows of a source are people.
func (t *tableInfo) person() bool {
	for _, c := range t.columns {
		for _, w := range []string{"age", "gender", "salary", "respondent", "birthdate", "agegroup"} {
			if c.tierOf(w, w) <= synonym {
				return true
			}
		}
	}
	return false
}

// yesNo gives the words for yes and no of a column that knows only these two.
func (c *column) yesNo() (yes, no string, ok bool) {
	if c.Type != source.String || !c.closed() || len(c.Examples) != 2 {
		return "", "", false
	}
	for _, e := range c.Examples {
		switch strings.ToLower(e) {
		case "yes", "y", "true", "ja":
			yes = e
		case "no", "n", "false", "nein":
			no = e
		}
	}
	return yes, no, yes != "" && no != ""
}

// complete reports whether it is certain that no value is missing.
func (c *column) complete() bool {
	p := c.table.source.Profile
	return p.Exact && p.Sample.Whole && c.Nulls == 0
}

func (c *column) additive() bool {
	for _, f := range c.forms {
		if f.tier <= synonym && additive[f.text] {
			return true
		}
	}
	for _, w := range atoms(c.Name) {
		if additive[w] && !c.perUnit() {
			return true
		}
	}
	return false
}

// perUnit finds names like unit_cost or sales_tax_rate, whose sum means nothing.
func (c *column) perUnit() bool {
	for _, w := range atoms(c.Name) {
		if w == "unit" || w == "rate" || w == "per" || w == "avg" || w == "average" || w == "mean" || w == "pct" || w == "percent" || w == "share" || w == "price" || w == "ratio" || w == "index" {
			return true
		}
	}
	return false
}

// named finds the columns that the words name, and how near they come. The nearest tier wins.
func (s *schema) named(words []string) ([]*column, tier) {
	joined, stemmed := strings.Join(words, ""), stems(words)
	best := nowhere
	var found []*column
	for _, c := range append(slices.Clip(s.names[joined]), s.names[stemmed]...) {
		at := c.tierOf(joined, stemmed)
		switch {
		case at < best:
			best, found = at, []*column{c}
		case at == best && !slices.Contains(found, c):
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b *column) int { return cmp.Or(a.table.index-b.table.index, a.index-b.index) })
	return found, best
}

func (c *column) tierOf(joined, stemmed string) tier {
	best := nowhere
	for _, f := range c.forms {
		switch {
		case f.text == joined:
			best = min(best, f.tier)
		case f.text == stemmed:
			best = min(best, max(f.tier, plural))
		}
	}
	return best
}

// dates gives the columns of days and times.
func (s *schema) dates() []*column {
	var out []*column
	for _, t := range s.tables {
		for _, c := range t.columns {
			if c.temporal() {
				out = append(out, c)
			}
		}
	}
	return out
}

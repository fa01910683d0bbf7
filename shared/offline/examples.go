package offline

import (
	"maps"
	"slices"
	"strings"

	"github.com/orcray/orcray/shared/source"
)

// maxExamples is how many questions Examples gives at most.
const maxExamples = 8

// Examples makes up to 8 questions from the columns of the sources. Each is one that Generate answers.
func Examples(sources []source.Source) []string {
	var out []string
	for _, candidate := range candidates(newSchema(sources)) {
		if _, err := read(candidate, sources); err == nil && len(out) < maxExamples {
			out = append(out, candidate)
		}
	}
	return out
}

// candidates makes questions of each kind from the first columns that fit it; not every one need be accepted.
func candidates(s *schema) []string {
	out := []string{"How many rows are there?"}
	if len(s.tables) == 0 {
		return nil
	}
	t := s.tables[0]
	if len(s.tables) > 1 {
		out[0] = "How many " + singleNoun(t) + "s are there?"
	}
	number, other := pick(t, func(c *column) bool { return c.measurable() && !c.identifies() })
	group, second := pick(t, func(c *column) bool {
		return c.Type == source.String && c.Distinct > 1 && c.Distinct <= 50 && !c.unique()
	})
	date, _ := pick(t, (*column).temporal)
	add := func(format string, columns ...*column) {
		for _, c := range columns {
			if c == nil {
				return
			}
			format = strings.Replace(format, "{}", mention(c), 1)
		}
		out = append(out, format)
	}
	add("Average {} by {}", number, group)
	add("Top 5 {} by number of rows", group)
	add("Number of rows by month of {}", date)
	if number != nil && number.additive() {
		add("Bar chart of total {} by {}", number, group)
	}
	if group != nil && len(group.Examples) > 0 {
		add("Median {} where {} is "+quotedValue(group.Examples[0]), number, group)
	}
	add("What percentage of rows has {} over "+middle(number)+"?", number)
	add("Histogram of {}", number)
	add("Number of rows by {} and {}", group, second)
	add("Correlation between {} and {}", number, other)
	add("Different values of {}", group)
	out = append(out, "Missing values per column", "Show the first 10 rows")
	return out
}

// singleNoun gives the shortest word for a source's rows.
func singleNoun(t *tableInfo) string {
	words := slices.Sorted(maps.Keys(t.nouns))
	if len(words) == 0 {
		return "it"
	}
	return slices.MinFunc(words, func(a, b string) int { return len(a) - len(b) })
}

func pick(t *tableInfo, fits func(*column) bool) (first, second *column) {
	for _, c := range t.columns {
		switch {
		case !fits(c):
		case first == nil:
			first = c
		default:
			return first, c
		}
	}
	return first, nil
}

// mention writes a column's name so that it is read back: in quotes if it is more than letters.
func mention(c *column) string {
	if strings.ContainsFunc(c.Name, func(r rune) bool { return !isWordRune(r) && r != '_' && r != ' ' }) {
		return `"` + c.Name + `"`
	}
	return c.Name
}

func quotedValue(s string) string { return `"` + s + `"` }

// middle gives a number between the lowest and the highest as text.
func middle(c *column) string {
	if c == nil {
		return "0"
	}
	for _, text := range c.Examples {
		if toks := lex(text); len(toks) == 1 && toks[0].kind == number {
			return text
		}
	}
	return "0"
}

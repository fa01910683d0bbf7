package codegen

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Missing is a name in a program that does not exist, as the runner reports it.
type Missing struct {
	Column  bool     // a column: stands in string literals; otherwise a name of Python: a variable, function or attribute
	Wrong   string   // as the program wrote it
	Nearest []string // names that exist
	Line    int      // where it failed, from 1; 0: unknown
}

// FixName replaces a wrong name by the one that was clearly meant, without a model. It changes whole tokens only, never
// comments, other text or the place where a name is made, and does nothing in doubt: two candidates as near as each
// other, names that differ in their digits, a literal that is compared as a value, a name that the program also binds.
// changed says what was done, for the attempt's record.
func FixName(code string, m Missing) (fixed, changed string, ok bool) {
	right, ok := meant(m.Wrong, m.Nearest)
	if !ok {
		return "", "", false
	}
	tokens := significant(lex(code))
	var at []token
	if m.Column {
		at = columnTokens(code, tokens, m.Wrong)
		right, ok = likeLiteral(right)
	} else {
		at, ok = nameTokens(code, tokens, m)
		ok = ok && identifier(right)
	}
	if !ok || len(at) == 0 {
		return "", "", false
	}
	return replace(code, at, m, right), fmt.Sprintf("%q → %q (%d×)", m.Wrong, right, len(at)), true
}

// columnTokens finds the string literals whose whole value is the wrong name. It finds none if one of them is compared as
// a value, or if the name also stands inside a formatted string: half a repair is worse than none.
func columnTokens(code string, tokens []token, wrong string) []token {
	var at []token
	for i, t := range tokens {
		if t.kind != stringToken {
			continue
		}
		body, plain := literalBody(t.text(code))
		hidden := !plain && (strings.Contains(body, "'"+wrong+"'") || strings.Contains(body, `"`+wrong+`"`))
		if hidden || body == wrong && (!plain || compared(code, tokens, i)) {
			return nil
		}
		if body != wrong {
			continue
		}
		at = append(at, t)
	}
	return at
}

// compared reports whether a literal is one side of == or != and so may be a value and no column.
func compared(code string, tokens []token, i int) bool {
	for _, at := range []int{i - 2, i + 1} { // operators are tokens of one character each
		if at < 0 || at+1 >= len(tokens) {
			continue
		}
		switch code[tokens[at].start:tokens[at+1].end] {
		case "==", "!=":
			return true
		}
	}
	return false
}

// literalBody gives what stands between the quotes; plain is false for bytes, formatted strings (given whole) and escapes.
func literalBody(text string) (body string, plain bool) {
	prefix := text[:strings.IndexAny(text, `"'`)]
	if prefix != "" && !strings.EqualFold(prefix, "r") && !strings.EqualFold(prefix, "u") {
		return text, false
	}
	text = text[len(prefix):]
	width := 1
	if len(text) >= 6 && text[0] == text[1] && text[1] == text[2] {
		width = 3
	}
	body = text[width : len(text)-width]
	return body, !strings.Contains(body, `\`)
}

// likeLiteral refuses names that would need escapes inside quotes.
func likeLiteral(name string) (string, bool) {
	unsafe := func(r rune) bool { return r == '"' || r == '\'' || r == '\\' || !unicode.IsPrint(r) }
	return name, !strings.ContainsFunc(name, unsafe)
}

// nameTokens finds the uses of a wrong name: attributes if the failing one is an attribute, plain names if it is not.
func nameTokens(code string, tokens []token, m Missing) (at []token, ok bool) {
	var plain, attributes []token
	plainHere, attributeHere := false, false
	for i, t := range tokens {
		if t.kind != nameToken || t.text(code) != m.Wrong {
			continue
		}
		here := m.Line == 0 || t.line == m.Line
		switch {
		case before(code, tokens, i) == ".":
			attributes = append(attributes, t)
			attributeHere = attributeHere || here
		case binds(before(code, tokens, i)) || after(code, tokens, i) == "=" && after(code, tokens, i+1) != "=":
			return nil, false
		default:
			plain = append(plain, t)
			plainHere = plainHere || here
		}
	}
	if plainHere == attributeHere {
		return nil, false
	}
	if plainHere {
		return plain, true
	}
	return attributes, true
}

func replace(code string, at []token, m Missing, right string) string {
	var b strings.Builder
	from := 0
	for _, t := range at {
		b.WriteString(code[from:t.start])
		start := t.start + strings.LastIndex(t.text(code), m.Wrong) // a string's prefix may spell the same
		b.WriteString(code[t.start:start] + right)
		from = start + len(m.Wrong)
	}
	b.WriteString(code[from:])
	return b.String()
}

func identifier(name string) bool {
	for i, r := range name {
		if !isNamePart(r) || i == 0 && unicode.IsDigit(r) {
			return false
		}
	}
	return name != "" && !keywords[name]
}

// meant picks the one candidate that the wrong name clearly stands for: equal but for case, spaces and underscores, or
// few typing errors away with no other candidate near.
func meant(wrong string, candidates []string) (string, bool) {
	seen := slices.Compact(slices.Sorted(slices.Values(candidates)))
	var same []string
	for _, c := range seen {
		if c != wrong && fold(c) == fold(wrong) {
			same = append(same, c)
		}
	}
	if len(same) > 0 || slices.Contains(seen, wrong) || fold(wrong) == "" {
		return strings.Join(same, ""), len(same) == 1
	}
	best, least, second := "", 1<<30, 1<<30
	for _, c := range seen {
		d := distance(fold(wrong), fold(c))
		if d < least {
			best, least, second = c, d, least
		} else {
			second = min(second, d)
		}
	}
	near := least <= min(3, len([]rune(fold(wrong)))/3)
	return best, near && second >= least+min(least, 2) && digits(best) == digits(wrong)
}

// fold removes what people mix up: case, and what stands between words.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' || unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

func digits(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}

// distance counts the typing errors between two texts: inserted, lost and wrong letters, and neighbours that changed
// places (optimal string alignment). Texts are cut to 256 characters.
func distance(left, right string) int {
	a, b := []rune(left), []rune(right)
	a, b = a[:min(len(a), 256)], b[:min(len(b), 256)]
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			wrong := 1
			if a[i-1] == b[j-1] {
				wrong = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+wrong)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

package offline

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// withoutNameSigns drops the signs that are part of a column's name where a question writes the name as it stands in the file: the € of
// "Preis €" and the brackets of "Weight (kg)" mean nothing more there.
func (s *schema) withoutNameSigns(question string, tokens []token) []token {
	lower := strings.ToLower(question)
	if len(lower) != len(question) { // a letter whose small form has another length: offsets would not agree
		return tokens
	}
	for _, t := range s.tables {
		for _, c := range t.columns {
			if len(atoms(c.Name)) > 0 && strings.ContainsFunc(c.Name, isSign) {
				tokens = dropSigns(tokens, lower, strings.ToLower(c.Name))
			}
		}
	}
	return tokens
}

// isSign reports whether a rune stands alone in a question; a joint does not.
func isSign(r rune) bool { return !isWordRune(r) && r != ' ' && r != '_' && r != '-' }

// dropSigns drops the symbols inside every mention of a name that is not a part of longer words.
func dropSigns(tokens []token, question, name string) []token {
	for from := 0; ; {
		at := strings.Index(question[from:], name)
		if at < 0 {
			return tokens
		}
		at += from
		end := at + len(name)
		from = end
		first, _ := utf8.DecodeRuneInString(name)
		last, _ := utf8.DecodeLastRuneInString(name)
		if isWordRune(first) && wordBefore(question, at) || isWordRune(last) && wordAt(question, end) {
			continue
		}
		tokens = slices.DeleteFunc(tokens, func(t token) bool { return t.kind == symbol && t.start >= at && t.end <= end })
	}
}

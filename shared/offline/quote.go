package offline

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pyString writes a Python string literal on one line. Letters and digits of every script stay readable; whatever could end
// the string, the line, a comment or a Markdown fence, or turn the reading direction, is escaped.
func pyString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '`':
			b.WriteString(`\x60`)
		case r >= ' ' && r < 0x7f, r > 0x7f && r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) || r == '€' || r == '°' || r == '£':
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// pyList writes a Python list of strings.
func pyList(items []string) string {
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = pyString(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// display quotes a name for a sentence that a person reads.
func display(name string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, name)
	if len(clean) > 80 {
		clean = strings.ToValidUTF8(clean[:80], "") + "…"
	}
	return "“" + clean + "”"
}

// clip shortens a text to n bytes without cutting a letter.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// pyNumber writes a number as Python reads it back, without an exponent.
func pyNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

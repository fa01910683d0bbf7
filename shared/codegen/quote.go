package codegen

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Caps on what data may say in a prompt, in characters.
const (
	maxName   = 64
	maxSample = 200
	maxURI    = 1200 // an S3 key has at most 1,024 bytes: a real URI is never cut
)

// quoted is text that somebody else wrote. It marshals as a JSON string that cannot leave the place it stands in: line
// breaks, control and invisible characters, back-ticks and angle brackets are escaped, so it holds no raw newline, no code
// fence and no closing tag.
type quoted string

// MarshalJSON never fails; what is not UTF-8 becomes \ufffd.
func (q quoted) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range string(q) {
		b.WriteString(escapeRune(r))
	}
	b.WriteByte('"')
	return []byte(b.String()), nil
}

// fit cuts text to at most limit characters and 4*limit bytes once quoted, and says whether something was left out.
func fit(text string, limit int) (head quoted, cut bool) {
	count, size := 0, 0
	for i, r := range text {
		count++
		size += len(escapeRune(r))
		if count > limit || size > 4*limit {
			return quoted(text[:i]), true
		}
	}
	return quoted(text), false
}

func escapeRune(r rune) string {
	switch r {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\t':
		return `\t`
	case '`', '<', '>', '&', utf8.RuneError:
		return fmt.Sprintf(`\u%04x`, r)
	}
	if unicode.IsPrint(r) {
		return string(r)
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

package reader

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable cuts s to n bytes and escapes what a terminal, a prompt or a page would act on.
func printable(s string, n int) string {
	s = cut(s, n)
	if !strings.ContainsFunc(s, unsafeRune) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		piece := string(r)
		if unsafeRune(r) {
			piece = escape(r)
		}
		if b.Len()+len(piece) > n {
			break
		}
		b.WriteString(piece)
	}
	return b.String()
}

// unsafeRune holds for control characters, and for those that turn the direction of a line or hide in it.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

func escape(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	case utf8.RuneError:
		return "\ufffd"
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// previewLine is one line of a preview, at most previewWidth characters. Tabs stay: they are what the file looks like.
func previewLine(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		piece := string(r)
		if r != '\t' && unsafeRune(r) {
			piece = escape(r)
		}
		if n += utf8.RuneCountInString(piece); n > previewWidth {
			break
		}
		b.WriteString(piece)
	}
	return b.String()
}

func hash8(v []byte) []byte {
	h := fnv.New64a()
	h.Write(v)
	return h.Sum(nil)
}

package offline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	word kind = iota
	number
	quoted
	day    // a calendar day written in digits
	symbol // one of the signs the grammar knows, or any other single rune
)

// token is one piece of a question. start and end are byte offsets, so that a value can be quoted as it was written.
type token struct {
	kind       kind
	text       string // as written; for quoted without the quotes
	norm       string // lower case; for numbers and days a canonical form
	value      float64
	start, end int
}

var (
	isoDay     = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})`)
	isoMonth   = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])`)
	writtenDay = regexp.MustCompile(`^(\d{1,2})([./])(\d{1,2})[./](\d{4})`)
	figures    = regexp.MustCompile(`^(\d{1,3}(,\d{3})+|\d+)(\.\d+)?`)
	signs      = regexp.MustCompile(`^(>=|<=|!=|<>|==|[-+*/^&|<>=%$€£(),.?!:;#~])`)
	quotes     = map[rune]rune{'"': '"', '“': '”', '„': '“', '«': '»', '\'': '\'', '‘': '’', '`': '`'}
)

// lex cuts a question, which is valid UTF-8, into tokens. Letters and digits that touch form a word; an underscore or a hyphen between two of them
// is only a joint, so unit_price, unit-price and "unit price" are the same two words.
func lex(question string) []token {
	var out []token
	for at := 0; at < len(question); {
		r, size := utf8.DecodeRuneInString(question[at:])
		switch {
		case unicode.IsSpace(r) || isJoint(question, at, r):
			at += size
			continue
		case closesQuote(question, at, r) > 0:
			end := closesQuote(question, at, r)
			text := question[at+size : end]
			_, closing := utf8.DecodeRuneInString(question[end:])
			out = append(out, token{kind: quoted, text: text, norm: strings.ToLower(text), start: at, end: end + closing})
		default:
			out = append(out, next(question, at, r))
		}
		at = out[len(out)-1].end
	}
	return trimEnd(out)
}

func next(question string, at int, r rune) token {
	rest := question[at:]
	if r == '\'' || r == '’' {
		for _, ending := range []string{"s", "d", "re", "ll", "ve", "m"} { // what's, I'd, we've
			end := at + utf8.RuneLen(r) + len(ending)
			if wordBefore(question, at) && strings.HasPrefix(rest[utf8.RuneLen(r):], ending) && !wordAt(question, end) {
				return token{kind: word, text: question[at:end], norm: "'" + ending, start: at, end: end}
			}
		}
	}
	if unicode.IsDigit(r) || r == '-' && negative(question, at) {
		if t, ok := numeral(question, at); ok {
			return t
		}
	}
	if isWordRune(r) {
		end := at
		for end < len(question) {
			c, n := utf8.DecodeRuneInString(question[end:])
			if !isWordRune(c) {
				break
			}
			end += n
		}
		text := question[at:end]
		return token{kind: word, text: text, norm: strings.ToLower(text), start: at, end: end}
	}
	text := signs.FindString(rest)
	if text == "" {
		text = rest[:utf8.RuneLen(r)]
	}
	return token{kind: symbol, text: text, norm: text, start: at, end: at + len(text)}
}

// numeral reads a number or a day; letters that touch it (3rd, 5kg, A4's 4) make it part of a word instead.
func numeral(question string, at int) (token, bool) {
	rest, sign := question[at:], 1.0
	if rest[0] == '-' {
		rest, sign = rest[1:], -1
	}
	if text, norm := dayText(rest); text != "" && !wordAt(question, at+len(text)) {
		return token{kind: day, text: text, norm: norm, start: at, end: at + len(text)}, true
	}
	text := figures.FindString(rest)
	end := at + len(text)
	if sign < 0 {
		end++
	}
	scale := 1.0
	if strings.HasPrefix(question[end:], "k") && !wordAt(question, end+1) {
		scale, end = 1000, end+1
	}
	if wordAt(question, end) {
		return token{}, false
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil {
		return token{}, false
	}
	value *= sign * scale
	return token{kind: number, text: question[at:end], norm: strconv.FormatFloat(value, 'f', -1, 64), value: value, start: at, end: end}, true
}

// dayText gives a day's or a month's digits and their ISO form. 3/4/2024 could be two days: its form stays as written, and
// the grammar refuses it.
func dayText(rest string) (text, norm string) {
	if m := isoDay.FindString(rest); m != "" {
		return m, m
	}
	if m := isoMonth.FindString(rest); m != "" {
		return m, m
	}
	m := writtenDay.FindStringSubmatch(rest)
	if m == nil {
		return "", ""
	}
	first, _ := strconv.Atoi(m[1])
	second, _ := strconv.Atoi(m[3])
	switch {
	case m[2] == "." || first > 12:
		return m[0], iso(m[4], second, first)
	case second > 12 || first == second:
		return m[0], iso(m[4], first, second)
	}
	return m[0], m[0]
}

func iso(year string, month, dayOfMonth int) string {
	return year + "-" + twoDigits(month) + "-" + twoDigits(dayOfMonth)
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

func wordAt(s string, at int) bool {
	if at < 0 || at >= len(s) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s[at:])
	return isWordRune(r)
}

func wordBefore(s string, at int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:at])
	return at > 0 && isWordRune(r)
}

func isJoint(s string, at int, r rune) bool {
	return (r == '_' || r == '-') && wordBefore(s, at) && wordAt(s, at+1)
}

func negative(s string, at int) bool {
	return !wordBefore(s, at) && at+1 < len(s) && s[at+1] >= '0' && s[at+1] <= '9'
}

// closesQuote gives where the quote that opens at this place ends, or 0. An apostrophe inside a word opens nothing.
func closesQuote(s string, at int, r rune) int {
	closing, ok := quotes[r]
	if !ok || wordBefore(s, at) {
		return 0
	}
	from := at + utf8.RuneLen(r)
	for end := from; end < len(s); {
		c, n := utf8.DecodeRuneInString(s[end:])
		if c == closing && !(closing == '\'' && wordAt(s, end+n)) {
			if end == from {
				return 0
			}
			return end
		}
		end += n
	}
	return 0
}

func trimEnd(tokens []token) []token {
	for len(tokens) > 0 {
		last := tokens[len(tokens)-1]
		if last.kind != symbol || !strings.Contains(".?!;:", last.norm) {
			break
		}
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// atoms are the words of a name in lower case: UnitPrice, unit_price and "Unit price (EUR)" begin with unit, price.
func atoms(name string) []string {
	var out []string
	var current []rune
	flush := func() {
		if len(current) > 0 {
			out = append(out, strings.ToLower(string(current)))
			current = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !isWordRune(r):
			flush()
			continue
		case i > 0 && unicode.IsUpper(r) && unicode.IsLower(runes[i-1]),
			i > 1 && i+1 < len(runes) && unicode.IsUpper(r) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]):
			flush()
		}
		current = append(current, r)
	}
	flush()
	return out
}

// stem takes the plural off a word; it knows no other grammar, so that it cannot join two different words.
func stem(w string) string {
	if one, ok := irregular[w]; ok {
		return one
	}
	switch {
	case len(w) > 4 && strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case len(w) > 4 && (strings.HasSuffix(w, "sses") || strings.HasSuffix(w, "xes") || strings.HasSuffix(w, "ches") || strings.HasSuffix(w, "shes")):
		return w[:len(w)-2]
	case len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") && !strings.HasSuffix(w, "us") && !strings.HasSuffix(w, "is"):
		return w[:len(w)-1]
	}
	return w
}

func stems(words []string) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(stem(w))
	}
	return b.String()
}

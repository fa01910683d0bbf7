package codegen

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is what a token of Python is. The lexer knows just enough to tell names, literals and comments apart; it is not a
// parser and never says that a program is right.
type kind int

const (
	nameToken kind = iota
	keywordToken
	numberToken
	stringToken
	commentToken
	operatorToken // one character each: "==" is two
	newlineToken  // the end of a logical line
	strangeToken  // a character that cannot stand in a program, or a string that is never closed
)

type token struct {
	kind       kind
	start, end int // bytes of the code
	line       int // from 1
	depth      int // open brackets around it
}

func (t token) text(code string) string { return code[t.start:t.end] }

var keywords = map[string]bool{
	"False": true, "None": true, "True": true, "and": true, "as": true, "assert": true, "async": true, "await": true,
	"break": true, "class": true, "continue": true, "def": true, "del": true, "elif": true, "else": true, "except": true,
	"finally": true, "for": true, "from": true, "global": true, "if": true, "import": true, "in": true, "is": true,
	"lambda": true, "nonlocal": true, "not": true, "or": true, "pass": true, "raise": true, "return": true, "try": true,
	"while": true, "with": true, "yield": true, "match": true, "case": true, "type": true,
}

type lexer struct {
	code   string
	pos    int
	line   int
	depth  int
	tokens []token
}

// lex splits Python into tokens. Every byte that is not white space lies in exactly one token; it never fails.
func lex(code string) []token {
	l := &lexer{code: code, line: 1}
	for l.pos < len(l.code) {
		l.next()
	}
	return l.tokens
}

func (l *lexer) next() {
	c := l.code[l.pos]
	switch {
	case c == '\n':
		if l.depth == 0 {
			l.add(newlineToken, l.pos+1)
		} else {
			l.pos++
		}
		l.line++
	case c == ' ' || c == '\t' || c == '\r' || c == '\f':
		l.pos++
	case c == '\\' && strings.HasPrefix(l.code[l.pos+1:], "\n"):
		l.pos += 2
		l.line++
	case c == '#':
		l.add(commentToken, l.lineEnd(l.pos))
	case c == '"' || c == '\'':
		l.literal(l.pos)
	case c >= '0' && c <= '9':
		l.add(numberToken, l.scan(func(r rune) bool { return r == '.' || isNamePart(r) }))
	case strings.IndexByte("()[]{}", c) >= 0:
		l.bracket(c)
	case strings.IndexByte("+-*/%@&|^~<>=.,:;", c) >= 0:
		l.add(operatorToken, l.pos+1)
	case c == '!' && strings.HasPrefix(l.code[l.pos:], "!="):
		l.add(operatorToken, l.pos+1)
	default:
		l.word()
	}
}

func (l *lexer) add(k kind, end int) {
	l.tokens = append(l.tokens, token{k, l.pos, end, l.line, l.depth})
	l.pos = end
}

func (l *lexer) bracket(c byte) {
	if strings.IndexByte("([{", c) >= 0 {
		l.add(operatorToken, l.pos+1)
		l.depth++
		return
	}
	l.depth = max(0, l.depth-1)
	l.add(operatorToken, l.pos+1)
}

// word takes a name, a keyword, a prefixed string, or a single strange character.
func (l *lexer) word() {
	r, size := utf8.DecodeRuneInString(l.code[l.pos:])
	if r != '_' && !unicode.IsLetter(r) {
		l.add(strangeToken, l.pos+size)
		return
	}
	end := l.scan(isNamePart)
	word := l.code[l.pos:end]
	if end < len(l.code) && (l.code[end] == '"' || l.code[end] == '\'') && isStringPrefix(word) {
		l.literal(end)
		return
	}
	if keywords[word] {
		l.add(keywordToken, end)
		return
	}
	l.add(nameToken, end)
}

// literal takes a string whose opening quote is at quote; a prefix before it belongs to the token.
func (l *lexer) literal(quote int) {
	mark := l.code[quote : quote+1]
	triple := strings.HasPrefix(l.code[quote:], strings.Repeat(mark, 3))
	if triple {
		mark = strings.Repeat(mark, 3)
	}
	line := l.line
	for i := quote + len(mark); i < len(l.code); i++ {
		switch {
		case l.code[i] == '\\':
			i++
			if i < len(l.code) && l.code[i] == '\n' {
				line++
			}
		case strings.HasPrefix(l.code[i:], mark):
			l.add(stringToken, i+len(mark))
			l.line = line
			return
		case l.code[i] == '\n' && !triple:
			l.add(strangeToken, i)
			return
		case l.code[i] == '\n':
			line++
		}
	}
	l.add(strangeToken, len(l.code))
	l.line = line
}

func (l *lexer) lineEnd(from int) int {
	if n := strings.IndexByte(l.code[from:], '\n'); n >= 0 {
		return from + n
	}
	return len(l.code)
}

func (l *lexer) scan(part func(rune) bool) int {
	for i, r := range l.code[l.pos:] {
		if !part(r) {
			return l.pos + i
		}
	}
	return len(l.code)
}

func isNamePart(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

func isStringPrefix(word string) bool {
	switch strings.ToLower(word) {
	case "r", "b", "f", "u", "t", "rb", "br", "fr", "rf", "tr", "rt":
		return true
	}
	return false
}

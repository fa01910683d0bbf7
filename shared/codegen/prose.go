package codegen

import "strings"

// verdict is what a text without a fence looks like.
type verdict int

const (
	prose   verdict = iota // words, or another language
	neutral                // nothing against Python, and nothing for it: a comment, a lone name
	program
)

// judge tells code from prose. In Python two names never stand side by side, and some characters cannot stand outside a
// string: a sentence breaks one of the two within a few words. What passes must also do something: bind, call or import.
func judge(code string) verdict {
	tokens := lex(code)
	if strange(code, tokens) >= 0 {
		return prose
	}
	if hasCodeSign(code, tokens) {
		return program
	}
	return neutral
}

// strange gives the line (from 1) of the first thing that no Python program holds, or -1.
func strange(code string, tokens []token) int {
	for i, t := range tokens {
		if t.kind == strangeToken {
			return t.line
		}
		if i == 0 {
			continue
		}
		p := tokens[i-1]
		if operand(t) && operand(p) {
			return t.line
		}
		if heading(code, tokens, i) {
			return t.line
		}
	}
	return -1
}

func operand(t token) bool { return t.kind == nameToken || t.kind == numberToken }

// heading is a line that is one word and a colon, such as "Certainly:".
func heading(code string, tokens []token, i int) bool {
	starts := i == 1 || tokens[i-2].kind == newlineToken
	ends := i+1 == len(tokens) || tokens[i+1].kind == newlineToken
	return starts && ends && tokens[i].text(code) == ":" && tokens[i-1].kind == nameToken
}

// hasCodeSign looks for an import, a call or an assignment.
func hasCodeSign(code string, tokens []token) bool {
	for i, t := range tokens {
		switch {
		case t.kind == keywordToken && t.text(code) == "import":
			return true
		case t.kind == operatorToken && t.text(code) == "=" && i > 0:
			return true
		case t.kind == operatorToken && t.text(code) == "(" && i > 0 && tokens[i-1].kind == nameToken:
			if tokens[i-1].end == t.start {
				return true
			}
		}
	}
	return false
}

// fromBare takes a program out of a reply without fences: sentences before and after it are dropped, if what is left is
// one piece. Code between sentences is not guessed together.
func fromBare(text string) (string, error) {
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && (strings.TrimSpace(lines[0]) == "" || proseLine(lines[0])) {
		lines = lines[1:]
	}
	rest, end := strings.Join(lines, "\n"), len(lines)
	if at := strange(rest, lex(rest)); at > 0 {
		end = at - 1
	}
	for _, line := range lines[end:] {
		if judge(line) == program {
			return "", withoutProgram(text, []block{{code: text}})
		}
	}
	code := strings.Join(lines[:end], "\n")
	if judge(code) == program {
		return tidy(code), nil
	}
	return "", withoutProgram(text, []block{{code: text}})
}

// proseLine reports whether a line alone is certainly no code. The first line of a long string is not.
func proseLine(line string) bool {
	tokens := lex(line)
	for _, t := range tokens {
		if t.kind == strangeToken && (strings.Contains(t.text(line), `"""`) || strings.Contains(t.text(line), "'''")) {
			return false
		}
	}
	return strange(line, tokens) >= 0
}

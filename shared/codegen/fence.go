package codegen

import (
	"maps"
	"regexp"
	"strings"
)

// block is one fenced part of a reply.
type block struct {
	language string // lower case, "" without a tag
	code     string
}

func (b block) python() bool {
	switch b.language {
	case "python", "py", "python3", "py3":
		return true
	}
	return false
}

var fenceOpen = regexp.MustCompile("^([ \t]*)(`{3,}|~{3,})[ \t]*([^`]*)$")

// fences takes the fenced blocks out of a text; closed is false if the last one has no end.
func fences(text string) (blocks []block, closed bool) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		open := fenceOpen.FindStringSubmatch(lines[i])
		if open == nil {
			continue
		}
		end := closing(lines, i+1, open[2])
		if end < 0 {
			return blocks, false
		}
		blocks = append(blocks, block{language(open[3]), dedent(lines[i+1:end], open[1])})
		i = end
	}
	return blocks, true
}

// closing finds the line that closes a fence: the same mark, at least as long, and nothing else on the line.
func closing(lines []string, from int, mark string) int {
	for i := from; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if len(line) >= len(mark) && strings.Trim(line, mark[:1]) == "" {
			return i
		}
	}
	return -1
}

// dedent takes the fence's own indentation (a block inside a list) off every line that has it.
func dedent(lines []string, indent string) string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimPrefix(line, indent)
	}
	return strings.Join(out, "\n")
}

// language reads the first word of a fence's info string: "python", "{.python}", "python title=x".
func language(info string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(info), " ")
	return strings.ToLower(strings.Trim(word, "{.}"))
}

// piece is a block with the names it binds, and those it uses without binding them.
type piece struct {
	code          string
	bound, needed map[string]bool
	in            bool
}

// joinBlocks makes one program of several blocks; Extract states the rule.
func joinBlocks(blocks []string) string {
	main := 0
	pieces := make([]piece, len(blocks))
	for i, code := range blocks {
		bound, needed := names(code)
		pieces[i] = piece{code: code, bound: bound, needed: needed}
		if len(code) > len(blocks[main]) {
			main = i
		}
	}
	pieces[main].in = true
	whole := piece{bound: maps.Clone(pieces[main].bound), needed: maps.Clone(pieces[main].needed)}
	for grown := true; grown; {
		grown = false
		for i, p := range pieces {
			if p.in || !(i < main && meet(p.bound, whole.needed) || i > main && meet(p.needed, whole.bound)) {
				continue
			}
			pieces[i].in, grown = true, true
			maps.Copy(whole.bound, p.bound)
			maps.Copy(whole.needed, p.needed)
		}
	}
	var parts []string
	for _, p := range pieces {
		if p.in {
			parts = append(parts, p.code)
		}
	}
	return strings.Join(parts, "\n\n")
}

// names gives the names that a piece of code binds, and those it uses without binding them.
func names(code string) (bound, needed map[string]bool) {
	bound, needed = map[string]bool{}, map[string]bool{}
	tokens := significant(lex(code))
	for i, t := range tokens {
		if t.kind != nameToken || before(code, tokens, i) == "." {
			continue
		}
		next := after(code, tokens, i)
		if assigns(code, tokens, i) || binds(before(code, tokens, i)) {
			bound[t.text(code)] = true
		} else if t.depth == 0 || next != "=" || after(code, tokens, i+1) == "=" {
			needed[t.text(code)] = true
		}
	}
	for name := range bound {
		delete(needed, name)
	}
	return bound, needed
}

// assigns reports whether the name is followed by a single "=" outside brackets.
func assigns(code string, tokens []token, i int) bool {
	return tokens[i].depth == 0 && after(code, tokens, i) == "=" && after(code, tokens, i+1) != "="
}

func binds(word string) bool {
	switch word {
	case "def", "class", "import", "as", "for", "lambda":
		return true
	}
	return false
}

func before(code string, tokens []token, i int) string {
	if i < 1 || i > len(tokens) {
		return ""
	}
	return tokens[i-1].text(code)
}

func after(code string, tokens []token, i int) string {
	if i+1 >= len(tokens) {
		return ""
	}
	return tokens[i+1].text(code)
}

func significant(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for _, t := range tokens {
		if t.kind != commentToken {
			out = append(out, t)
		}
	}
	return out
}

func meet(a, b map[string]bool) bool {
	for name := range a {
		if b[name] {
			return true
		}
	}
	return false
}

package asl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ohler55/ojg/jp"
)

// path is a compiled JSONPath into the state's input ($), the context object ($$) or a variable ($name).
//
// The steps are walked here rather than by a library because two things must be as in the cloud: names with dashes need
// no quotes, and a path that can match many values gives a list, also an empty one, where a definite path that matches
// nothing is an error. Filters are compiled and run by ojg.
type path struct {
	text     string
	head     string // "": the input, "$": the context, else a variable's name
	steps    []step
	definite bool
	length   bool // ends in .length()
}

type step struct {
	kind   stepKind
	keys   []string
	nums   []int
	slice  [2]*int
	filter *jp.Filter
}

type stepKind int

const (
	stepKey stepKind = iota
	stepIndex
	stepAll
	stepDeep
	stepKeys
	stepIndexes
	stepSlice
	stepFilter
)

func isNameByte(c byte) bool {
	return c == '_' || c == '-' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// parsePath compiles a path; the error says what is wrong with it.
func parsePath(text string) (*path, error) {
	if !strings.HasPrefix(text, "$") {
		return nil, fmt.Errorf("a JSONPath starts with $: %q", text)
	}
	p := &path{text: text, definite: true}
	rest := text[1:]
	if strings.HasPrefix(rest, "$") {
		p.head, rest = "$", rest[1:]
	} else {
		end := 0
		for end < len(rest) && isNameByte(rest[end]) && rest[end] != '-' {
			end++
		}
		p.head, rest = rest[:end], rest[end:]
	}
	if cut, ok := strings.CutSuffix(rest, ".length()"); ok {
		p.length, rest = true, cut
	}
	for rest != "" {
		var err error
		if rest, err = p.parseStep(rest); err != nil {
			return nil, fmt.Errorf("%w in JSONPath %q", err, text)
		}
	}
	return p, nil
}

func (p *path) add(s step) {
	p.steps = append(p.steps, s)
	p.definite = p.definite && (s.kind == stepKey || s.kind == stepIndex)
}

// parseStep takes one step off the front of rest.
func (p *path) parseStep(rest string) (string, error) {
	switch {
	case strings.HasPrefix(rest, ".."):
		p.add(step{kind: stepDeep})
		rest = rest[1:]
		if strings.HasPrefix(rest, ".[") {
			rest = rest[1:]
			return p.parseBracket(rest)
		}
		return p.parseDot(rest[1:])
	case rest[0] == '.':
		return p.parseDot(rest[1:])
	case rest[0] == '[':
		return p.parseBracket(rest)
	}
	return "", fmt.Errorf("unexpected %q", rest)
}

func (p *path) parseDot(rest string) (string, error) {
	if strings.HasPrefix(rest, "*") {
		p.add(step{kind: stepAll})
		return rest[1:], nil
	}
	end := 0
	for end < len(rest) && isNameByte(rest[end]) {
		end++
	}
	if end == 0 {
		return "", fmt.Errorf("a name is missing")
	}
	p.add(step{kind: stepKey, keys: []string{rest[:end]}})
	return rest[end:], nil
}

func (p *path) parseBracket(rest string) (string, error) {
	end := closing(rest)
	if end < 0 {
		return "", fmt.Errorf("a bracket is not closed")
	}
	body, rest := strings.TrimSpace(rest[1:end]), rest[end+1:]
	switch {
	case body == "":
		return "", fmt.Errorf("a bracket is empty")
	case body == "*":
		p.add(step{kind: stepAll})
	case body[0] == '?':
		if strings.Contains(body, "$") {
			return "", fmt.Errorf("a filter can only look at @")
		}
		f, err := jp.NewFilter("[" + body + "]")
		if err != nil {
			return "", fmt.Errorf("a filter cannot be read")
		}
		p.add(step{kind: stepFilter, filter: f})
	case body[0] == '\'' || body[0] == '"':
		keys, err := quotedKeys(body)
		if err != nil {
			return "", err
		}
		kind := stepKeys
		if len(keys) == 1 {
			kind = stepKey
		}
		p.add(step{kind: kind, keys: keys})
	default:
		return rest, p.parseNumbers(body)
	}
	return rest, nil
}

// parseNumbers reads 3, -1, 1,2 and 1:4.
func (p *path) parseNumbers(body string) error {
	if from, to, ok := strings.Cut(body, ":"); ok {
		s := step{kind: stepSlice}
		for i, part := range []string{from, to} {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			n, err := strconv.Atoi(part)
			if err != nil {
				return fmt.Errorf("a slice needs whole numbers")
			}
			s.slice[i] = &n
		}
		p.add(s)
		return nil
	}
	s := step{kind: stepIndex}
	for part := range strings.SplitSeq(body, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return fmt.Errorf("an index is not a whole number")
		}
		s.nums = append(s.nums, n)
	}
	if len(s.nums) > 1 {
		s.kind = stepIndexes
	}
	p.add(s)
	return nil
}

// closing finds the bracket that closes the one at the start, past quotes and inner brackets; -1: none.
func closing(s string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func quotedKeys(body string) ([]string, error) {
	var keys []string
	for body != "" {
		quote := body[0]
		if quote != '\'' && quote != '"' {
			return nil, fmt.Errorf("names in a bracket need quotes")
		}
		var key strings.Builder
		i := 1
		for ; i < len(body) && body[i] != quote; i++ {
			if body[i] == '\\' && i+1 < len(body) {
				i++
			}
			key.WriteByte(body[i])
		}
		if i >= len(body) {
			return nil, fmt.Errorf("a quote is not closed")
		}
		keys = append(keys, key.String())
		body = strings.TrimSpace(body[i+1:])
		if body == "" {
			break
		}
		if body[0] != ',' || strings.TrimSpace(body[1:]) == "" {
			return nil, fmt.Errorf("names in a bracket need commas between them")
		}
		body = strings.TrimSpace(body[1:])
	}
	return keys, nil
}

// find walks the path from root. A definite path gives its value, or false; any other gives the list of what it found.
func (p *path) find(root any) (any, bool) {
	found := []any{root}
	for _, s := range p.steps {
		var next []any
		for _, v := range found {
			next = s.apply(next, v)
		}
		found = next
	}
	var result any = append([]any{}, found...)
	if p.definite {
		if len(found) == 0 {
			return nil, false
		}
		result = found[0]
	}
	if !p.length {
		return result, true
	}
	switch t := result.(type) {
	case []any:
		return int64(len(t)), true
	case map[string]any:
		return int64(len(t)), true
	case string:
		return int64(len([]rune(t))), true
	}
	return nil, false
}

// apply appends what the step finds in v.
func (s step) apply(out []any, v any) []any {
	switch s.kind {
	case stepKey, stepKeys:
		if m, ok := v.(map[string]any); ok {
			for _, k := range s.keys {
				if e, ok := m[k]; ok {
					out = append(out, e)
				}
			}
		}
	case stepAll:
		out = append(out, members(v)...)
	case stepFilter:
		candidates := members(v)
		if _, ok := v.(map[string]any); ok {
			candidates = []any{v} // as in the cloud: a filter on an object asks the object itself
		}
		for _, e := range candidates {
			if s.filter.Match(e) {
				out = append(out, e)
			}
		}
	case stepDeep:
		out = append(out, v)
		for _, e := range members(v) {
			out = s.apply(out, e)
		}
	default:
		if list, ok := v.([]any); ok {
			out = append(out, s.pick(list)...)
		}
	}
	return out
}

// members lists what is directly inside v.
func members(v any) []any {
	switch t := v.(type) {
	case []any:
		return t
	case map[string]any:
		out := make([]any, 0, len(t))
		for _, k := range sortedKeys(t) {
			out = append(out, t[k])
		}
		return out
	}
	return nil
}

func (s step) pick(list []any) (out []any) {
	if s.kind == stepSlice {
		from, to := 0, len(list)
		for i, target := range []*int{&from, &to} {
			if n := s.slice[i]; n != nil {
				*target = *n
				if *n < 0 {
					*target += len(list)
				}
			}
		}
		from, to = max(from, 0), min(to, len(list))
		return list[min(from, max(to, 0)):max(to, 0)]
	}
	for _, n := range s.nums {
		if n < 0 {
			n += len(list)
		}
		if n >= 0 && n < len(list) {
			out = append(out, list[n])
		}
	}
	return out
}

// isReference reports whether the path names exactly one place, so that something can be put there.
func (p *path) isReference() bool { return p.definite && !p.length }

// put gives root with value at the path's place, making the objects that are missing on the way; false when something
// else than an object or a list's element is in the way.
func put(root any, steps []step, value any) (any, bool) {
	if len(steps) == 0 {
		return value, true
	}
	s := steps[0]
	if s.kind == stepIndex {
		list, ok := root.([]any)
		if !ok || s.nums[0] < 0 || s.nums[0] >= len(list) {
			return nil, false
		}
		inner, ok := put(list[s.nums[0]], steps[1:], value)
		list = slices.Clone(list)
		list[s.nums[0]] = inner
		return list, ok
	}
	object, ok := root.(map[string]any)
	if !ok && root != nil {
		return nil, false
	}
	copied := make(map[string]any, len(object)+1)
	for k, v := range object {
		copied[k] = v
	}
	inner, ok := put(object[s.keys[0]], steps[1:], value)
	copied[s.keys[0]] = inner
	return copied, ok
}

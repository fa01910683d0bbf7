package asl

import (
	"math"
	"strings"
	"time"
)

// condition is the test of a Choice rule.
type condition interface {
	holds(*scope) (bool, error)
}

type allOf []condition

func (a allOf) holds(s *scope) (bool, error) {
	for _, c := range a {
		if ok, err := c.holds(s); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

type anyOf []condition

func (a anyOf) holds(s *scope) (bool, error) {
	for _, c := range a {
		if ok, err := c.holds(s); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

type not struct{ inner condition }

func (n not) holds(s *scope) (bool, error) {
	ok, err := n.inner.holds(s)
	return !ok && err == nil, err
}

// comparison is Variable with one operator.
type comparison struct {
	variable *path
	operator operator
	operand  expression
}

func (c comparison) holds(s *scope) (bool, error) {
	want, err := c.operand.eval(s)
	if err != nil {
		return false, err
	}
	if c.operator == "IsPresent" {
		return s.has(c.variable) == want, nil
	}
	v, err := s.get(c.variable)
	if err != nil {
		return false, err
	}
	return c.operator.compare(v, want), nil
}

// operator is the name of a comparison without its Path suffix.
type operator string

// parseOperator splits StringEqualsPath into its operator and whether the operand is a path.
func parseOperator(name string) (op operator, byPath, ok bool) {
	base, byPath := strings.CutSuffix(name, "Path")
	op = operator(base)
	switch op {
	case "IsPresent", "IsNull", "IsString", "IsNumeric", "IsBoolean", "IsTimestamp", "StringMatches":
		return op, false, !byPath
	case "BooleanEquals":
		return op, byPath, true
	}
	for _, kind := range []string{"String", "Numeric", "Timestamp"} {
		switch strings.TrimPrefix(base, kind) {
		case "Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals":
			if strings.HasPrefix(base, kind) {
				return op, byPath, true
			}
		}
	}
	return "", false, false
}

// accepts says whether a literal operand has the type the operator needs, and names that type.
func (o operator) accepts(v any) (string, bool) {
	switch {
	case strings.HasPrefix(string(o), "Is") || o == "BooleanEquals":
		_, ok := v.(bool)
		return "true or false", ok
	case strings.HasPrefix(string(o), "String"):
		_, ok := v.(string)
		return "a string", ok
	case strings.HasPrefix(string(o), "Numeric"):
		_, ok := toFloat(v)
		return "a number", ok
	}
	text, _ := v.(string)
	_, ok := timestamp(text)
	return "a timestamp such as 2026-11-22T08:00:00Z", ok
}

// compare applies the operator; values of another type than the operator's are simply not equal, less or greater.
func (o operator) compare(v, want any) bool {
	switch o {
	case "IsNull":
		return (v == nil) == want
	case "IsString":
		_, ok := v.(string)
		return ok == want
	case "IsNumeric":
		_, ok := toFloat(v)
		return ok == want
	case "IsBoolean":
		_, ok := v.(bool)
		return ok == want
	case "IsTimestamp":
		text, _ := v.(string)
		_, ok := timestamp(text)
		return ok == want
	case "BooleanEquals":
		a, okA := v.(bool)
		b, okB := want.(bool)
		return okA && okB && a == b
	case "StringMatches":
		text, okA := v.(string)
		pattern, okB := want.(string)
		return okA && okB && wildcard(pattern, text)
	}
	order, ok := o.order(v, want)
	if !ok {
		return false
	}
	switch base := string(o); {
	case strings.HasSuffix(base, "LessThanEquals"):
		return order <= 0
	case strings.HasSuffix(base, "GreaterThanEquals"):
		return order >= 0
	case strings.HasSuffix(base, "LessThan"):
		return order < 0
	case strings.HasSuffix(base, "GreaterThan"):
		return order > 0
	}
	return order == 0
}

// order compares two values of the operator's type; false when one has another type.
func (o operator) order(v, want any) (int, bool) {
	if strings.HasPrefix(string(o), "Numeric") {
		return compareNumbers(v, want)
	}
	a, okA := v.(string)
	b, okB := want.(string)
	if !okA || !okB {
		return 0, false
	}
	if strings.HasPrefix(string(o), "String") {
		return strings.Compare(a, b), true
	}
	t, okT := timestamp(a)
	u, okU := timestamp(b)
	return t.Compare(u), okT && okU
}

// timestamp reads the RFC 3339 profile of the states language: an upper-case T, and Z or an offset.
func timestamp(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// wildcard matches text against a pattern in which * stands for anything, and \* and \\ for themselves.
func wildcard(pattern, text string) bool {
	type mark struct{ p, t int }
	back := mark{-1, 0}
	p, t := 0, 0
	for t < len(text) {
		switch c, width, star := patternAt(pattern, p); {
		case width > 0 && star:
			back, p = mark{p + 1, t}, p+1
		case width > 0 && c == text[t]:
			p, t = p+width, t+1
		case back.p >= 0:
			back.t++
			p, t = back.p, back.t
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func patternAt(pattern string, p int) (c byte, width int, star bool) {
	switch {
	case p >= len(pattern):
		return 0, 0, false
	case pattern[p] == '\\' && p+1 < len(pattern):
		return pattern[p+1], 2, false
	}
	return pattern[p], 1, pattern[p] == '*'
}

func (f *fields) choice(s *state) {
	s.assign = f.assign()
	s.next = f.text("Default")
	f.require("Choices")
	f.each("Choices", "a choice rule", 1, func(r *fields) {
		r.require("Next")
		r.text("Comment")
		next, assign := r.text("Next"), r.assign()
		s.choices = append(s.choices, rule{when: r.condition(0), next: next, assign: assign})
	})
}

// mostNested bounds how deep And, Or and Not may be nested, so that hostile definitions cannot exhaust the stack.
const mostNested = 100

// condition compiles a rule's test.
func (f *fields) condition(depth int) condition {
	if depth > mostNested {
		f.note(f.at, "Conditions are nested too deep.")
		return allOf{}
	}
	var found []condition
	inner := func(name string) (out []condition) {
		f.each(name, "a condition", 1, func(g *fields) { out = append(out, g.condition(depth+1)) })
		return out
	}
	for _, name := range sortedKeys(f.m) {
		switch name {
		case "And":
			found = append(found, allOf(inner(name)))
		case "Or":
			found = append(found, anyOf(inner(name)))
		case "Not":
			v, _ := f.get(name)
			g := f.fields(v, f.sub(name), "a condition")
			found = append(found, not{g.condition(depth + 1)})
			g.close()
		default:
			if op, byPath, ok := parseOperator(name); ok {
				found = append(found, f.comparison(name, op, byPath))
			}
		}
	}
	if len(found) != 1 {
		f.note(f.at, "Needs exactly one of And, Or, Not or a comparison operator.")
		return allOf{}
	}
	return found[0]
}

func (f *fields) comparison(name string, op operator, byPath bool) condition {
	f.require("Variable")
	c := comparison{variable: f.path("Variable"), operator: op}
	if byPath {
		if p := f.path(name); p != nil {
			c.operand = p
		}
		return c
	}
	v, _ := f.get(name)
	if kind, ok := op.accepts(v); !ok {
		f.note(f.sub(name), "Must be %s.", kind)
	}
	c.operand = literal{value: v}
	return c
}

// wholeSeconds reads a number of seconds that a path found.
func wholeSeconds(v any) (int64, bool) {
	n, ok := v.(int64)
	if f, isFloat := v.(float64); isFloat && f == math.Trunc(f) {
		n, ok = int64(f), true
	}
	return n, ok && n >= 0 && n <= 99_999_999
}

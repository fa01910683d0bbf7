package asl

import (
	"fmt"
	"strings"
)

// expression is a compiled path, call of an intrinsic function, or literal.
type expression interface {
	eval(*scope) (any, error)
}

type literal struct {
	value any
	raw   string // of a string: before its escapes are undone
}

func (l literal) eval(*scope) (any, error) { return l.value, nil }
func (p *path) eval(s *scope) (any, error) { return s.get(p) }

// call is an intrinsic function with its arguments.
type call struct {
	text string
	fn   function
	args []expression
}

func (c *call) eval(s *scope) (any, error) {
	args := make([]any, len(c.args))
	for i, a := range c.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		args[i] = v
		if l, ok := a.(literal); ok && c.fn.rawFirst && i == 0 {
			args[i] = l.raw
		}
	}
	v, err := c.fn.run(s, args)
	if err != nil {
		return nil, fail(errIntrinsic, "The function '%s' had the following error: %s", c.text, err)
	}
	return v, nil
}

// parseExpression compiles what may stand after a key that ends in ".$": a path or an intrinsic function.
func parseExpression(text string) (expression, error) {
	if strings.HasPrefix(text, "$") {
		return parsePath(text)
	}
	if !strings.HasPrefix(text, "States.") {
		return nil, fmt.Errorf("neither a JSONPath nor an intrinsic function: %q", text)
	}
	r := &reader{text: text}
	e, err := r.argument()
	if err == nil && strings.TrimSpace(r.rest()) != "" {
		err = fmt.Errorf("unexpected %q", r.rest())
	}
	if err != nil {
		return nil, fmt.Errorf("%w in intrinsic function %q", err, text)
	}
	return e, nil
}

// reader takes an intrinsic function apart.
type reader struct {
	text  string
	pos   int
	depth int
}

// deepest is how far intrinsic functions may be nested, as in the cloud.
const deepest = 10

func (r *reader) rest() string { return r.text[r.pos:] }

func (r *reader) space() {
	for r.pos < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.pos]) >= 0 {
		r.pos++
	}
}

func (r *reader) take(c byte) bool {
	r.space()
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func (r *reader) argument() (expression, error) {
	r.space()
	switch rest := r.rest(); {
	case rest == "":
		return nil, fmt.Errorf("an argument is missing")
	case rest[0] == '\'':
		return r.quoted()
	case rest[0] == '$':
		text := r.token()
		return parsePath(text)
	case strings.HasPrefix(rest, "States."):
		return r.call()
	}
	text := r.token()
	switch text {
	case "null":
		return literal{}, nil
	case "true", "false":
		return literal{value: text == "true"}, nil
	}
	v, err := decode([]byte(text))
	if _, ok := toFloat(v); err != nil || !ok {
		return nil, fmt.Errorf("%q is no argument", text)
	}
	return literal{value: v}, nil
}

// token reads up to the comma or bracket that ends an unquoted argument.
func (r *reader) token() string {
	start, quote, depth := r.pos, byte(0), 0
	for ; r.pos < len(r.text); r.pos++ {
		c := r.text[r.pos]
		switch {
		case c == '\\':
			r.pos++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case depth > 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '[' || c == '(':
			depth++
		case depth > 0 && (c == ']' || c == ')'):
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			return strings.TrimSpace(r.text[start:r.pos])
		}
	}
	r.pos = min(r.pos, len(r.text))
	return strings.TrimSpace(r.text[start:r.pos])
}

func (r *reader) quoted() (expression, error) {
	start := r.pos + 1
	for r.pos = start; r.pos < len(r.text); r.pos++ {
		switch r.text[r.pos] {
		case '\\':
			r.pos++
		case '\'':
			raw := r.text[start:r.pos]
			r.pos++
			return literal{value: unescape(raw), raw: raw}, nil
		}
	}
	r.pos = len(r.text)
	return nil, fmt.Errorf("a quote is not closed")
}

// unescape undoes \' \\ \{ and \}; any other backslash stays.
func unescape(raw string) string {
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\{`, `{`, `\}`, `}`).Replace(raw)
}

func (r *reader) call() (expression, error) {
	if r.depth++; r.depth > deepest {
		return nil, fmt.Errorf("functions are nested more than %d deep", deepest)
	}
	defer func() { r.depth-- }()
	start := r.pos
	open := strings.IndexByte(r.rest(), '(')
	if open < 0 {
		return nil, fmt.Errorf("a bracket is missing")
	}
	name := strings.TrimSpace(r.rest()[:open])
	fn, ok := builtin(name)
	if !ok {
		return nil, fmt.Errorf("there is no function %q", name)
	}
	r.pos += open + 1
	var args []expression
	for !r.take(')') {
		if len(args) > 0 && !r.take(',') {
			return nil, fmt.Errorf("a comma or a bracket is missing")
		}
		a, err := r.argument()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if len(args) < fn.least || fn.most >= 0 && len(args) > fn.most {
		return nil, fmt.Errorf("%s does not take %d arguments", name, len(args))
	}
	return &call{text: r.text[start:r.pos], fn: fn, args: args}, nil
}

// compileTemplate compiles a payload template: keys that end in ".$" carry expressions, everything else is itself. note
// is told what is wrong, and where, as a JSON pointer below the template.
func compileTemplate(v any, at string, note func(at, message string)) expression {
	switch t := v.(type) {
	case map[string]any:
		object := objectTemplate{}
		for _, k := range sortedKeys(t) {
			field, here := templateField{key: k}, at+"/"+escapePointer(k)
			name, dynamic := strings.CutSuffix(k, ".$")
			if !dynamic {
				field.value = compileTemplate(t[k], here, note)
				object = append(object, field)
				continue
			}
			text, ok := t[k].(string)
			if !ok {
				note(here, "A key that ends in .$ needs a JSONPath or an intrinsic function as a string.")
				continue
			}
			e, err := parseExpression(text)
			if err != nil {
				note(here, sentence(err))
				continue
			}
			if _, twice := t[name]; twice {
				note(here, "The key is there twice, with and without .$.")
			}
			field.key, field.value = name, e
			object = append(object, field)
		}
		return object
	case []any:
		list := make(listTemplate, len(t))
		for i := range t {
			list[i] = compileTemplate(t[i], fmt.Sprintf("%s/%d", at, i), note)
		}
		return list
	}
	return literal{value: v}
}

type templateField struct {
	key   string
	value expression
}

type objectTemplate []templateField

func (o objectTemplate) eval(s *scope) (any, error) {
	out := make(map[string]any, len(o))
	for _, f := range o {
		v, err := f.value.eval(s)
		if err != nil {
			return nil, err
		}
		out[f.key] = v
	}
	return out, nil
}

type listTemplate []expression

func (l listTemplate) eval(s *scope) (any, error) {
	out := make([]any, len(l))
	for i, e := range l {
		v, err := e.eval(s)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// sentence makes an error's text fit to stand alone.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

package asl

import (
	"fmt"
	"slices"
	"time"
)

// Problem is one thing wrong with a definition.
type Problem struct {
	Path    string `json:"path"` // JSON pointer into the definition
	Message string `json:"message"`
}

// compiler turns a decoded definition into a machine and collects every problem on the way.
type compiler struct {
	problems []Problem
}

func (c *compiler) note(at, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: at, Message: fmt.Sprintf(format, args...)})
}

// fields reads one object of the definition; what was not read by the time of close is unknown.
type fields struct {
	*compiler
	at   string
	what string // for messages: "a Pass state"
	m    map[string]any
	read map[string]bool
}

func (c *compiler) fields(v any, at, what string) *fields {
	m, ok := v.(map[string]any)
	if !ok {
		c.note(at, "Must be an object.")
	}
	return &fields{compiler: c, at: at, what: what, m: m, read: map[string]bool{}}
}

func (f *fields) close() {
	for _, k := range sortedKeys(f.m) {
		if !f.read[k] {
			f.note(f.sub(k), "The field %q is not known in %s.", k, f.what)
		}
	}
}

func (f *fields) sub(name string) string { return f.at + "/" + escapePointer(name) }

func (f *fields) get(name string) (any, bool) {
	f.read[name] = true
	v, ok := f.m[name]
	return v, ok
}

func (f *fields) has(name string) bool {
	_, ok := f.m[name]
	return ok
}

// exclusive notes when more than one of the names is there.
func (f *fields) exclusive(names ...string) {
	n := 0
	for _, name := range names {
		if f.has(name) {
			n++
		}
	}
	if n > 1 {
		f.note(f.at, "Only one of %v may be there.", names)
	}
}

func (f *fields) require(name string) {
	if !f.has(name) {
		f.note(f.at, "The field %q is missing.", name)
	}
}

func (f *fields) text(name string) string {
	v, ok := f.get(name)
	if !ok {
		return ""
	}
	s, isText := v.(string)
	if !isText {
		f.note(f.sub(name), "Must be a string.")
	}
	return s
}

func (f *fields) boolean(name string) bool {
	v, ok := f.get(name)
	if !ok {
		return false
	}
	b, isBool := v.(bool)
	if !isBool {
		f.note(f.sub(name), "Must be true or false.")
	}
	return b
}

// number reads a number of at least least, or gives otherwise when it is not there.
func (f *fields) number(name string, least, otherwise float64, integer bool) float64 {
	v, ok := f.get(name)
	if !ok {
		return otherwise
	}
	n, isNumber := toFloat(v)
	_, isInteger := v.(int64)
	switch {
	case !isNumber || integer && !isInteger:
		kind := "number"
		if integer {
			kind = "whole number"
		}
		f.note(f.sub(name), "Must be a %s.", kind)
	case n < least || n > 99_999_999:
		f.note(f.sub(name), "Must be between %v and 99999999.", least)
	}
	return n
}

// path reads a field that must be a JSONPath; nil when it is not there or wrong.
func (f *fields) path(name string) *path {
	v, ok := f.get(name)
	if !ok {
		return nil
	}
	s, isText := v.(string)
	if !isText {
		f.note(f.sub(name), "Must be a JSONPath.")
		return nil
	}
	p, err := parsePath(s)
	if err != nil {
		f.note(f.sub(name), "%s", sentence(err))
		return nil
	}
	return p
}

// selector reads a path field that may be null; nil when it is not there.
func (f *fields) selector(name string) *selector {
	if v, ok := f.m[name]; ok && v == nil {
		f.read[name] = true
		return &selector{null: true}
	}
	if p := f.path(name); p != nil {
		return &selector{path: p}
	}
	return nil
}

// target reads a ResultPath: a reference path into the input.
func (f *fields) target() *selector {
	s := f.selector("ResultPath")
	if s != nil && !s.null && (!s.path.isReference() || s.path.head != "") {
		f.note(f.sub("ResultPath"), "Must be a reference path into the input: names and indexes only.")
	}
	return s
}

// expression reads a field that is a path or an intrinsic function.
func (f *fields) expression(name string) expression {
	text := f.text(name)
	if text == "" {
		return nil
	}
	e, err := parseExpression(text)
	if err != nil {
		f.note(f.sub(name), "%s", sentence(err))
		return nil
	}
	return e
}

// numberOrPath reads Name or NamePath; nil when neither is there.
func (f *fields) numberOrPath(name string, least float64, integer bool) expression {
	f.exclusive(name, name+"Path")
	if f.has(name) {
		return literal{value: f.number(name, least, 0, integer)}
	}
	if p := f.path(name + "Path"); p != nil {
		return p
	}
	return nil
}

// template reads a payload template; nil when it is not there.
func (f *fields) template(name string) expression {
	v, ok := f.get(name)
	if !ok {
		return nil
	}
	return compileTemplate(v, f.sub(name), func(at, message string) { f.note(at, "%s", message) })
}

func (f *fields) assign() expression {
	v, ok := f.get("Assign")
	if !ok {
		return nil
	}
	m, isObject := v.(map[string]any)
	if !isObject {
		f.note(f.sub("Assign"), "Must be an object.")
		return nil
	}
	for _, k := range sortedKeys(m) {
		p, err := parsePath("$" + trimDynamic(k))
		if err != nil || p.head == "" || p.head == "$" || p.head == "states" || len(p.steps) > 0 {
			f.note(f.sub("Assign")+"/"+escapePointer(k), "Is not the name of a variable.")
		}
	}
	return f.template("Assign")
}

func trimDynamic(key string) string {
	if n := len(key); n > 2 && key[n-2:] == ".$" {
		return key[:n-2]
	}
	return key
}

// each calls do for every element of a list of objects.
func (f *fields) each(name, what string, least int, do func(*fields)) {
	v, ok := f.get(name)
	if !ok {
		return
	}
	elements, isList := v.([]any)
	if !isList || len(elements) < least {
		f.note(f.sub(name), "Must be a list with at least %d element(s).", least)
		return
	}
	for i, e := range elements {
		g := f.fields(e, fmt.Sprintf("%s/%d", f.sub(name), i), what)
		do(g)
		g.close()
	}
}

// errorNames reads ErrorEquals; last says whether the list is the last of its kind.
func (f *fields) errorNames(last bool) []string {
	v, _ := f.get("ErrorEquals")
	raw, _ := v.([]any)
	if len(raw) == 0 {
		f.note(f.sub("ErrorEquals"), "Must be a list of error names.")
		return nil
	}
	var names []string
	for _, e := range raw {
		name, ok := e.(string)
		switch {
		case !ok:
			f.note(f.sub("ErrorEquals"), "Every error name must be a string.")
		case len(name) > 7 && name[:7] == "States." && !slices.Contains(reservedErrors(), name):
			f.note(f.sub("ErrorEquals"), "%q is none of the errors that start with States.", name)
		}
		names = append(names, name)
	}
	if slices.Contains(names, errAll) && (len(names) > 1 || !last) {
		f.note(f.sub("ErrorEquals"), "States.ALL must stand alone, and in the last element.")
	}
	return names
}

func reservedErrors() []string {
	return []string{errAll, errTaskFailed, errTimeout, errHeartbeat, errRuntime, errDataLimit, errIntrinsic, errNoChoice,
		errResultPath, errTooManyFails, "States.ParameterPathFailure", "States.Permissions", "States.BranchFailed",
		"States.ItemReaderFailed", "States.ResultWriterFailed", "States.QueryEvaluationError", "States.Http.Socket"}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

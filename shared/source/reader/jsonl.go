package reader

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/orcray/orcray/shared/fault"
)

const maxNodes = 10_000 // names and lists inside nested columns, in all

// jsonNode is what stands at one place inside nested values. pyarrow can read it when it is of one kind.
type jsonNode struct {
	kinds    jsonKind
	elem     *jsonNode
	children map[string]*jsonNode
	left     *int // nodes that may still be made
	full     bool
}

// child gives the node of a name; a nil key is a list's elements.
func (n *jsonNode) child(key []byte) *jsonNode {
	if n == nil || *n.left <= 0 {
		if n != nil {
			n.full = true
		}
		return nil
	}
	if key == nil {
		if n.elem == nil {
			n.elem = &jsonNode{left: n.left}
			*n.left--
		}
		return n.elem
	}
	c := n.children[string(key)]
	if c == nil {
		if n.children == nil {
			n.children = map[string]*jsonNode{}
		}
		c = &jsonNode{left: n.left}
		n.children[string(key)] = c
		*n.left--
	}
	return c
}

func (n *jsonNode) note(k jsonKind) {
	if n != nil {
		n.kinds |= k
	}
}

// regular reports whether every place holds values of one kind.
func (n *jsonNode) regular() bool {
	if n == nil {
		return true
	}
	k := n.kinds
	if k&(jsonInt|jsonFloat|jsonHuge) != 0 {
		k = k&^(jsonInt|jsonFloat|jsonHuge) | jsonInt
	}
	if n.full || k&(k-1) != 0 || !n.elem.regular() {
		return false
	}
	for _, c := range n.children {
		if !c.regular() {
			return false
		}
	}
	return true
}

// jsonColumn is one name of the objects.
type jsonColumn struct {
	key   string // raw, with quotes
	name  string
	kinds jsonKind
	rows  int64 // in which it is not null
	last  int64 // line in which it was seen last
	text  column
	shape jsonNode
	ints  span64[int64]
	flts  span64[float64]
}

// jsonScan is one pass over a JSON lines file.
type jsonScan struct {
	cols   []*jsonColumn
	byKey  map[string]*jsonColumn
	names  map[string]bool
	rows   int64
	read   int64
	budget int
	nodes  int
	lines  []string
	line   int64
}

func inspectJSON(ctx context.Context, f file, enc encoding) (Profile, error) {
	if enc.name != "utf-8" {
		return Profile{}, refuse("The JSON is encoded as %s. Save it as UTF-8 and upload that.", enc.name)
	}
	s := &jsonScan{byKey: map[string]*jsonColumn{}, names: map[string]bool{}, budget: exampleBudget, nodes: maxNodes}
	parts := spread(f.size, int64(enc.bom), 1, windows, windowSize)
	if f.size <= MaxScan {
		parts = []part{{int64(enc.bom), f.size}}
	}
	for _, w := range parts {
		if err := s.scan(recordsOf(ctx, f, enc, w, 0, 0)); err != nil {
			return Profile{}, err
		}
		s.read += w.end - w.off
	}
	if s.rows == 0 {
		return Profile{}, refuse("The file has no objects. Put one JSON object a line and upload it again.")
	}
	if len(s.cols) == 0 {
		return Profile{}, refuse("The objects in the file are all empty. Upload objects that have names and values.")
	}
	return s.profile(f, enc), nil
}

func (s *jsonScan) scan(r *records) error {
	var err error
	if r.midway {
		err = r.skipLines(1)
	}
	for err == nil {
		if err = r.next(); err != nil {
			break
		}
		if r.cut() {
			break
		}
		s.line = r.line
		if err := s.object(r.text()); err != nil {
			return jsonError(err, r.line)
		}
	}
	if errors.Is(err, errNotUTF8) {
		return refuse("The text is not valid UTF-8, from about line %d on. Save it as UTF-8 and upload that.", r.lines+1)
	}
	if errors.Is(err, errLongRecord) {
		return tooLarge("Line %d is longer than 1 MiB. Put one object a line, each smaller than that, and upload it again.", r.lines+1)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return scanError(err, r)
}

func jsonError(err error, line int64) error {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errDepth):
		return tooLarge("Line %d has objects or lists more than %d deep. Make it flatter and upload it again.", line, maxDepth)
	}
	return fault.Wrap(err, fault.Unprocessable, "Line %d is not one JSON object. Put one whole object on each line and upload it again.", line)
}

// object takes one line.
func (s *jsonScan) object(line []byte) error {
	p := &jsonText{b: line}
	switch p.peek() {
	case 0:
		return nil // blank
	case '{':
	default:
		return errJSON
	}
	at := 0
	err := p.object(func(key []byte) error {
		c, err := s.column(key, at)
		if err != nil {
			return err
		}
		at++
		if c.last == s.rows+1 {
			return refuse("Line %d has the name %s twice. Use each name once in an object and upload the file again.", s.line, quoteName(c.name))
		}
		c.last = s.rows + 1
		v, err := p.value(&c.shape, 1)
		if err != nil {
			return err
		}
		c.add(v)
		return nil
	})
	if err == nil && p.peek() != 0 {
		err = p.fail("something follows the object")
	}
	if err != nil {
		return err
	}
	if len(s.lines) < previewLines {
		s.lines = append(s.lines, previewLine(string(line)))
	}
	s.rows++
	return nil
}

// column finds the column of a raw key; at is where it stood in the line before, most likely.
func (s *jsonScan) column(key []byte, at int) (*jsonColumn, error) {
	if at < len(s.cols) && s.cols[at].key == string(key) {
		return s.cols[at], nil
	}
	if c := s.byKey[string(key)]; c != nil {
		return c, nil
	}
	name := string(unquote(key))
	if len(name) > 4*maxName {
		return nil, tooLarge("Line %d has a name longer than %d bytes. Use short names and upload the file again.", s.line, 4*maxName)
	}
	for _, c := range s.cols { // the same name, escaped in another way
		if s.names[name] && c.name == name {
			s.byKey[string(key)] = c
			return c, nil
		}
	}
	if len(s.cols) == MaxColumns {
		return nil, tooLarge("The objects have more than %d names in all. Put the variable names into values and upload the file again.", MaxColumns)
	}
	c := &jsonColumn{key: string(key), name: name}
	c.text = column{kinds: asTime, counts: counter{budget: &s.budget}}
	c.shape.left = &s.nodes
	s.cols = append(s.cols, c)
	s.byKey[c.key], s.names[name] = c, true
	return c, nil
}

func (c *jsonColumn) add(v jsonValue) {
	if v.kind == jsonNull {
		return
	}
	c.rows++
	c.kinds |= v.kind
	c.text.values++
	switch v.kind {
	case jsonInt:
		c.ints.add(v.num)
	case jsonFloat:
		if v.flt == v.flt {
			c.flts.add(v.flt)
		}
	case jsonString:
		t := unquote(v.raw)
		c.text.counts.add(t)
		if c.text.kinds != 0 && (c.kinds != jsonString || !c.text.narrowTimes(t)) {
			c.text.kinds = 0
		}
		return
	}
	c.text.counts.add(v.raw)
}

func (s *jsonScan) profile(f file, enc encoding) Profile {
	p := Profile{Format: JSONLines, Rows: s.rows, Exact: f.size <= MaxScan, Preview: s.lines}
	p.Dialect = &Dialect{Encoding: enc.name}
	for _, c := range s.cols {
		col, w := c.profile(s.rows)
		p.Columns = append(p.Columns, col)
		p.Warnings = append(p.Warnings, w...)
		if col.Name == "" {
			p.Warnings = append(p.Warnings, Warning{Code: "empty_column_name", Detail: "A column has an empty name."})
		}
	}
	if !p.Exact {
		p.Rows = int64(float64(s.rows) * float64(f.size) / float64(s.read))
		p.Warnings = append(p.Warnings, partlyRead(f.size))
	}
	return p
}

func (c *jsonColumn) profile(rows int64) (Column, []Warning) {
	out := Column{Name: c.name, Type: c.kind(), Nulls: rows - c.rows}
	out.Distinct, out.Examples = c.text.counts.distinct(), c.text.counts.examples()
	var warnings []Warning
	switch out.Type {
	case Int:
		out.Min, out.Max = fmt.Sprint(c.ints.min), fmt.Sprint(c.ints.max)
	case Float:
		whole := column{ints: c.ints}
		if lo, hi := whole.numberSpan(c.flts); c.ints.seen || c.flts.seen {
			out.Min, out.Max = floatText(lo), floatText(hi)
		}
	case Date, Timestamp:
		t := c.text.times[0]
		out.Format, out.Zoned = t.layout, t.zoned
		out.Min, out.Max = timeText(t.span.min, out.Type, t.zoned), timeText(t.span.max, out.Type, t.zoned)
	case String:
		if c.kinds&jsonHuge != 0 && c.kinds&^(jsonHuge|jsonInt|jsonFloat) == 0 {
			out.Raw = true
			warnings = append(warnings, Warning{Code: "big_integers", Detail: "Column " + quoteName(c.name) + " has numbers beyond 64 bits. It is read as text, so that no digit is lost."})
		} else if c.kinds&^jsonString != 0 {
			out.Raw = true
			warnings = append(warnings, Warning{Code: "mixed_types", Detail: "Column " + quoteName(c.name) + " holds values of several kinds. It is read as text; what is no text stands as its JSON."})
		}
	}
	return out, warnings
}

// kind is the type: whole numbers with others are Float; any other mixture is text.
func (c *jsonColumn) kind() Type {
	switch c.kinds {
	case jsonInt:
		return Int
	case jsonFloat, jsonInt | jsonFloat:
		return Float
	case jsonBool:
		return Bool
	case jsonString:
		if c.text.kinds&asTime != 0 && c.text.times[0].layout == "%Y-%m-%d" {
			return Date
		} else if c.text.kinds&asTime != 0 && c.text.times[0].layout == ISO8601 {
			return Timestamp
		}
	case jsonObject, jsonList:
		if c.shape.regular() {
			return Nested
		}
	}
	return String
}
